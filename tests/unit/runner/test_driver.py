"""The driver of one process, as far as the state machine's tests do not see it."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

from supervice.lifecycle.states import SignalGroup
from supervice.models import ProgramConfig
from supervice.process import Process


def test_a_signal_that_is_the_end_of_the_run_is_no_error() -> None:
    """SIGKILL to what a leader has left behind may end the run within the call."""
    process = Process(ProgramConfig("a", "x"))
    driver: Any = process._driver

    def end(_signum: int, **_: bool) -> bool:
        driver.child = None
        return False

    driver.child = SimpleNamespace(pid=7, signal=end)
    driver._signal(SignalGroup(signal.SIGKILL))
    assert driver.child is None
