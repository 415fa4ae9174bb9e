import socketserver
import threading

from chat.echo import Echo, ask, shout


def test_shout():
    assert shout(b"Abc\n") == b"ABC\n"


def test_echo():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert ask(server.server_address[1], "hello") == "HELLO"
        server.shutdown()
