"""The rules at the top of `lifecycle/transition.py`: each holds on random walks, and each can be broken.

Rule 8 speaks of many processes; its tests stand with those of the graph and of the shutdown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from supervice.lean.dataclasses import replace
from supervice.lifecycle import states as s
from supervice.lifecycle import transition as state_machine
from supervice.lifecycle.states import Announce, Policy, SetTimer, Snapshot, Spawn, StopHealthChecks
from supervice.lifecycle.transition import transition
from tests.fakes.kernel import Kernel, Step, policies, walks

WALKS = settings(max_examples=150, deadline=None)


def breaches(rule: int, policy: Policy, walk: list[Step]) -> list[str]:
    return [how for number, how in Kernel(policy).walk(walk).broken if number == rule]


@WALKS
@given(policies, walks)
def test_rule_1_one_child_at_most(policy: Policy, walk: list[Step]) -> None:
    assert breaches(1, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_2_the_state_says_whether_there_is_a_child(policy: Policy, walk: list[Step]) -> None:
    assert breaches(2, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_3_no_spawn_after_a_stop(policy: Policy, walk: list[Step]) -> None:
    assert breaches(3, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_4_what_waits_has_a_timer(policy: Policy, walk: list[Step]) -> None:
    assert breaches(4, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_5_health_checks_run_while_it_is_up(policy: Policy, walk: list[Step]) -> None:
    assert breaches(5, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_6_announcements_form_a_chain(policy: Policy, walk: list[Step]) -> None:
    assert breaches(6, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_7_no_rest_before_the_child_is_reaped(policy: Policy, walk: list[Step]) -> None:
    assert breaches(7, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_9_ready_is_what_was_seen(policy: Policy, walk: list[Step]) -> None:
    assert breaches(9, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_10_automatic_restarts_stay_within_the_limit(policy: Policy, walk: list[Step]) -> None:
    assert breaches(10, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_11_what_comes_too_late_changes_nothing(policy: Policy, walk: list[Step]) -> None:
    assert breaches(11, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_12_a_schedule_goes_on(policy: Policy, walk: list[Step]) -> None:
    assert breaches(12, policy, walk) == []


@WALKS
@given(policies, walks)
def test_rule_13_each_change_says_what_brought_it_about(policy: Policy, walk: list[Step]) -> None:
    assert breaches(13, policy, walk) == []


@settings(max_examples=200, deadline=None)
@given(policies, walks)
def test_from_anywhere_a_stop_leads_to_stopped(policy: Policy, walk: list[Step]) -> None:
    kernel = Kernel(policy).walk(walk)
    kernel.walk([("stop", (False, None)), ("answer", True), ("prestop", None)])
    kernel.walk([("timer", None)] * 10)
    kernel.apply("exit", (-9, 1.0))
    assert kernel.now.state == s.STOPPED


def test_every_rule_has_its_test() -> None:
    rules = [int(number) for number in re.findall(r"^(\d+)\. ", state_machine.__doc__ or "", re.MULTILINE)]
    assert rules == list(range(1, 14))
    text = "".join(path.read_text() for path in sorted(Path(__file__).parents[1].rglob("test_*.py")))
    assert [rule for rule in rules if f"def test_rule_{rule}_" not in text] == []


# -- each rule can be broken -----------------------------------------------------------------------------


def _restarts_without_waiting(now: Snapshot, event: Any, policy: Policy) -> Any:
    after, effects = transition(now, event, policy)
    return (after, [*effects, Spawn()]) if isinstance(event, s.RestartRequested) else (after, effects)


def _keeps_the_run(now: Snapshot, event: Any, policy: Policy) -> Any:
    after, effects = transition(now, event, policy)
    return (replace(after, run=now.run), effects) if isinstance(event, s.ChildExited) else (after, effects)


def _goes_on_waiting_after_a_stop(now: Snapshot, event: Any, policy: Policy) -> Any:
    stop = isinstance(event, s.StopRequested) and now.state == s.BACKOFF
    return (now, []) if stop else transition(now, event, policy)


def _without(kind: type) -> Any:
    def machine(now: Snapshot, event: Any, policy: Policy) -> Any:
        after, effects = transition(now, event, policy)
        return after, [effect for effect in effects if not isinstance(effect, kind)]

    return machine


def _stops_at_its_word(now: Snapshot, event: Any, policy: Policy) -> Any:
    after, effects = transition(now, event, policy)
    if after.state == s.STOPPING:
        after = replace(after, state=s.STOPPED, run=None, stop=None)
    return after, effects


def _ready_at_once(now: Snapshot, event: Any, policy: Policy) -> Any:
    return transition(now, event, replace(policy, asks_ready=False))


def _without_a_limit(now: Snapshot, event: Any, policy: Policy) -> Any:
    return transition(now, event, replace(policy, restart_limit=None))


def _believes_any_pid(now: Snapshot, event: Any, policy: Policy) -> Any:
    stale = isinstance(event, s.HealthChecked) and now.pid is not None
    return transition(now, replace(event, pid=now.pid) if stale else event, policy)


def _without_a_schedule(now: Snapshot, event: Any, policy: Policy) -> Any:
    return transition(now, event, replace(policy, scheduled=False))


def _forgets_who_asked(now: Snapshot, event: Any, policy: Policy) -> Any:
    return transition(replace(now, trigger="timer"), event, policy)


QUICK = Policy(startsecs=0)
UP: list[Step] = [("start", None)]


@pytest.mark.parametrize(
    ("rule", "machine", "policy", "walk"),
    [
        (1, _restarts_without_waiting, QUICK, [*UP, ("restart", False)]),
        (2, _keeps_the_run, QUICK, [*UP, ("stop", (False, None)), ("exit", (0, 1.0))]),
        (3, _goes_on_waiting_after_a_stop, Policy(), [*UP, ("exit", (1, 0.1)), ("stop", (False, None)), ("timer", None)]),
        (4, _without(SetTimer), Policy(), UP),
        (5, _without(StopHealthChecks), QUICK, [*UP, ("exit", (0, 60.0))]),
        (6, _without(Announce), QUICK, UP),
        (7, _stops_at_its_word, QUICK, [*UP, ("stop", (False, None))]),
        (9, _ready_at_once, Policy(startsecs=0, asks_ready=True), UP),
        (10, _without_a_limit, Policy(startsecs=0, restart_limit=(0, 60.0)), [*UP, ("exit", (0, 60.0))]),
        (11, _believes_any_pid, QUICK, [*UP, ("stale", "health")]),
        (12, _without_a_schedule, Policy(oneshot=True, scheduled=True), [*UP, ("exit", (1, 0.1))]),
        (13, _forgets_who_asked, QUICK, [*UP, ("stop", (False, None)), ("exit", (0, 1.0))]),
    ],
)  # fmt: skip
def test_a_machine_that_breaks_a_rule_is_noticed(
    rule: int, machine: Any, policy: Policy, walk: list[Step]
) -> None:
    assert Kernel(policy).walk(walk).broken == []
    assert rule in {number for number, _ in Kernel(policy, machine).walk(walk).broken}
