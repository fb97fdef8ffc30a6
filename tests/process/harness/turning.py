"""Our own loop turned by a test until something is true."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from supervice.lean.long_turns import guarded
from supervice.lean.loop import GUARD, Loop


def is_measured() -> bool:
    """Whether this runs under `make coverage`, which makes each turn longer."""
    return "COVERAGE_RUN" in os.environ or "COVERAGE_PROCESS_START" in os.environ


def turn(loop: Loop, until: Callable[[], object], seconds: float = 30) -> None:
    """Turns the loop until the condition is true; it is looked at after every turn and every 10 ms."""
    deadline = time.monotonic() + seconds
    once = guarded(loop, os.environ[GUARD]) if GUARD in os.environ else loop._turn
    while not until():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        look = loop.call_later(0.01, lambda: None)
        once()
        look.cancel()


def turn_for(loop: Loop, seconds: float) -> None:
    """Turns the loop for a while in which something must not happen."""
    over = time.monotonic() + seconds
    turn(loop, lambda: time.monotonic() > over, seconds + 30)
