"""Answers on a TCP port: server.py PORT. On SIGUSR1 it closes the port and lives on, of no use."""

from __future__ import annotations

import signal
import socket
import sys
from types import FrameType


def main() -> None:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))

    def fall_sick(_signum: int, _frame: FrameType | None) -> None:
        print("server: I do not feel well", flush=True)
        listener.close()
        while True:
            signal.pause()

    signal.signal(signal.SIGUSR1, fall_sick)
    print("server: open", flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"hello\n")


if __name__ == "__main__":
    main()
