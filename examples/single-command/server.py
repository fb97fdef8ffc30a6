"""A web server that would be a bad PID 1: it starts things and does not wait for them.

TERM: ends after the page that it is just serving. HUP: says that it was told to read its settings again.
"""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

# A shell that puts something into the background and ends: an orphan, which this server will never collect.
BACKGROUND = ["sh", "-c", "sleep 0.2 & echo one more"]


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        subprocess.run(BACKGROUND, stdout=subprocess.DEVNULL, check=True)
        body = f"hello from pid {os.getpid()}, child of {os.getppid()}\n".encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> None:
    server = http.server.HTTPServer(("", 8000), Page)

    def stop(_signum: int, _frame: FrameType | None) -> None:
        print("bye", flush=True)
        threading.Thread(target=server.shutdown).start()

    def reload(_signum: int, _frame: FrameType | None) -> None:
        print("settings read again", flush=True)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, reload)
    print("serving", flush=True)
    server.serve_forever()
    sys.exit(0)


if __name__ == "__main__":
    main()
