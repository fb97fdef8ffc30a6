"""The steps that transitions share: who has a timer, what a start forgives, when a start was too slow."""

from __future__ import annotations

import pytest

from supervice.lean.dataclasses import replace
from supervice.lifecycle import states as s
from supervice.lifecycle.states import (
    ClearTimer,
    Policy,
    RestartRequested,
    Run,
    SetTimer,
    Snapshot,
    StartRequested,
    Stop,
    StopRequested,
    TimerElapsed,
)
from supervice.lifecycle.steps import has_timer
from supervice.lifecycle.transition import transition

NOTIFY = Policy(waits_for_ready=True, ready_timeout=30.0, startsecs=5.0, stop_ladder=((15, 10.0), (9, 0.0)))
BEGUN = Snapshot(s.STARTING, True, Run(7))


@pytest.mark.parametrize(
    ("now", "policy", "timer"),
    [
        (Snapshot(s.STARTING, True), Policy(), False),
        (BEGUN, Policy(), True),
        (BEGUN, Policy(oneshot=True), False),
        (BEGUN, NOTIFY, True),
        (replace(BEGUN, run=Run(7, started=True)), NOTIFY, True),
        (replace(BEGUN, run=Run(7, started=True)), replace(NOTIFY, ready_timeout=None), False),
        (replace(BEGUN, run=Run(7, started=True)), replace(NOTIFY, waits_for_ready=False), False),
        (Snapshot(s.BACKOFF, True), Policy(), True),
        (Snapshot(s.STOPPING, run=Run(7), stop=Stop()), Policy(), True),
        (Snapshot(s.RUNNING, True, Run(7, started=True)), Policy(), False),
        (Snapshot(s.FATAL), Policy(), False),
    ],
)
def test_which_states_wait_for_time(now: Snapshot, policy: Policy, timer: bool) -> None:
    assert has_timer(now, policy) is timer
    if not timer:
        assert transition(now, TimerElapsed(), policy) == (now, [])


@pytest.mark.parametrize(
    "request_", [StartRequested(trigger="operator: told"), RestartRequested(trigger="operator: told")]
)
def test_a_request_forgives_all_that_was(request_: StartRequested | RestartRequested) -> None:
    before = Snapshot(
        s.BACKOFF, True, failures=2, shortages=3, quick_deaths=4, health_restarts=5, restarts=(1.0, 2.0)
    )
    after, _ = transition(before, request_, Policy())
    assert (after.failures, after.shortages, after.quick_deaths) == (0, 0, 0)
    assert (after.health_restarts, after.restarts) == (0, ())


@pytest.mark.parametrize(
    ("ready_timeout", "ready_by", "left"),
    [
        (30.0, 0.0, 25.0),
        (5.5, 0.0, 0.5),
        (5.0, 0.0, None),
        (2.0, 0.0, None),
        (2.0, 8.0, 3.0),
        (2.0, 5.0, None),
        (0.0, 0.0, None),
    ],
)
def test_the_time_that_is_left_to_become_ready(
    ready_timeout: float, ready_by: float, left: float | None
) -> None:
    """Counted from the spawn: startsecs is part of it."""
    policy = replace(NOTIFY, ready_timeout=ready_timeout)
    before = replace(BEGUN, run=Run(7, ready_by=ready_by))
    after, effects = transition(before, TimerElapsed(), policy)
    if left is None:
        assert after.state == s.STOPPING
        assert after.reason == f"not ready within {max(ready_timeout, ready_by):g} s"
    else:
        assert after == replace(before, run=Run(7, ready_by=ready_by, started=True))
        assert effects == [SetTimer(left)]


def test_what_is_up_has_no_failures() -> None:
    before = replace(BEGUN, failures=3, reason="old")
    after, _ = transition(before, TimerElapsed(), Policy())
    assert after == replace(
        before, state=s.RUNNING, run=Run(7, started=True, ready=True), failures=0, reason=""
    )


def test_a_stop_ends_the_wait_for_startsecs() -> None:
    _, effects = transition(BEGUN, StopRequested(), Policy())
    assert ClearTimer() in effects
    _, effects = transition(BEGUN, StopRequested(), Policy(oneshot=True))
    assert ClearTimer() not in effects
