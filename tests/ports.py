"""TCP ports for tests: outside the range that the kernel takes ports of clients from, and each worker has its own.

Two runs at once on one machine begin at different places.
"""

from __future__ import annotations

import itertools
import os
import socket
import zlib

FIRST, WIDTH, RANGES = 20_000, 1000, 12
_run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_begin = FIRST + (zlib.crc32(_run.encode()) + _worker) % RANGES * WIDTH
_next = itertools.cycle(range(_begin, _begin + WIDTH))


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
