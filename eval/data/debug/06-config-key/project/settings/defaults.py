"""What holds where the user says nothing."""

DEFAULTS = {
    "server": {"host": "localhost", "port": 8080, "timeout_s": 30},
    "log": {"level": "info", "file": None},
}
