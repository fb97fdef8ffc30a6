"""The application: serves what `prepare` has made, and ends when it is told to."""

from __future__ import annotations

import signal
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


def main() -> None:
    handler = partial(SimpleHTTPRequestHandler, directory="/tmp/site")
    with ThreadingHTTPServer(("", int(sys.argv[1])), handler) as server:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server.serve_forever()


if __name__ == "__main__":
    main()
