"""What the exit policy is told of each process: from the process, the table, the queue and the schedules."""

from __future__ import annotations

from typing import Any

import pytest

from supervice.lifecycle.states import EXITED, RUNNING, STARTING, UNHEALTHY, Announce
from supervice.models import HealthCheckConfig, HealthCheckType
from supervice.supervision.termination import Termination
from tests.fakes.ending import Make, World, one, worlds

make = pytest.fixture(name="make")(worlds)


def fact(it: World, name: str = "a") -> Any:
    return next(fact for fact in it.termination._facts() if fact.name == name)


def test_the_facts_are_those_of_the_process_the_table_and_the_queue(make: Make) -> None:
    it = make(one("a", main=True), one("b", critical=True))
    it.become("a", EXITED, expected=False, status=3, reason="exit code 3", given_up=True)
    it.table.processes["b"].started_at = None
    it.table.hold(["b"])
    it.queue.left = {"b": ("needs a:started", "a")}
    a, b = fact(it), fact(it, "b")
    assert (a.state, a.status, a.expected, a.reason) == (EXITED, 3, False, "exit code 3")
    assert (a.main, a.critical, b.main, b.critical) == (True, False, False, True)
    assert (a.has_run, b.has_run) == (True, False)
    assert (a.given_up, b.given_up) == (True, False)
    assert (a.held, b.held) == (False, True)
    assert (b.lost, b.cause, a.lost, a.cause) == ("needs a:started", "a", "", "")
    assert (a.ended, b.ended) == (1, 0)
    assert (a.harmless, a.pending) == (False, False)
    it.host.stock = True
    it.queue.waiting = {"a"}
    assert (fact(it).harmless, fact(it).pending, fact(it, "b").pending) == (True, True, False)


def test_before_the_first_run_there_is_no_queue(make: Make) -> None:
    it = make(one("a"))
    (a,) = Termination(it.table, it.host)._facts()
    assert (a.lost, a.cause, a.pending) == ("", "", False)


def test_who_comes_to_rest_later_has_the_higher_place(make: Make) -> None:
    it = make(one("a"), one("b"))
    it.become("b", EXITED), it.become("a", EXITED), it.become("b", RUNNING), it.become("b", EXITED)
    assert (fact(it).ended, fact(it, "b").ended) == (2, 3)


def test_one_that_crashed_and_is_started_again_at_once_has_not_come_to_rest(make: Make) -> None:
    it = make(one("a"))
    process = it.become("a", STARTING)
    it.termination.changed(process, Announce(RUNNING, EXITED, "exit code 1"))
    assert fact(it).ended == 0


class Plans:
    def __init__(self, *, failed: str = "", will_run: bool = False) -> None:
        self._failed, self._will_run = failed, will_run

    def __contains__(self, name: object) -> bool:
        return name == "a"

    def failed(self, name: str) -> str:
        return self._failed if name == "a" else ""

    def will_run(self, name: str) -> bool:
        return self._will_run and name == "a"


@pytest.mark.parametrize(
    ("critical", "failed", "expected"),
    [(False, "", True), (False, "exit code 1", True), (True, "", True), (True, "exit code 1", False)],
)
def test_a_failed_run_of_a_schedule_counts_for_a_critical_program_only(
    make: Make, critical: bool, failed: str, expected: bool
) -> None:
    """What the process itself says of its end does not count: a retry may have succeeded since."""
    it = make(one("a", critical=critical), one("b"))
    it.queue.plans = Plans(failed=failed)
    for itself in (True, False):
        it.become("a", EXITED, expected=itself), it.become("b", EXITED, expected=itself)
        assert (fact(it).expected, fact(it, "b").expected) == (expected, itself)


def test_one_that_runs_by_a_schedule_again_is_no_last_one(make: Make) -> None:
    it = make(one("a"), one("b"))
    for will_run in (True, False):
        it.queue.plans = Plans(will_run=will_run)
        assert (fact(it).pending, fact(it, "b").pending) == (will_run, False)


@pytest.mark.parametrize("memory", [True, False])
def test_above_its_memory_limit_another_option_says_what_unhealthy_leads_to(make: Make, memory: bool) -> None:
    check = HealthCheckConfig(HealthCheckType.TCP, action="none" if memory else "shutdown")
    more = {"memory_limit_action": "shutdown" if memory else "restart"}
    it = make(one("a", healthcheck=check, **more))
    it.become("a", UNHEALTHY, over_memory=memory)
    assert fact(it).ends_when_unhealthy
    it.become("a", UNHEALTHY, over_memory=not memory)
    assert not fact(it).ends_when_unhealthy
    it.become("a", EXITED)
    assert fact(it).ends_when_unhealthy is not memory
