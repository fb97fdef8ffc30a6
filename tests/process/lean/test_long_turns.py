"""The guard of all tests in this ring notices a turn that is too long, and what a shared CPU has made longer it does not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from supervice.lean import long_turns
from supervice.lean.loop import Loop
from tests.process.harness.turning import is_measured, turn

pytestmark = pytest.mark.skipif(is_measured(), reason="the coverage is measured")


def busy(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def recorded(seconds: float, file: Path) -> str:
    """What the guard says of a turn with so much work in it."""
    loop, done = Loop(), []

    def work() -> None:
        busy(seconds)
        done.append(True)

    try:
        loop.call_soon(work)
        turn(loop, lambda: done)
    finally:
        loop.close()
    said = file.read_text()
    file.write_text("")
    return said


def test_a_turn_that_is_too_long_is_recorded(turns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_turns, "slowness", lambda: 1.0)
    assert recorded(0.01, turns) == ""
    said = recorded(0.15, turns)
    assert " s on a CPU, " in said
    assert "recorded.<locals>.work" in said


def test_what_a_shared_cpu_makes_longer_is_compared_with_known_work(
    turns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_turns, "known_work", lambda: 2 * long_turns.ALONE)
    assert recorded(0.15, turns) == ""
    assert recorded(0.25, turns) != ""
    monkeypatch.setattr(long_turns, "known_work", lambda: long_turns.ALONE / 2)
    assert recorded(0.15, turns) != "", "a fast CPU has the same limit"
