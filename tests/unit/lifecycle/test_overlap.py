"""The second run of a process: what becomes of it, over all orders of what can happen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.lean.dataclasses import replace
from supervice.lifecycle import states as s
from supervice.lifecycle.overlap import (
    ALONE,
    COMING,
    GOING,
    Asked,
    Begin,
    Beside,
    Failed,
    Gone,
    PresentEnded,
    Ready,
    Settle,
    Stop,
    Stopped,
    TakeOver,
    decide,
    fits,
    inherited,
    judge,
    may_restart,
)
from supervice.models import ListenConfig, ProgramConfig

HAPPENINGS = st.one_of(
    st.just(Asked()),
    st.just(Ready()),
    st.builds(Failed, st.just("exit code 1")),
    st.just(PresentEnded()),
    st.builds(Gone, st.booleans()),
    st.just(Stopped("stopped")),
)


class World:
    """Keeps account of what the outcomes make of it, and of the rules."""

    def __init__(self) -> None:
        self.now = Beside()
        self.second = False  # a second run lives
        self.open = False  # a restart is waited for
        self.stopped = False

    def feed(self, event: object) -> list[object]:
        if isinstance(event, Gone) and not self.second:
            return []  # nothing is there that could end
        if isinstance(event, Gone):
            self.second = False
        if isinstance(event, Asked):
            self.open, self.stopped = True, False
        if isinstance(event, Stopped):
            self.stopped = True
        before = self.now
        self.now, outcomes = decide(self.now, event)  # type: ignore[arg-type]
        for outcome in outcomes:
            if isinstance(outcome, Begin):
                assert not self.second, "1: a second run begins only where there is none"
                assert not self.stopped, "4: after a stop nothing begins"
                self.second = True
            elif isinstance(outcome, TakeOver):
                assert before.phase == COMING, "2: only a run on its way takes over"
                assert self.second
            elif isinstance(outcome, Settle):
                assert self.open, "3: each restart is settled once"
                self.open = False
            else:
                assert isinstance(outcome, Stop)
        assert self.second is (self.now.phase != ALONE)
        assert self.open is (self.now.phase == COMING or self.now.again), "3: none is forgotten"
        assert not (self.now.again and self.now.phase != GOING)
        return list(outcomes)


@given(st.lists(HAPPENINGS, max_size=30))
def test_the_rules_hold_in_every_order(events: list[object]) -> None:
    world = World()
    for event in events:
        world.feed(event)


@given(st.lists(HAPPENINGS, max_size=30))
def test_whatever_has_happened_a_stop_and_an_end_leave_it_alone(events: list[object]) -> None:
    world = World()
    for event in [*events, Stopped("stopped"), Gone(True)]:
        world.feed(event)
    assert world.now == Beside()
    assert world.feed(Asked()) == [Begin()]


def run(*events: object) -> list[object]:
    world = World()
    return [outcome for event in events for outcome in world.feed(event)]


def test_the_new_one_takes_over_and_the_old_one_ends() -> None:
    assert run(Asked(), Ready(), Gone(True)) == [Begin(), TakeOver(), Settle()]


def test_one_that_fails_is_stopped() -> None:
    assert run(Asked(), Failed("why"), Gone(True)) == [Begin(), Settle("why"), Stop()]


def test_a_restart_meanwhile_begins_anew_when_the_other_is_gone() -> None:
    assert run(Asked(), Asked(), Asked(), Gone(True), Ready()) == [
        Begin(),
        Stop(),
        Begin(),
        TakeOver(),
        Settle(),
    ]


def test_a_restart_while_the_old_one_ends_waits_for_it() -> None:
    assert run(Asked(), Ready(), Asked()) == [Begin(), TakeOver(), Settle()]
    assert run(Asked(), Ready(), Asked(), Gone(True))[-1] == Begin()
    assert run(Asked(), Ready(), Asked(), Gone(False))[-1] == Settle(
        "the present process ended before the new one was started"
    )


def test_the_present_one_that_ends_leaves_it_to_the_new_one() -> None:
    assert run(Asked(), PresentEnded(), Gone(True)) == [Begin(), TakeOver(), Settle()]


def test_a_stop_settles_what_waits() -> None:
    assert run(Asked(), Stopped("x")) == [Begin(), Settle("x"), Stop()]
    assert run(Asked(), Asked(), Stopped("x"), Gone(True)) == [Begin(), Stop(), Settle("x"), Stop()]


def test_one_that_has_not_begun_can_be_given_up() -> None:
    assert run(Asked(), Ready(), Asked(), Failed("x"), Gone(True))[3:] == [Settle("x")]


RUN = s.Run(7, started=True)


@pytest.mark.parametrize(
    ("snapshot", "verdict"),
    [
        (s.Snapshot(s.STARTING), (None, "")),
        (s.Snapshot(s.STARTING, run=s.Run(7)), (None, "")),
        (s.Snapshot(s.RUNNING, run=RUN), (None, "")),
        (s.Snapshot(s.RUNNING, run=replace(RUN, ready=True)), (True, "")),
        (s.Snapshot(s.UNHEALTHY, run=RUN, reason="refused"), (False, "refused")),
        (s.Snapshot(s.BACKOFF, reason="exit code 1"), (False, "exit code 1")),
        (s.Snapshot(s.STOPPING, run=RUN, reason="not ready within 1 s"), (False, "not ready within 1 s")),
        (s.Snapshot(s.STOPPED), (False, "it was stopped")),
    ],
)
def test_when_a_new_run_is_ready(snapshot: s.Snapshot, verdict: tuple[bool | None, str]) -> None:
    assert judge(snapshot) == verdict


def test_what_is_counted_over_the_runs() -> None:
    old = s.Snapshot(s.UNHEALTHY, status=3, restarts=(1.0,), health_restarts=2, failures=1)
    new = s.Snapshot(s.RUNNING, run=RUN)
    assert inherited(new, old, 9.0, automatic=False) == replace(new, status=3)
    counted = inherited(new, old, 9.0, automatic=True)
    assert (counted.restarts, counted.health_restarts, counted.failures) == ((1.0, 9.0), 3, 0)


def test_restart_limit_counts_for_it_too() -> None:
    policy = s.Policy(restart_limit=(2, 60.0))
    assert may_restart(s.Snapshot(restarts=(1.0,)), 10.0, policy)
    assert not may_restart(s.Snapshot(restarts=(1.0, 5.0)), 10.0, policy)
    assert may_restart(s.Snapshot(restarts=(1.0, 5.0)), 62.0, policy)
    assert may_restart(s.Snapshot(restarts=(1.0, 5.0)), 10.0, s.Policy())


def config(*sockets: str, **more: object) -> ProgramConfig:
    listen = ListenConfig(tuple((str(n), address) for n, address in enumerate(sockets))) if sockets else None
    return ProgramConfig("web", "x", overlap=True, listen=listen, **more)  # type: ignore[arg-type]


def test_what_fits_beside_each_other() -> None:
    one = config("tcp::80", "unix:/run/a")
    assert fits(one, replace(one, command="y"))
    assert fits(one, config("tcp::80"))
    assert fits(config("tcp::80"), one)
    assert not fits(one, replace(one, overlap=False))
    assert fits(replace(one, overlap=False), one)
    assert one.listen is not None
    assert not fits(one, replace(one, listen=replace(one.listen, backlog=5)))
    assert not fits(one, replace(one, user="www")), "the file of the socket is another user's"
    owned = replace(one, listen=replace(one.listen, owner="www"))
    assert fits(owned, replace(owned, user="www")), "the file has an owner of its own"
    assert fits(config("tcp::80"), config("tcp::80", user="www"))
    assert not fits(one, replace(one, stdout_logfile="/x"))
    assert not fits(replace(one, stdin="pipe"), one)


@pytest.mark.parametrize(
    ("now", "event", "then", "outcomes"),
    [
        (Beside(), Asked(), Beside(COMING), [Begin()]),
        (Beside(COMING), Asked(), Beside(GOING, again=True), [Stop()]),
        (Beside(GOING), Asked(), Beside(GOING, again=True), []),
        (Beside(GOING), Gone(True), Beside(), []),
        (Beside(GOING, again=True), Gone(True), Beside(COMING), [Begin()]),
        (Beside(COMING), Gone(True), Beside(), [Settle("it has ended")]),
        (Beside(COMING), Stopped("stop"), Beside(GOING), [Settle("stop"), Stop()]),
        (Beside(GOING, again=True), Stopped("stop"), Beside(GOING), [Settle("stop"), Stop()]),
        (Beside(GOING), Stopped("stop"), Beside(GOING), [Stop()]),
        (Beside(GOING, again=True), Failed("no"), Beside(GOING), [Settle("no")]),
        (Beside(COMING), Failed("no"), Beside(GOING), [Settle("no"), Stop()]),
        (Beside(COMING), Ready(), Beside(GOING), [TakeOver(), Settle()]),
        (Beside(COMING), PresentEnded(), Beside(GOING), [TakeOver(), Settle()]),
        (Beside(GOING), Ready(), Beside(GOING), []),
    ],
)
def test_what_follows(now: Beside, event: object, then: Beside, outcomes: list[object]) -> None:
    assert decide(now, event) == (then, outcomes)  # type: ignore[arg-type]


def test_without_a_limit_restarts_are_not_counted() -> None:
    many = s.Snapshot(restarts=(1.0, 2.0, 2.5))
    assert may_restart(many, 2.6, s.Policy())
    assert may_restart(s.Snapshot(), 2.6, s.Policy())


@pytest.mark.parametrize("automatic", [False, True])
def test_the_new_run_inherits_the_last_exit(automatic: bool) -> None:
    assert inherited(s.Snapshot(status=9), s.Snapshot(status=3), 1.0, automatic=automatic).status == 3
