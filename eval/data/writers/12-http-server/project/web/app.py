import json
from http.server import BaseHTTPRequestHandler


def answer(path):
    """Status and object for a path."""
    if path.startswith("/square/"):
        number = int(path.rpartition("/")[2])
        return 200, {"square": number * numbers}
    return 404, {"error": "not found"}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, value = answer(self.path)
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass
