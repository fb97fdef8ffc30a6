"""Adds one to the number of the store, ten times a second."""

from __future__ import annotations

import socket
import time


def main() -> None:
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect("/tmp/store")
                client.sendall(b"add 1\n")
                client.recv(100)
        except OSError:
            pass  # not yet
        time.sleep(0.1)


if __name__ == "__main__":
    main()
