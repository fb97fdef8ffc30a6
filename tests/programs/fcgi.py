"""A FastCGI application as small as can be: answers every request on descriptor 0 with its pid and its words.

With --hold as its last word it takes no connection at all.
"""

import os
import signal
import socket
import struct
import sys


def record(kind: int, number: int, content: bytes) -> bytes:
    return struct.pack("!BBHHBx", 1, kind, number, len(content), 0) + content


def exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def answer(connection: socket.socket) -> None:
    while True:
        _, kind, number, length, padding = struct.unpack("!BBHHBx", exactly(connection, 8))
        exactly(connection, length + padding)
        if kind == 5 and not length:  # the end of FCGI_STDIN
            text = f"Content-Type: text/plain\r\n\r\n{os.getpid()} {' '.join(sys.argv[1:])}\n".encode()
            connection.sendall(record(6, number, text) + record(6, number, b"") + record(3, number, bytes(8)))
            return


def main() -> None:
    if sys.argv[-1] == "--hold":
        signal.pause()
    listener = socket.socket(fileno=0)
    assert listener.getblocking()
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                answer(connection)
            except EOFError:
                pass


if __name__ == "__main__":
    main()
