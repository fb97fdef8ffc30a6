"""A TCP connection whose last close waits: it is full, no process reads it, and it has SO_LINGER."""

from __future__ import annotations

import array
import socket
import struct

SECONDS = 20
# What a test grants to what must not wait for it.
PATIENCE = 10


class Lingering:
    def __init__(self) -> None:
        self._kept: list[socket.socket] = []
        self._sent: list[socket.socket] = []

    def _make(self) -> socket.socket:
        with socket.create_server(("127.0.0.1", 0)) as server:
            one = socket.create_connection(server.getsockname())
            self._kept.append(server.accept()[0])
        one.setblocking(False)
        try:
            while True:
                one.send(b"x" * 65536)
        except BlockingIOError:
            pass
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, SECONDS))
        return one

    def send(self, sock: socket.socket, data: bytes) -> bool:
        """Sends it with a socket that lingers, whose other copies are closed; returns whether the kernel took it."""
        with self._make() as one:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [one.fileno()]))]
            try:
                sock.sendmsg([data], rights)
            except PermissionError:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
                return False
        return True

    def __enter__(self) -> Lingering:
        return self

    def __exit__(self, *_exc: object) -> None:
        for one in self._kept:
            one.close()  # ends what still waits
