"""When a program is above its memory_limit, and how often it is looked at."""

from __future__ import annotations

import pytest

from supervice.lifecycle.memory_limit import judge


@pytest.mark.parametrize(
    ("over", "memory", "limit", "answer"),
    [
        (0, 10, 100, (0, False, 10.0)),
        (0, 80, 100, (0, False, 10.0)),
        (0, 81, 100, (0, False, 1.0)),  # above four fifths
        (0, 100, 100, (0, False, 1.0)),
        (0, 101, 100, (1, None, 1.0)),  # once is not enough
        (1, 101, 100, (2, True, 1.0)),
        (2, 101, 100, (2, True, 1.0)),
        (1, 90, 100, (0, False, 1.0)),
        (1, None, 100, (0, None, 10.0)),  # what is unknown is not above it
        (1, 500, None, (0, None, 10.0)),
    ],
)
def test_a_look(
    over: int, memory: int | None, limit: int | None, answer: tuple[int, bool | None, float]
) -> None:
    assert judge(over, memory, limit) == answer
