"""TCP ports for tests: outside the range that the kernel takes ports of clients from, and each worker has its own."""

from __future__ import annotations

import itertools
import os
import socket

WIDTH = 1000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_next = itertools.cycle(range(20_000 + _worker * WIDTH, 20_000 + (_worker + 1) * WIDTH))


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on; the next call gives another one."""
    for _ in range(WIDTH):
        port = next(_next)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")
