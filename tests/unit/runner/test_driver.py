"""The driver of one process, as far as the state machine's tests do not see it."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

import pytest

from supervice.lean.loop import sleep
from supervice.lifecycle.states import SignalGroup, SpawnFailed
from supervice.models import ProgramConfig
from supervice.process import Process
from tests.fakes.loop import VirtualLoop


def test_a_signal_that_is_the_end_of_the_run_is_no_error() -> None:
    """SIGKILL to what a leader has left behind may end the run within the call."""
    process = Process(ProgramConfig("a", "x"))
    driver: Any = process.driver

    def end(_signum: int, **_: bool) -> bool:
        driver.child = None
        return False

    driver.child = SimpleNamespace(pid=7, signal=end)
    driver._signal(SignalGroup(signal.SIGKILL))
    assert driver.child is None


def test_an_effect_that_raises_loses_no_input() -> None:
    """What came during it would otherwise wait for the next request."""
    loop = VirtualLoop()
    process = Process(ProgramConfig("a", "x"))
    driver: Any = process.driver
    driver.launcher = SimpleNamespace(runtime=SimpleNamespace(loop=loop))

    def obstacle(*_: object) -> None:
        driver.feed(SpawnFailed("no such file", permanent=True, at=0.0))
        raise RuntimeError("a defect of ours")

    driver.launcher.obstacle = obstacle
    with pytest.raises(RuntimeError):
        process.request_start("operator: start")
    assert process.state == "STARTING"
    loop.run_until_complete(sleep(loop, 1))
    assert process.state == "FATAL"
