"""The decisions of the state machine are the documented ones; its rules are in test_transition_rules.py."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from supervice.lifecycle import states as s
from supervice.lifecycle.states import (
    BecameReady,
    ChildExited,
    HealthChecked,
    LeaderChanged,
    LostReady,
    MemoryChecked,
    Policy,
    PreStopDone,
    ReadinessChecked,
    RestartRequested,
    Run,
    RunExpired,
    Snapshot,
    Spawned,
    SpawnFailed,
    StartRequested,
    Stop,
    StopRequested,
    TimeExtended,
    TimerElapsed,
)
from supervice.lifecycle.steps import KILL_AGAIN, PRE_STOP_SHARE
from supervice.lifecycle.transition import transition
from tests.fakes.kernel import Kernel


def test_every_input_has_an_answer_in_every_state() -> None:
    inputs: list[Any] = [
        StartRequested(),
        StopRequested(),
        StopRequested(force=True),
        RestartRequested(),
        Spawned(1),
        SpawnFailed("x"),
        ChildExited(1, 0, 1.0),
        TimerElapsed(),
        BecameReady(1),
        LostReady(1),
        ReadinessChecked(1, True),
        TimeExtended(1, 5.0, 1.0),
        RunExpired("x"),
        LeaderChanged(1, 2),
        PreStopDone(1.0),
        HealthChecked(1, False),
    ]
    for run in (None, Run(1)):
        for stop in (None, Stop(), Stop(step=s.PRE_STOP)):
            for state in s.STATES:  # also those that cannot be
                for event in inputs:
                    transition(Snapshot(state, run=run, stop=stop), event, Policy())


DEFAULT = Policy()


def up(policy: Policy = DEFAULT) -> Kernel:
    kernel = Kernel(policy)
    kernel.feed(StartRequested())
    kernel.apply("timer", None)
    assert kernel.now.state == s.RUNNING
    return kernel


def test_running_is_reached_only_after_startsecs() -> None:
    kernel = Kernel(Policy(startsecs=5))
    kernel.feed(StartRequested())
    assert kernel.now.state == s.STARTING
    assert kernel.timer == 5
    kernel.apply("timer", None)
    assert kernel.now.state == s.RUNNING


def test_first_crash_restarts_at_once_the_next_quick_one_waits() -> None:
    kernel = Kernel(Policy(startsecs=0, backoff=1, backoff_factor=2, backoff_max=5))
    kernel.feed(StartRequested())
    kernel.apply("exit", (1, 3.0))
    assert kernel.now.state == s.RUNNING
    waits = []
    for _ in range(5):
        kernel.apply("exit", (1, 3.0))
        assert kernel.now.state == s.BACKOFF
        waits.append(kernel.timer)
        kernel.apply("timer", None)
    assert waits == [1, 2, 4, 5, 5]
    kernel.apply("exit", (1, 60.0))
    assert kernel.now.state == s.RUNNING


def test_startretries_counts_failures_in_a_row_then_fatal() -> None:
    kernel = Kernel(Policy(startretries=3))
    kernel.feed(StartRequested())
    waits = []
    while kernel.now.state != s.FATAL:
        kernel.apply("exit", (3, 0.1))
        if kernel.now.state == s.BACKOFF:
            waits.append(kernel.timer)
            kernel.apply("timer", None)
    assert waits == [1, 2, 4]
    assert (
        kernel.now.reason
        == "gave up after 4 failed starts: exit code 3 after 0.10 s, before it was up (startsecs 1 s)"
    )
    assert kernel.now.status == 3


def test_retries_for_ever_never_overflow() -> None:
    kernel = Kernel(Policy(startretries=-1))
    kernel.plan = "fail"
    kernel.feed(StartRequested())
    for _ in range(3000):
        assert kernel.now.state == s.BACKOFF
        kernel.apply("timer", None)
    assert kernel.timer == 30


def test_a_transient_spawn_error_is_retried_a_permanent_one_is_fatal() -> None:
    kernel = Kernel(Policy())
    kernel.plan = "fail"
    kernel.feed(StartRequested())
    assert kernel.now.state == s.BACKOFF
    kernel.plan = "permanent"
    kernel.apply("timer", None)
    assert kernel.now.state == s.FATAL


def test_t5_what_the_container_lacks_uses_up_no_retries() -> None:
    """All pids are taken for a while: the program stays in BACKOFF, whatever startretries says."""
    kernel = Kernel(Policy(startretries=1, oneshot=True, restart_limit=(2, 60.0), backoff_max=30.0))
    kernel.plan = "short"
    kernel.feed(StartRequested())
    waits = []
    for _ in range(20):
        assert kernel.now.state == s.BACKOFF
        assert (kernel.now.failures, kernel.now.restarts) == (0, ())
        assert kernel.now.reason == "no process is to be had"
        assert kernel.timer is not None
        waits.append(kernel.timer)
        kernel.apply("timer", None)
    assert waits[:6] == [1, 2, 4, 8, 16, 30]
    kernel.plan = "ok"
    kernel.apply("timer", None)
    assert kernel.now.state == s.STARTING
    assert kernel.now.shortages == 0
    # what is wrong with the program itself counts from here on as ever
    kernel.plan = "fail"
    kernel.apply("exit", (1, 0.1))
    kernel.apply("timer", None)
    assert kernel.now.state == s.FATAL


def test_what_the_container_lacks_is_said_with_the_time_of_the_next_try() -> None:
    """Issue 17: the line ended in "in 0.00 s", without a word before it."""
    starting = Snapshot(state=s.STARTING, should_run=True)
    failed = SpawnFailed("no process is to be had", shortage=True)
    _, effects = transition(starting, failed, Policy())
    timer, said = effects
    assert isinstance(timer, s.SetTimer)
    assert isinstance(said, s.Announce)
    assert (said.to_state, said.retry) == (s.BACKOFF, "next try")


def test_t5_a_program_without_backoff_does_not_try_as_fast_as_it_can() -> None:
    kernel = Kernel(Policy(backoff=0))
    kernel.plan = "short"
    kernel.feed(StartRequested())
    assert kernel.timer is not None
    assert kernel.timer >= 0.5


def test_t5_a_stop_ends_the_wait_for_what_the_container_lacks() -> None:
    kernel = Kernel(Policy())
    kernel.plan = "short"
    kernel.feed(StartRequested())
    kernel.feed(StopRequested())
    assert kernel.now.state == s.STOPPED


def test_start_of_a_fatal_process_starts_it_with_fresh_counters() -> None:
    kernel = Kernel(Policy(startretries=0))
    kernel.feed(StartRequested())
    kernel.apply("exit", (1, 0.1))
    assert kernel.now.state == s.FATAL
    kernel.feed(StartRequested())
    assert kernel.now.state == s.STARTING
    assert kernel.now.failures == 0


def test_a_stop_during_the_spawn_stops_the_child() -> None:
    kernel = Kernel(Policy())
    kernel.plan = "slow"
    kernel.feed(StartRequested())
    kernel.apply("stop", (False, None))
    kernel.apply("answer", True)
    assert kernel.now.state == s.STOPPING
    assert kernel.signals == [15]
    kernel.apply("exit", (-15, 0.1))
    assert kernel.now.state == s.STOPPED


def test_the_ladder_is_climbed_and_ends_with_kill() -> None:
    kernel = up(Policy(stop_ladder=((15, 10.0), (3, 5.0))))
    kernel.feed(StopRequested())
    waits = []
    for _ in range(4):
        waits.append(kernel.timer)
        kernel.apply("timer", None)
    assert kernel.signals == [15, 3, 9, 9, 9]
    assert waits == [10.0, 5.0, KILL_AGAIN, KILL_AGAIN]
    assert kernel.now.state == s.STOPPING


def test_a_stop_within_a_budget_shortens_every_wait() -> None:
    kernel = up(Policy(stop_ladder=((15, 10.0), (3, 10.0))))
    kernel.feed(StopRequested(within=4.0))
    assert kernel.timer == pytest.approx(2.0)
    kernel.apply("timer", None)
    assert kernel.timer == pytest.approx(2.0)


def test_s1_a_short_wait_of_a_ladder_stays_whole() -> None:
    kernel = up(Policy(stop_ladder=((15, 1.0), (3, 10.0))))
    kernel.feed(StopRequested(within=4.0))
    assert kernel.timer == pytest.approx(1.0)
    kernel.apply("timer", None)
    assert kernel.timer == pytest.approx(3.0)


def test_a_budget_hurries_a_stop_that_is_under_way() -> None:
    kernel = up(Policy(stop_ladder=((15, 100.0),)))
    kernel.feed(StopRequested())
    kernel.feed(StopRequested(within=3.0))
    assert kernel.timer == pytest.approx(3.0)


def test_bad_health_restarts_with_backoff_and_ends_fatal() -> None:
    kernel = up(Policy(startretries=2, health_retries=2))
    waits = []
    for _ in range(2):
        kernel.apply("health", (False, True))
        assert kernel.now.state == s.RUNNING
        kernel.apply("health", (False, True))
        assert kernel.now.state == s.STOPPING
        kernel.apply("exit", (-15, 30.0))
        assert kernel.now.state == s.BACKOFF
        waits.append(kernel.timer)
        kernel.apply("timer", None)
        kernel.apply("timer", None)
        assert kernel.now.state == s.RUNNING
    assert waits == [1, 2]
    kernel.apply("health", (False, True))
    kernel.apply("health", (False, True))
    kernel.apply("exit", (-15, 30.0))
    assert kernel.now.state == s.FATAL
    assert "still unhealthy after 2 restarts" in kernel.now.reason


def test_a_pass_forgives_earlier_health_restarts() -> None:
    kernel = up(Policy(startretries=1, health_retries=1))
    for _ in range(5):
        kernel.apply("health", (False, True))
        kernel.apply("exit", (-15, 30.0))
        kernel.apply("timer", None)
        kernel.apply("timer", None)
        kernel.apply("health", (True, True))
        assert kernel.now.state == s.RUNNING


def test_failures_in_the_start_period_do_not_count() -> None:
    kernel = up(Policy(health_retries=1))
    kernel.apply("health", (False, False))
    assert kernel.now.state == s.RUNNING


def test_unexpected_restarts_only_for_unexpected_codes() -> None:
    policy = Policy(restart_when_expected=False, exitcodes=(0, 2))
    for status, state in ((0, s.EXITED), (2, s.EXITED), (1, s.STARTING), (-9, s.STARTING)):
        kernel = up(policy)
        kernel.apply("exit", (status, 60.0))
        assert kernel.now.state == state, status


def test_a_oneshot_is_done_when_it_ends_whatever_startsecs_says() -> None:
    kernel = Kernel(Policy(oneshot=True, startsecs=5, startretries=0))
    kernel.feed(StartRequested())
    kernel.apply("exit", (0, 0.01))
    assert kernel.now.state == s.EXITED
    kernel.feed(StartRequested())
    kernel.apply("exit", (1, 60.0))
    assert kernel.now.state == s.FATAL


def test_an_operators_restart_does_not_wait() -> None:
    kernel = up()
    kernel.feed(RestartRequested())
    kernel.apply("exit", (-15, 1.0))
    assert kernel.now.state == s.STARTING
    kernel = up()
    kernel.feed(RestartRequested(force=True))
    assert kernel.signals == [9]


def test_snapshots_work_with_the_standard_dataclass_tools() -> None:
    assert dataclasses.replace(Snapshot(), run=Run(3)).pid == 3
    assert dataclasses.asdict(StopRequested())["force"] is False
    with pytest.raises(AttributeError):
        Snapshot().pid = 4  # type: ignore[misc]  # it is the mistake


def test_a_start_during_a_stop_for_bad_health_is_a_fresh_start() -> None:
    kernel = up(Policy(startretries=0, health_retries=1))
    kernel.apply("health", (False, True))
    assert kernel.now.state == s.STOPPING
    kernel.feed(StartRequested())
    kernel.apply("exit", (-15, 30.0))
    assert kernel.now.state == s.STARTING


def test_a_final_program_is_never_tried_again() -> None:
    for status in (0, 3, -11):
        kernel = Kernel(Policy(final=True, autorestart=False))
        kernel.feed(StartRequested())
        kernel.apply("exit", (status, 0.1))
        assert (kernel.now.state, kernel.now.status) == (s.EXITED, status)


NOTIFY = Policy(waits_for_ready=True, ready_timeout=30.0, startretries=1)


def test_running_waits_for_startsecs_and_for_readiness_whichever_is_later() -> None:
    kernel = Kernel(NOTIFY)
    kernel.feed(StartRequested())
    kernel.apply("timer", None)
    assert (kernel.now.state, kernel.timer) == (s.STARTING, 29.0)  # from the spawn
    kernel.apply("ready", None)
    assert (kernel.now.state, kernel.now.ready, kernel.timer) == (s.RUNNING, True, None)

    kernel = Kernel(NOTIFY)
    kernel.feed(StartRequested())
    kernel.apply("ready", None)
    assert (kernel.now.state, kernel.now.ready) == (s.STARTING, False)
    kernel.apply("timer", None)
    assert (kernel.now.state, kernel.now.ready) == (s.RUNNING, True)


def test_not_ready_in_time_is_a_failed_start() -> None:
    kernel = Kernel(NOTIFY)
    kernel.feed(StartRequested())
    for _ in range(2):
        kernel.apply("timer", None)
        kernel.apply("timer", None)
        assert kernel.now.state == s.STOPPING
        kernel.apply("exit", (0, 30.0))
        if kernel.now.state == s.BACKOFF:
            kernel.apply("timer", None)
    assert kernel.now.state == s.FATAL
    assert kernel.now.reason == "gave up after 2 failed starts: not ready within 30 s"


def test_a_main_program_that_is_not_ready_in_time_has_failed_for_good() -> None:
    kernel = Kernel(dataclasses.replace(NOTIFY, final=True))
    kernel.feed(StartRequested())
    kernel.apply("timer", None)
    kernel.apply("timer", None)
    kernel.apply("exit", (0, 30.0))
    assert (kernel.now.state, kernel.now.reason) == (s.FATAL, "not ready within 30 s")


def test_more_time_can_be_asked_for() -> None:
    kernel = Kernel(NOTIFY)
    kernel.feed(StartRequested())
    kernel.apply("extend", (60.0, 0.5))  # before startsecs: it counts later
    assert kernel.timer == 1
    kernel.apply("timer", None)
    assert kernel.timer == 59.5
    kernel.apply("extend", (1.0, 2.0))  # less than it has
    assert kernel.timer == 59.5
    kernel.apply("extend", (90.0, 2.0))
    assert kernel.timer == 90.0
    kernel.apply("ready", None)
    kernel.feed(StopRequested())
    kernel.apply("extend", (60.0, 20.0))
    assert kernel.timer == 60.0
    kernel.feed(StopRequested(within=2.0))  # the container ends: no more time
    kernel.apply("extend", (60.0, 20.0))
    assert kernel.timer == 2.0


def test_a_readiness_check_takes_ready_away_and_nothing_else() -> None:
    kernel = up(Policy(asks_ready=True, readiness_retries=2))
    assert not kernel.now.ready
    kernel.apply("asked", (True, True))
    assert kernel.now.ready
    kernel.apply("asked", (False, True))
    assert kernel.now.ready
    kernel.apply("asked", (False, True))
    assert (kernel.now.state, kernel.now.ready) == (s.RUNNING, False)
    kernel.apply("asked", (True, True))
    assert kernel.now.ready


def test_a_missed_ping_needs_no_second_one() -> None:
    kernel = up(Policy(health_retries=3))
    assert kernel.child is not None
    kernel.feed(HealthChecked(kernel.child, False, "no ping for 3 s", at_once=True))
    assert kernel.now.state == s.STOPPING
    assert kernel.now.reason == "no ping for 3 s"


def test_a_program_above_its_memory_limit_is_restarted_like_an_unhealthy_one() -> None:
    kernel = up(Policy(startretries=1))
    over = MemoryChecked(kernel.child or 0, True, "600 MiB of memory, above its limit of 512 MiB")
    kernel.feed(over)
    assert kernel.now.state == s.STOPPING
    assert kernel.now.reason == over.message
    assert kernel.now.trigger == f"memory limit: {over.message}"
    kernel.apply("exit", (-15, 30.0))
    assert kernel.now.state == s.BACKOFF
    kernel.apply("timer", None)
    kernel.apply("timer", None)
    kernel.apply("memory", (False, True))  # nothing else says that it is well
    kernel.apply("memory", (True, True))
    kernel.apply("exit", (-15, 30.0))
    assert kernel.now.state == s.BACKOFF
    kernel.apply("timer", None)
    kernel.apply("timer", None)
    kernel.apply("memory", (True, True))
    kernel.apply("exit", (-15, 30.0))
    assert kernel.now.state == s.FATAL


def test_where_a_check_says_that_it_is_healthy_memory_does_not_forgive() -> None:
    kernel = up(Policy(startretries=1, health_retries=1, checks_health=True))
    kernel.apply("health", (False, True))
    kernel.apply("exit", (-15, 30.0))
    kernel.apply("timer", None)
    kernel.apply("timer", None)
    kernel.apply("memory", (False, True))
    kernel.apply("health", (False, True))
    kernel.apply("exit", (-15, 30.0))
    assert kernel.now.state == s.FATAL


def test_a_memory_limit_that_only_reports() -> None:
    kernel = up(Policy())
    kernel.apply("memory", (True, False))
    assert (kernel.now.state, kernel.now.healthy) == (s.UNHEALTHY, False)
    kernel.apply("health", (True, True))  # a passed check does not change how much it uses
    assert kernel.now.state == s.UNHEALTHY
    kernel.apply("memory", (True, False))
    kernel.apply("memory", (False, False))
    assert (kernel.now.state, kernel.now.healthy, kernel.now.reason) == (s.RUNNING, None, "")


def test_a_restart_for_its_memory_may_come_later_than_the_word() -> None:
    """One of several processes waits for its turn."""
    kernel = up(Policy())
    kernel.apply("memory", (True, False))
    kernel.apply("memory", (True, False))
    assert kernel.now.state == s.UNHEALTHY
    kernel.apply("memory", (True, True))
    assert (kernel.now.state, kernel.now.health_restarts) == (s.STOPPING, 1)
    kernel.apply("exit", (-15, 30.0))
    assert kernel.now.state == s.BACKOFF


def test_restart_limit_counts_whatever_the_reason() -> None:
    kernel = up(Policy(restart_limit=(2, 60.0), startsecs=0, health_retries=1))
    kernel.apply("exit", (0, 30.0))
    kernel.apply("health", (False, True))
    kernel.apply("exit", (-15, 30.0))
    kernel.apply("timer", None)
    assert kernel.now.state == s.RUNNING
    kernel.apply("pass", 50.0)
    kernel.apply("exit", (1, 30.0))
    assert kernel.now.state == s.FATAL
    assert kernel.now.reason == "more than 2 restarts in 60 s: exit code 1"
    kernel.feed(StartRequested())
    kernel.apply("exit", (1, 30.0))
    assert kernel.now.state == s.RUNNING  # a start by hand forgives
    for _ in range(5):
        kernel.apply("pass", 50.0)
        kernel.apply("exit", (1, 30.0))
        assert kernel.now.state == s.RUNNING


def test_the_command_before_the_stop_takes_at_most_half_of_the_first_wait() -> None:
    policy = Policy(pre_stop=True, stop_ladder=((15, 10.0),))
    kernel = up(policy)
    kernel.feed(StopRequested())
    assert (kernel.signals, kernel.timer) == ([], 10.0 * PRE_STOP_SHARE)
    kernel.apply("prestop", None)
    assert (kernel.signals, kernel.timer) == ([15], 9.5)
    kernel = up(policy)
    kernel.feed(StopRequested())
    kernel.apply("timer", None)
    assert (kernel.signals, kernel.timer) == ([15], 5.0)
    kernel = up(policy)
    kernel.feed(StopRequested())
    kernel.feed(StopRequested(force=True))
    assert kernel.signals == [9]


def test_a_named_successor_goes_on_with_the_run() -> None:
    kernel = Kernel(NOTIFY)
    kernel.feed(StartRequested())
    kernel.apply("ready", None)
    kernel.apply("timer", None)
    first = kernel.now.pid
    kernel.apply("leader", None)
    assert kernel.now.state == s.RUNNING
    assert kernel.now.pid not in (None, first)
    assert kernel.now.ready


# -- runs of a schedule ----------------------------------------------------------------------------------

SCHEDULED = Policy(oneshot=True, scheduled=True, startretries=3)


@pytest.mark.parametrize("code", [0, 1, -9])
def test_a_run_of_a_schedule_ends_in_exited_whatever_its_code(code: int) -> None:
    """A run that failed leaves EXITED with its code, never FATAL: the schedule goes on."""
    kernel = Kernel(SCHEDULED)
    kernel.apply("start", None)
    kernel.apply("exit", (code, 0.1))
    assert (kernel.now.state, kernel.now.status, kernel.now.should_run) == (s.EXITED, code, False)


@pytest.mark.parametrize("plan", ["fail", "permanent"])
def test_a_run_of_a_schedule_that_cannot_be_spawned_is_exited_too(plan: str) -> None:
    kernel = Kernel(SCHEDULED)
    kernel.apply("plan", plan)
    kernel.apply("start", None)
    assert (kernel.now.state, kernel.now.status, kernel.now.reason) == (s.EXITED, 127, "no such file")


def test_a_run_that_has_to_end_is_stopped_and_has_failed() -> None:
    kernel = Kernel(SCHEDULED)
    kernel.apply("start", None)
    kernel.apply("expired", None)
    assert kernel.now.state == s.STOPPING
    kernel.apply("exit", (0, 60.0))
    assert (kernel.now.state, kernel.now.reason) == (s.EXITED, "took longer than 60 s")


def test_an_operators_stop_overtakes_the_end_of_a_run() -> None:
    kernel = Kernel(SCHEDULED)
    kernel.apply("start", None)
    kernel.apply("expired", None)
    kernel.apply("stop", (False, None))
    kernel.apply("exit", (-15, 60.0))
    assert (kernel.now.state, kernel.now.reason) == (s.STOPPED, "")


def test_only_a_run_of_a_schedule_expires() -> None:
    kernel = Kernel(Policy(oneshot=True))
    kernel.apply("start", None)
    kernel.apply("expired", None)
    assert kernel.now.state == s.STARTING
