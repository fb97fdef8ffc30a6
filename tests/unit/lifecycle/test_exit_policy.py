"""When the container ends, and with which code."""

from __future__ import annotations

from typing import Any

import pytest

from supervice.lifecycle.exit_policy import Fact, Verdict, told_to_stop, verdict
from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RUNNING, STARTING, STOPPED, UNHEALTHY


def fact(name: str, state: str, status: int | None = None, **more: Any) -> Fact:
    return Fact(name, state, status, **{"has_run": True, **more})


def code(answer: Verdict | None) -> int | None:
    return None if answer is None else answer.code


def test_it_goes_on_while_something_runs_or_will() -> None:
    for state in (RUNNING, STARTING, BACKOFF):
        assert verdict([fact("a", state), fact("b", EXITED, 1, expected=False)]) is None
    assert verdict([fact("a", STOPPED, pending=True), fact("b", EXITED, 0)]) is None
    assert verdict([]) is None


def test_nothing_left_is_0_or_the_first_failure_in_time() -> None:
    assert code(verdict([fact("a", EXITED, 0)])) == 0
    late = fact("a", EXITED, 3, expected=False, ended=2)
    early = fact("b", EXITED, -11, expected=False, ended=1)
    assert code(verdict([late, early])) == 139
    assert code(verdict([fact("a", EXITED, 2, expected=True)])) == 0
    assert code(verdict([fact("a", FATAL, 127)])) == 127


def test_what_never_ran_or_is_held_by_an_operator_keeps_the_container() -> None:
    assert verdict([fact("a", FATAL, 127, has_run=False)]) is None
    assert verdict([fact("a", STOPPED, -15, held=True)]) is None
    assert verdict([fact("a", EXITED, 0)], exit_when_idle=False) is None


@pytest.mark.parametrize(("status", "expected"), [(0, 0), (5, 5), (-15, 143)])
def test_main_decides_with_its_own_code(status: int, expected: int) -> None:
    answer = verdict([fact("m", EXITED, status, main=True, expected=status == 0), fact("b", RUNNING)])
    assert answer is not None
    assert (answer.code, answer.culprit) == (expected, "m")


def test_a_critical_failure_is_never_0() -> None:
    running = fact("b", RUNNING)
    assert verdict([fact("a", EXITED, 0, critical=True), running]) is None
    assert code(verdict([fact("a", EXITED, 0, critical=True, expected=False), running])) == 1
    assert code(verdict([fact("a", EXITED, 9, critical=True, expected=False), running])) == 9
    assert code(verdict([fact("a", FATAL, 126, critical=True), running])) == 126
    assert code(verdict([fact("a", FATAL, None, critical=True), running])) == 1


def test_whichever_came_first_decides() -> None:
    main = fact("m", EXITED, 5, main=True, ended=2)
    critical = fact("c", FATAL, 9, critical=True, ended=1)
    assert code(verdict([main, critical])) == 9


def test_bad_health_ends_it_when_that_was_asked_for() -> None:
    assert verdict([fact("a", UNHEALTHY)]) is None
    assert code(verdict([fact("a", UNHEALTHY, ends_when_unhealthy=True), fact("b", RUNNING)])) == 1


def test_on_fatal_shutdown() -> None:
    facts = [fact("a", FATAL, 4), fact("b", RUNNING)]
    assert verdict(facts) is None
    assert code(verdict(facts, on_fatal_shutdown=True)) == 4


def test_told_to_stop() -> None:
    assert told_to_stop([fact("a", STOPPED, -15)], "SIGTERM received").code == 0
    assert told_to_stop([fact("m", STOPPED, -15, main=True)], "x").code == 143
    assert told_to_stop([fact("m", STOPPED, 3, main=True), fact("f", FATAL, 9)], "x").code == 3
    assert told_to_stop([fact("a", STOPPED, -15), fact("f", FATAL, 127)], "x").code == 127
