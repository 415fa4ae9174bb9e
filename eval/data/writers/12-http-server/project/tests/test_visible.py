import json
import threading
import urllib.request
from http.server import HTTPServer

import pytest

from web.app import Handler, answer


@pytest.fixture
def address():
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_square(address):
    with urllib.request.urlopen(f"{address}/square/3", timeout=5) as response:
        assert json.load(response) == {"square": 9}


def test_unknown():
    assert answer("/") == (404, {"error": "not found"})
