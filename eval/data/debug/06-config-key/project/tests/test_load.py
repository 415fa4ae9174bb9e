from settings.load import load


def test_numbers_are_numbers():
    assert load("server.timeout_s = 5")["server"]["timeout_s"] == 5


def test_defaults_are_not_changed():
    load("server.host = example.org")
    assert load("")["server"]["host"] == "localhost"
