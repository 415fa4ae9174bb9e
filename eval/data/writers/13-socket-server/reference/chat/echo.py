import socket
import socketserver


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(shout(line))


def shout(line):
    """A line in capitals, with its newline."""
    text = line.decode().strip()
    return text.upper().encode() + b"\n"


def ask(port, text):
    """The server's answer to one line."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as channel:
        channel.sendall(text.encode() + b"\n")
        channel.shutdown(socket.SHUT_WR)
        return channel.makefile().read().rstrip("\n")
