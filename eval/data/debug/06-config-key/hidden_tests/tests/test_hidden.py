from settings.client import Client


def test_timeout_from_text():
    assert Client("server.timeout_s = 7").timeout_s == 7


def test_host_and_port():
    assert Client("server.host = db\nserver.port=1").url("x") == "http://db:1/x"
