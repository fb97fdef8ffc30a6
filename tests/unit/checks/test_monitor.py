"""The pace of a check, and what a check that could not be run does: nothing but being said (T5)."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from supervice.checks.base import HealthChecker, HealthCheckResult
from supervice.checks.connect import lacks_means
from supervice.checks.monitor import HealthMonitor
from supervice.lean.loop import sleep
from supervice.models import HealthCheckConfig, HealthCheckType
from supervice.pid1.spawn import SpawnError
from supervice.pid1.spawn_errors import is_about_us
from tests.fakes.loop import VirtualLoop

SCRIPT = HealthCheckConfig(type=HealthCheckType.SCRIPT, command="x", interval=10, start_period=0)


class Answers(HealthChecker):
    def __init__(self, *answers: HealthCheckResult | Exception) -> None:
        self.answers = list(answers)

    async def check(self) -> HealthCheckResult:
        answer = self.answers.pop(0) if self.answers else HealthCheckResult(True, "fine")
        if isinstance(answer, Exception):
            raise answer
        return answer


def told(
    monkeypatch: pytest.MonkeyPatch, *answers: HealthCheckResult | Exception
) -> tuple[list[Any], list[str]]:
    """What is reported of these answers, and what is said to be unknown."""
    import supervice.lean.loop

    loop = VirtualLoop()
    monkeypatch.setattr(
        supervice.lean.loop, "time", type("Clock", (), {"monotonic": staticmethod(loop.time)})
    )
    reports: list[Any] = []
    unknown: list[str] = []
    checker = Answers(*answers)

    async def run() -> None:
        monitor = HealthMonitor(
            loop, checker, SCRIPT, lambda *report: reports.append(report), unknown=unknown.append
        )
        await sleep(loop, 9 + 10 * len(answers))
        monitor.stop()

    loop.run_until_complete(run())
    loop.close()
    return reports, unknown


def test_t5_a_check_that_could_not_be_run_is_said_and_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    reports, unknown = told(
        monkeypatch,
        HealthCheckResult(False, "no process is to be had", unknown=True),
        HealthCheckResult(False, "sick"),
        MemoryError(),
    )
    assert unknown == ["no process is to be had", "the check failed: MemoryError: "]
    assert [healthy for healthy, *_ in reports][:2] == [False, True]


def test_a_check_that_fails_by_itself_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    reports, unknown = told(monkeypatch, RuntimeError("a defect"))
    assert reports[0] == (False, "the check failed: RuntimeError: a defect", True)
    assert unknown == []


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (SpawnError("x", errno=errno.EAGAIN), True),
        (SpawnError("x", errno=errno.ENOMEM), True),
        (SpawnError("x", errno=errno.E2BIG, permanent=True), True),
        (SpawnError("command not found", code=127), False),
        (OSError(errno.EMFILE, "too many"), True),
        (OSError(errno.ENOENT, "not there", os.devnull), True),
        (OSError(errno.ENOENT, "not there", "/run/secrets/db"), False),
        (MemoryError(), True),
        (ValueError("no closing quotation"), False),
    ],
)
def test_t5_what_says_nothing_about_the_program(error: Exception, ours: bool) -> None:
    assert is_about_us(error) is ours


@pytest.mark.parametrize(
    ("number", "ours"),
    [(errno.EMFILE, True), (errno.ENOBUFS, True), (errno.ECONNREFUSED, False), (errno.EAGAIN, False)],
)
def test_t5_a_full_queue_is_the_programs_and_no_descriptor_is_ours(number: int, ours: bool) -> None:
    assert lacks_means(OSError(number, "")) is ours
