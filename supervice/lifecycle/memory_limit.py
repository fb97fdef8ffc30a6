"""Decides whether a program is above its `memory_limit`, and when to look at it next. Pure."""

from __future__ import annotations

# Seconds between two looks; the second applies when the program is close to its limit.
FAR, NEAR = 10.0, 1.0
NEAR_FROM = 0.8
IN_A_ROW = 2


def judge(over: int, memory: int | None, limit: int | None) -> tuple[int, bool | None, float]:
    """Returns the looks in a row above the limit, the verdict, and the seconds until the next look.

    `over` is that number before this look. The verdict is True when the program is above its limit, False
    when it is not, None while that is not clear yet.
    """
    if memory is None or limit is None:
        return 0, None, FAR
    if memory <= limit:
        return 0, False, NEAR if memory > NEAR_FROM * limit else FAR
    over = min(over + 1, IN_A_ROW)
    return over, True if over == IN_A_ROW else None, NEAR
