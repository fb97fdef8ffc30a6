"""Decides when a program is above its `memory_limit`, and when it is looked at next. Pure."""

from __future__ import annotations

# Seconds between two looks: the second where the program is not far from its limit.
FAR, NEAR = 10.0, 1.0
NEAR_FROM = 0.8
IN_A_ROW = 2


def judge(over: int, memory: int | None, limit: int | None) -> tuple[int, bool | None, float]:
    """Returns how many looks in a row were above the limit, what follows, and the seconds until the next.

    `over` is that number before this look. What follows is True when the program is above its limit, False
    when it is not, None while it is not known.
    """
    if memory is None or limit is None:
        return 0, None, FAR
    if memory <= limit:
        return 0, False, NEAR if memory > NEAR_FROM * limit else FAR
    over = min(over + 1, IN_A_ROW)
    return over, True if over == IN_A_ROW else None, NEAR
