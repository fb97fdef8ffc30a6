"""Becomes ready in one way or other and stays: `ready.py tcp PORT | unix PATH | http PORT | notify MESSAGE`."""

import os
import signal
import socket
import sys


def notify(text: str) -> None:
    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(text.replace("\\n", "\n").encode(), address.replace("@", "\0", 1))


def main(way: str, what: str) -> None:
    if way == "notify":
        notify(what)
        signal.pause()
    if way == "unix":
        server = socket.socket(socket.AF_UNIX)
        server.bind(what)
    else:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", int(what)))
    server.listen(50)
    while True:
        client, _ = server.accept()
        if way == "http":
            client.recv(65536)
            client.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        client.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
