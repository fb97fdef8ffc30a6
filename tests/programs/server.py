"""Listens on a TCP port: server.py PORT. While the file /tmp/sick is there it does not, and lives on."""

from __future__ import annotations

import os
import socket
import sys
import time


def main() -> None:
    listener: socket.socket | None = None
    while True:
        sick = os.path.exists("/tmp/sick")
        if sick and listener is not None:
            listener.close()
            listener = None
        elif not sick and listener is None:
            listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        if listener is not None:
            listener.settimeout(0.02)
            try:
                listener.accept()[0].close()
            except TimeoutError:
                pass
        else:
            time.sleep(0.02)


if __name__ == "__main__":
    main()
