"""As much of the Redis protocol as this example needs, so that it needs no library."""

from __future__ import annotations

import os
import socket


class Redis:
    """`with Redis() as redis: redis("INCR", "visits")`; errors of every kind are OSError."""

    def __enter__(self) -> Redis:
        address = ("127.0.0.1", int(os.environ.get("REDIS_PORT", "6379")))
        self._socket = socket.create_connection(address, timeout=5)
        self._replies = self._socket.makefile("rb")
        return self

    def __exit__(self, *_: object) -> None:
        self._replies.close()
        self._socket.close()

    def __call__(self, *words: str) -> str | int | None:
        parts = [word.encode() for word in words]
        request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
        self._socket.sendall(request)
        line = self._replies.readline().decode().rstrip("\r\n")
        kind, rest = line[:1], line[1:]
        if kind == ":":
            return int(rest)
        if kind == "$":
            return None if rest == "-1" else self._replies.read(int(rest) + 2)[:-2].decode()
        if kind == "+":
            return rest
        raise OSError(rest or "the connection was closed")
