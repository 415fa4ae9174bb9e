import pytest

from settings.client import Client


def test_defaults():
    client = Client()
    assert client.address == "localhost:8080"
    assert client.timeout_s == 30
    assert not client.verbose


def test_text_over_defaults():
    client = Client("server.port = 9000  # ours\nlog.level = debug")
    assert client.url("/items") == "http://localhost:9000/items"
    assert client.verbose


def test_unknown_setting():
    with pytest.raises(ValueError, match="server.prot"):
        Client("server.prot = 1")
