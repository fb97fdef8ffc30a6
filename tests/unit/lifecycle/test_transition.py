"""The law of a process: the invariants hold on random walks, and the decisions are the documented ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervice.lifecycle import states as s
from supervice.lifecycle.states import (
    Announce,
    BecameReady,
    ChildExited,
    ClearTimer,
    EndPreStop,
    HealthChecked,
    LeaderChanged,
    LostReady,
    Policy,
    PreStopDone,
    ReadinessChecked,
    RestartRequested,
    RunExpired,
    RunPreStop,
    SetTimer,
    SignalGroup,
    Snapshot,
    Spawn,
    Spawned,
    SpawnFailed,
    StartHealthChecks,
    StartReadiness,
    StartRequested,
    StopHealthChecks,
    StopReadiness,
    StopRequested,
    TimeExtended,
    TimerElapsed,
)
from supervice.lifecycle.steps import KILL_AGAIN, PRE_STOP_SHARE
from supervice.lifecycle.transition import transition

policies = st.builds(
    Policy,
    autorestart=st.booleans(),
    restart_when_expected=st.booleans(),
    startsecs=st.sampled_from([0, 1, 5]),
    startretries=st.sampled_from([-1, 0, 1, 3]),
    stop_ladder=st.sampled_from([((15, 10.0),), ((15, 10.0), (3, 5.0)), ((2, 1.0), (9, 0.0))]),
    oneshot=st.booleans(),
    waits_for_ready=st.booleans(),
    ready_timeout=st.sampled_from([None, 0.5, 30.0]),
    asks_ready=st.booleans(),
    readiness_retries=st.sampled_from([1, 2]),
    restart_limit=st.sampled_from([None, (0, 60.0), (2, 60.0)]),
    pre_stop=st.booleans(),
    health_retries=st.sampled_from([1, 3]),
    health_restarts=st.booleans(),
    scheduled=st.sampled_from([False, False, False, True]),
).map(lambda policy: dataclasses.replace(policy, oneshot=True) if policy.scheduled else policy)

# What may happen next, as (kind, detail); resolved against the simulated kernel when it is applied.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.none()),
        st.tuples(st.just("stop"), st.sampled_from([(False, None), (True, None), (False, 2.0)])),
        st.tuples(st.just("restart"), st.booleans()),
        st.tuples(st.just("exit"), st.sampled_from([(0, 0.1), (0, 60.0), (1, 0.1), (1, 60.0), (-9, 3.0)])),
        st.tuples(st.just("timer"), st.none()),
        st.tuples(st.just("ready"), st.none()),
        st.tuples(st.just("lost"), st.none()),
        st.tuples(st.just("asked"), st.tuples(st.booleans(), st.booleans())),
        st.tuples(st.just("extend"), st.sampled_from([(1.0, 0.1), (60.0, 20.0)])),
        st.tuples(st.just("leader"), st.none()),
        st.tuples(st.just("prestop"), st.none()),
        st.tuples(st.just("expired"), st.none()),
        st.tuples(st.just("pass"), st.sampled_from([1.0, 50.0])),
        st.tuples(st.just("health"), st.tuples(st.booleans(), st.booleans())),
        st.tuples(st.just("stale"), st.sampled_from(["exit", "ready", "health", "spawned", "failed"])),
        # the next spawn: "ok", a failure, or "slow" (other inputs land before its answer)
        st.tuples(st.just("plan"), st.sampled_from(["ok", "fail", "permanent", "slow"])),
        st.tuples(st.just("answer"), st.booleans()),
    ),
    max_size=60,
)


class Kernel:
    """Performs effects as the driver would, and checks the invariants after every input."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.now = Snapshot()
        self.child: int | None = None
        self.next_pid = 100
        self.timer: float | None = None
        self.checks: int | None = None
        self.plan = "ok"
        self.spawning = False
        self.stopped = True  # no Spawn is allowed until a start or restart is asked for
        self.shown = s.STOPPED
        self.signals: list[int] = []
        self.asking: int | None = None  # whose readiness is looked for
        self.said: int | None = None  # who has become ready
        self.passed: int | None = None  # whose last readiness checks say so
        self.pre_stop = False
        self.clock = 0.0
        self.automatic: list[float] = []  # when it was restarted without being asked
        self.asked = True  # the next spawn is one that somebody asked for

    def feed(self, event: Any) -> None:
        if isinstance(event, StopRequested):
            self.stopped = True
        if isinstance(event, StartRequested | RestartRequested):
            self.stopped = False
            self.asked = True
        queue = [event]
        while queue:
            one = queue.pop(0)
            before = self.now
            self.now, effects = transition(before, one, self.policy)
            for effect in effects:
                queue += self.perform(effect)
            if not queue:
                self.check()

    def perform(self, effect: object) -> list[Any]:
        match effect:
            case Spawn():
                assert self.child is None, "invariant 1: two children at once"
                assert not self.spawning, "two spawns under way"
                assert not self.stopped, "invariant 3: spawned after a stop"
                assert self.asking is None, "it is still looked for readiness of the last run"
                assert not self.pre_stop
                self.count_spawn()
                if self.plan == "slow":
                    self.spawning = True
                    return []
                return [self.answer(self.plan)]
            case SetTimer(seconds=seconds, at_least=at_least):
                assert seconds >= 0
                self.timer = max(seconds, self.timer or 0.0) if at_least else seconds
            case StartReadiness(pid=pid):
                assert self.asking is None
                self.asking = pid
            case StopReadiness():
                assert self.asking is not None
                self.asking = None
            case RunPreStop():
                assert not self.pre_stop, "the command before the stop twice"
                assert self.child is not None
                self.pre_stop = True
            case EndPreStop():
                assert self.pre_stop
                self.pre_stop = False
            case ClearTimer():
                self.timer = None
            case StartHealthChecks(pid=pid):
                assert self.checks is None
                self.checks = pid
            case StopHealthChecks():
                assert self.checks is not None
                self.checks = None
            case SignalGroup(signum=signum):
                assert self.child is not None, "a signal without a child"
                assert not self.pre_stop, "a signal while the command before it runs"
                self.signals.append(signum)
            case Announce(from_state=a, to_state=b):
                assert a == self.shown, "invariant 6: a broken chain of announcements"
                assert a != b
                self.shown = b
        return []

    def count_spawn(self) -> None:
        """Invariant 9: automatic restarts stay within restart_limit."""
        if self.asked:
            self.asked = False
            self.automatic = []
        elif self.policy.restart_limit is not None:
            most, window = self.policy.restart_limit
            self.automatic = [then for then in self.automatic if self.clock - then < window]
            self.automatic.append(self.clock)
            assert len(self.automatic) <= most, "invariant 9: more restarts than restart_limit"

    def answer(self, plan: str) -> Any:
        self.spawning = False
        if plan in ("fail", "permanent"):
            return SpawnFailed("no such file", permanent=plan == "permanent", code=127, at=self.clock)
        self.next_pid += 1
        self.child = self.next_pid
        return Spawned(self.child)

    def apply(self, kind: str, detail: Any) -> None:
        if kind == "start":
            self.feed(StartRequested())
        elif kind == "stop":
            self.feed(StopRequested(*detail))
        elif kind == "restart":
            self.feed(RestartRequested(detail))
        elif kind == "exit" and self.child is not None:
            pid, self.child = self.child, None
            self.said = self.passed = None
            status, ran_for = detail
            self.feed(ChildExited(pid, status, ran_for, self.clock))
        elif kind == "timer" and self.timer is not None:
            self.timer = None
            self.feed(TimerElapsed())
        elif kind == "ready" and self.child is not None:
            if self.now.state in (s.STARTING, *s.UP) and self.now.pid:
                self.said = self.child
            self.feed(BecameReady(self.child))
        elif kind == "lost" and self.child is not None:
            self.said = None
            self.feed(LostReady(self.child))
        elif kind == "asked" and self.asking is not None:
            if detail[0]:
                self.passed = self.asking
            self.feed(ReadinessChecked(self.asking, *detail))
        elif kind == "extend" and self.child is not None:
            self.feed(TimeExtended(self.child, *detail))
        elif kind == "leader" and self.now.pid is not None:
            assert self.child is not None
            old, self.next_pid = self.child, self.next_pid + 1
            self.child = self.next_pid
            self.said = self.child if self.said == old else None
            self.passed = self.child if self.passed == old else None
            self.feed(LeaderChanged(old, self.child))
        elif kind == "prestop" and self.pre_stop:
            self.pre_stop = False
            self.feed(PreStopDone(0.5))
        elif kind == "expired":
            self.feed(RunExpired("took longer than 60 s"))
        elif kind == "pass":
            self.clock += detail
        elif kind == "health" and self.checks is not None:
            self.feed(HealthChecked(self.checks, detail[0], "m", detail[1]))
        elif kind == "plan":
            self.plan = detail
        elif kind == "answer" and self.spawning:
            self.feed(self.answer("ok" if detail else "fail"))
        elif kind == "stale":
            before = self.now
            self.feed(
                {
                    "exit": ChildExited(7, 0, 1.0),
                    "ready": BecameReady(7),
                    "health": HealthChecked(7, False),
                    "spawned": Spawned(7) if not self.spawning else BecameReady(7),
                    "failed": SpawnFailed("late") if not self.spawning else BecameReady(7),
                }[detail]
            )
            assert self.now == before, "a stale input changed something"

    def check(self) -> None:
        now = self.now
        assert self.shown == now.state
        assert now.pid == self.child
        assert not self.policy.scheduled or now.state not in (s.FATAL, s.BACKOFF), "the schedule goes on"
        if now.state in (s.STOPPED, s.EXITED, s.FATAL, s.BACKOFF):
            assert now.pid is None, f"invariant 2: {now.state} with a pid"
            assert self.child is None, "invariant 7: at rest while the child lives"
        if now.state in (s.RUNNING, s.UNHEALTHY, s.STOPPING):
            assert now.pid is not None, f"invariant 2: {now.state} without a pid"
        if now.state in (s.BACKOFF, s.STOPPING) or (
            now.state == s.STARTING
            and now.pid
            and not self.policy.oneshot
            and (not now.started or self.policy.ready_timeout is not None)
        ):
            assert self.timer is not None, f"invariant 4: {now.state} waits without a timer"
        else:
            assert self.timer is None, f"a timer is left over in {now.state}"
        assert (self.checks is not None) == (now.state in (s.RUNNING, s.UNHEALTHY)), "invariant 5"
        assert self.checks in (None, self.child), "invariant 5: checks of another child"
        self.check_readiness()
        if now.state in s.RESTING:
            assert not now.should_run
        if now.state == s.BACKOFF:
            assert now.should_run

    def check_readiness(self) -> None:
        now, policy = self.now, self.policy
        asks = (policy.waits_for_ready or policy.asks_ready) and not policy.oneshot
        up = now.state in (s.RUNNING, s.UNHEALTHY)
        looked_for = asks and now.pid is not None and (up or now.state == s.STARTING)
        assert self.asking == (self.child if looked_for else None), "invariant 8: readiness of nobody"
        if now.ready:
            assert up, f"invariant 8: ready in {now.state}"
            assert not policy.waits_for_ready or self.said == self.child, "invariant 8: never became ready"
            assert not policy.asks_ready or self.passed == self.child, "invariant 8: no check has passed"
        elif up and not asks:
            raise AssertionError("invariant 8: RUNNING is ready where nothing else is asked for")
        if self.pre_stop:
            assert now.state == s.STOPPING


@settings(max_examples=600, deadline=None)
@given(policies, steps)
def test_invariants_hold_on_random_walks(policy: Policy, walk: list[tuple[str, object]]) -> None:
    kernel = Kernel(policy)
    for kind, detail in walk:
        kernel.apply(kind, detail)


@settings(max_examples=200, deadline=None)
@given(policies, steps)
def test_from_anywhere_a_stop_leads_to_stopped(policy: Policy, walk: list[tuple[str, object]]) -> None:
    kernel = Kernel(policy)
    for kind, detail in walk:
        kernel.apply(kind, detail)
    kernel.apply("stop", (False, None))
    kernel.apply("answer", True)
    kernel.apply("prestop", None)
    for _ in range(10):
        kernel.apply("timer", None)
    kernel.apply("exit", (-9, 1.0))
    assert kernel.now.state == s.STOPPED


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
    for state in s.STATES:
        for event in inputs:
            transition(Snapshot(state=state), event, Policy())


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
    assert kernel.now.reason == "exit code 3 before it was up (4 starts failed)"
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
    assert "unhealthy after 2 restarts" in kernel.now.reason


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
    assert dataclasses.replace(Snapshot(), pid=3).pid == 3
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
    assert kernel.now.reason == "not ready within 30 s (2 starts failed)"


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
    kernel.feed(StopRequested(within=2.0))  # the container ends: nobody gets more
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
    assert kernel.now.state == s.RUNNING  # whoever starts it by hand forgives
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
    assert (kernel.now.state, kernel.now.reason, kernel.now.unready) == (s.STOPPED, "", False)


def test_only_a_run_of_a_schedule_expires() -> None:
    kernel = Kernel(Policy(oneshot=True))
    kernel.apply("start", None)
    kernel.apply("expired", None)
    assert kernel.now.state == s.STARTING
