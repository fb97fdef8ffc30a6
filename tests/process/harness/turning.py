"""Our own loop turned by a test until something is true."""

from __future__ import annotations

import time
from collections.abc import Callable

from supervice.lean.loop import Loop


def turn(loop: Loop, until: Callable[[], object], seconds: float = 30) -> None:
    """Turns the loop until the condition is true; it is looked at after every turn and every 10 ms."""
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        look = loop.call_later(0.01, lambda: None)
        loop._turn()
        look.cancel()


def turn_for(loop: Loop, seconds: float) -> None:
    """Turns the loop for a while in which something must not happen."""
    over = time.monotonic() + seconds
    turn(loop, lambda: time.monotonic() > over, seconds + 30)
