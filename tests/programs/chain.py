"""Forks a successor and ends at once, over and over, and ignores SIGTERM: no list of processes is ever up to date.

`chain.py group|session SECONDS [WIDTH]`: within one group, or with a session of its own for each generation, for at most
so long. WIDTH chains run side by side.
"""

from __future__ import annotations

import os
import signal
import sys
import time


def main() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    over = time.monotonic() + float(sys.argv[2])
    for _ in range(int(sys.argv[3]) - 1 if len(sys.argv) > 3 else 0):
        if not os.fork():
            break
    os.write(1, b"up\n")
    while time.monotonic() < over:
        if os.fork():
            os._exit(0)
        if sys.argv[1] == "session":
            os.setsid()


main()
