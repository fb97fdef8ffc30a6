"""A page that counts its visits; it says 500 while there is a file called `broken` in /data."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DATA = "/data"


class Page(BaseHTTPRequestHandler):
    visits = 0

    def do_GET(self) -> None:
        Page.visits += 1
        broken = os.path.exists(f"{DATA}/broken")
        body = f"{Page.visits} visits\n".encode()
        self.send_response(500 if broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        with open(f"{DATA}/visits", "w", encoding="ascii") as file:
            file.write(f"{Page.visits}\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Page).serve_forever()
