"""A client set up by settings."""

from settings.load import load


class Client:
    def __init__(self, text=""):
        settings = load(text)
        server = settings["server"]
        self.address = f"{server['host']}:{server['port']}"
        self.timeout_s = server["timeout_s"]
        self.verbose = settings["log"]["level"] == "debug"

    def url(self, path):
        return f"http://{self.address}/{path.lstrip('/')}"
