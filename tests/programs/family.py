"""A program with a child and a grandchild: family.py NAME [KIND...]; each says what becomes of it.

Each member prints `NAME MEMBER PID` once it is there and `NAME MEMBER got TERM` when it is told to stop.
KIND is added to that:

    daemon    a fourth member that called setsid, as things do that put themselves into the background
    deaf      the leader ignores TERM
    stubborn  the daemon ignores TERM
    brief     the leader ends after a second with exit code 3, the others stay
"""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())  # in one piece, unlike print


def live(name: str, member: str, ignore: bool = False, seconds: float = 0.0) -> None:
    def on_term(_signum: int, _frame: FrameType | None) -> None:
        say(f"{name} {member} got TERM")
        if not ignore:
            os._exit(0)

    signal.signal(signal.SIGTERM, on_term)
    say(f"{name} {member} {os.getpid()}")
    until = time.monotonic() + seconds
    while not seconds or time.monotonic() < until:
        time.sleep(max(0.01, until - time.monotonic()) if seconds else 1000)
    os._exit(3)


def main() -> None:
    name, *kinds = sys.argv[1:]
    if "daemon" in kinds and os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            live(name, "daemon", ignore="stubborn" in kinds)
        os._exit(0)
    if os.fork() == 0:
        if os.fork() == 0:
            live(name, "grandchild")
        live(name, "child")
    live(name, "leader", ignore="deaf" in kinds, seconds=1.0 if "brief" in kinds else 0.0)


if __name__ == "__main__":
    main()
