"""What a stop signal means: the first, the same once more, another one, a late one."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

import pytest

from supervice.supervision.signal_actions import SAME, SignalActions

TERM, INT = signal.SIGTERM, signal.SIGINT


class Told:
    """Signal actions on a clock that is set by hand, and what they have asked for."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked: list[str] = []
        actions: Any = object.__new__(SignalActions)
        actions._loop = SimpleNamespace(time=lambda: self.now)
        actions._forwards = {}
        actions._told_to_stop, actions._told_at = 0, 0.0
        actions._termination = SimpleNamespace(
            request_by_signal=self.stop, force=lambda why: self.asked.append(f"force {why.code}")
        )
        self.actions = actions

    def stop(self, signum: int, _why: object) -> None:
        self.asked.append(f"stop {signum}")
        self.now += 5  # a turn that takes long: what comes during it is seen after it


@pytest.mark.parametrize(
    ("second", "later", "asked"),
    [
        (TERM, SAME / 2, ["stop 15"]),
        (TERM, SAME * 1.1, ["stop 15", "force 143"]),
        (INT, SAME / 2, ["stop 15", "force 130"]),
    ],
)
def test_the_same_signal_at_once_is_the_first(second: int, later: float, asked: list[str]) -> None:
    told = Told()
    told.actions._stop(TERM)
    told.now += later
    told.actions._stop(second)
    assert told.asked == asked


def test_a_burst_that_goes_on_ends_by_force() -> None:
    told = Told()
    for _ in range(1000):
        told.actions._stop(TERM)
        told.now += 0.001
    assert told.asked[:2] == ["stop 15", "force 143"]
