"""Rows of replies about processes: what they say of one that does not run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from supervice.api.rows import health_row
from supervice.lifecycle.states import BACKOFF, RUNNING, STOPPED, UNHEALTHY
from supervice.models import ProgramConfig
from tests.fakes.process import FakeProcess

SAID = "http://127.0.0.1:8000/ answers 200"


@pytest.mark.parametrize(
    ("state", "message"), [(RUNNING, SAID), (UNHEALTHY, SAID), (STOPPED, ""), (BACKOFF, "")]
)
def test_a_check_speaks_of_what_runs(state: str, message: str) -> None:
    """`health` said of a program that was stopped what its last check had found."""
    process: Any = FakeProcess(ProgramConfig("web", "x")).become(state)
    process.health_message = SAID
    queue: Any = SimpleNamespace(plans=None, why_left=lambda _p: "", waiting_for=lambda _p: [])
    assert health_row(process, queue)["message"] == message


def test_health_says_what_a_process_waits_for() -> None:
    process: Any = FakeProcess(ProgramConfig("web", "x")).become(STOPPED)
    queue: Any = SimpleNamespace(plans=None, why_left=lambda _p: "", waiting_for=lambda _p: ["db:healthy"])
    row = health_row(process, queue)
    assert (row["message"], row["waiting_for"]) == ("waits for db:healthy", ["db:healthy"])
