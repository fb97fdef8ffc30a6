"""A shop: answers, says what it answered, and is slow now and then."""

from __future__ import annotations

import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            print("slow query: 1204 ms", file=sys.stderr, flush=True)
            time.sleep(1.2)
        body = b"well\n" if self.path == "/health" else b"orders\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        if self.path != "/health":
            print(f"{self.command} {self.path}", flush=True)


def main() -> None:
    with ThreadingHTTPServer(("", int(sys.argv[1])), Shop) as server:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server.serve_forever()


if __name__ == "__main__":
    main()
