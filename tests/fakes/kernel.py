"""A kernel and a driver in one, without processes: performs effects and watches the rules of the state machine.

`Kernel.apply` turns a step of a random walk into an input; `Kernel.broken` has every rule (by its number at the
top of `supervice/lifecycle/transition.py`) that did not hold, and how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from supervice.lean.dataclasses import replace
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
    MemoryChecked,
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
from supervice.lifecycle.transition import transition

Step = tuple[str, Any]
Machine = Callable[[Snapshot, Any, Policy], tuple[Snapshot, list[Any]]]

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
).map(lambda policy: replace(policy, oneshot=True) if policy.scheduled else policy)

# What may happen next, as (kind, detail); resolved against the simulated kernel when it is applied. What leads on
# stands there more than once: most walks would see nothing but STOPPED otherwise.
STEPS: list[Step] = [
    *[("start", None)] * 6,
    *[("timer", None)] * 8,
    *[("exit", how) for how in ((0, 0.1), (0, 60.0), (1, 0.1), (1, 60.0), (-9, 3.0))],
    *[("stop", how) for how in ((False, None), (True, None), (False, 2.0))],
    *[("restart", force) for force in (False, True)],
    *[("health", how) for how in (*[(False, True)] * 4, (False, False), (True, True))],
    *[("ready", None)] * 2,
    ("lost", None),
    *[("asked", how) for how in ((True, True), (True, False), (False, True), (False, False))],
    *[("extend", how) for how in ((1.0, 0.1), (60.0, 20.0))],
    ("leader", None),
    ("prestop", None),
    ("expired", None),
    *[("pass", seconds) for seconds in (1.0, 50.0)],
    *[("memory", how) for how in ((True, True), (True, False), (False, True))],
    *[("stale", kind) for kind in ("exit", "ready", "health", "memory", "spawned", "failed")],
    # the next spawn: "ok", a failure, or "slow" (other inputs land before its answer)
    *[("plan", answer) for answer in ("ok", "ok", "fail", "permanent", "short", "slow")],
    *[("answer", works) for works in (True, False)],
]
GET_UP: list[Step] = [("start", None), ("timer", None), ("ready", None), ("asked", (True, True))]
walks: st.SearchStrategy[list[Step]] = st.builds(
    lambda first, rest: first + rest,
    st.sampled_from([[], GET_UP, GET_UP]),
    st.lists(st.sampled_from(STEPS), min_size=10, max_size=60),
)


class Kernel:
    """Performs effects as the driver would, and checks the rules after every input."""

    def __init__(self, policy: Policy, machine: Machine = transition) -> None:
        self.policy = policy
        self.machine = machine
        self.now = Snapshot()
        self.broken: list[tuple[int, str]] = []
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
        self.asked = True  # the next spawn is one that was asked for
        self.lacked = False  # the last one failed for want of pids
        self.requests = 0  # each has a trigger of its own
        self.stopping = ""  # the trigger of the stop that was asked for

    def rule(self, number: int, holds: bool, how: str) -> None:
        if not holds:
            self.broken.append((number, how))

    def walk(self, steps: list[Step]) -> Kernel:
        for kind, detail in steps:
            self.apply(kind, detail)
        return self

    def feed(self, event: object) -> None:
        if isinstance(event, StopRequested):
            if self.now.should_run or self.now.state in s.RESTING:
                self.stopping = event.trigger
            self.stopped = True
        if isinstance(event, StartRequested | RestartRequested):
            self.stopped = False
            self.asked = True
        queue = [event]
        while queue:
            fed = queue.pop(0)
            self.now, effects = self.machine(self.now, fed, self.policy)
            self.check_triggers(fed, effects)
            for effect in effects:
                queue += self.perform(effect)
            if not queue:
                self.check()

    def perform(self, effect: object) -> list[object]:
        match effect:
            case Spawn():
                return self.spawn()
            case SetTimer(seconds=seconds, at_least=at_least):
                self.rule(4, seconds >= 0, "a timer in the past")
                self.timer = max(seconds, self.timer or 0.0) if at_least else seconds
            case ClearTimer():
                self.timer = None
            case SignalGroup(signum=signum):
                self.rule(2, self.child is not None, "a signal without a child")
                self.rule(2, not self.pre_stop, "a signal while `pre_stop` runs")
                self.signals.append(signum)
            case Announce(from_state=before, to_state=after):
                self.rule(
                    6, before == self.shown and before != after, f"{before} -> {after} after {self.shown}"
                )
                self.shown = after
            case StartHealthChecks(pid=pid):
                self.rule(5, self.checks is None, "health checks twice")
                self.checks = pid
            case StopHealthChecks():
                self.rule(5, self.checks is not None, "health checks are ended twice")
                self.checks = None
            case StartReadiness(pid=pid):
                self.rule(9, self.asking is None, "readiness is looked for twice")
                self.asking = pid
            case StopReadiness():
                self.rule(9, self.asking is not None, "the search for readiness is ended twice")
                self.asking = None
            case RunPreStop():
                self.rule(2, self.child is not None and not self.pre_stop, "`pre_stop` twice, or of no child")
                self.pre_stop = True
            case EndPreStop():
                self.rule(2, self.pre_stop, "`pre_stop` is ended twice")
                self.pre_stop = False
        return []

    def spawn(self) -> list[object]:
        self.rule(1, self.child is None and not self.spawning, "a second child")
        self.rule(2, not self.pre_stop, "a child while `pre_stop` of the last one runs")
        self.rule(3, not self.stopped, "a child after a stop")
        self.rule(9, self.asking is None, "the readiness of the last run is still looked for")
        if self.asked:
            self.asked = False
            self.automatic = []
        elif self.lacked:
            pass  # the last start failed for what the container lacks: this one is no restart
        elif self.policy.restart_limit is not None:
            most, window = self.policy.restart_limit
            self.automatic = [then for then in self.automatic if self.clock - then < window]
            self.automatic.append(self.clock)
            self.rule(10, len(self.automatic) <= most, f"{len(self.automatic)} restarts, {most} are allowed")
        if self.plan == "slow":
            self.spawning = True
            return []
        return [self.answer(self.plan)]

    def answer(self, plan: str) -> object:
        self.spawning = False
        self.lacked = plan == "short"
        if self.lacked:
            return SpawnFailed("no process is to be had", at=self.clock, shortage=True)
        if plan in ("fail", "permanent"):
            return SpawnFailed("no such file", permanent=plan == "permanent", code=127, at=self.clock)
        self.next_pid += 1
        self.child = self.next_pid
        return Spawned(self.child)

    def apply(self, kind: str, detail: Any) -> None:
        if kind == "start":
            self.feed(StartRequested(self.request()))
        elif kind == "stop":
            self.feed(StopRequested(detail[0], detail[1], self.request()))
        elif kind == "restart":
            self.feed(RestartRequested(detail, self.request()))
        elif kind == "exit" and self.child is not None:
            pid, self.child = self.child, None
            self.said = self.passed = None
            status, ran_for = detail
            self.feed(ChildExited(pid, status, ran_for, self.clock))
        elif kind == "timer" and self.timer is not None:
            self.timer = None
            self.feed(TimerElapsed())
        elif kind == "extend" and self.child is not None:
            self.feed(TimeExtended(self.child, *detail))
        elif kind == "prestop" and self.pre_stop:
            self.pre_stop = False
            self.feed(PreStopDone(0.5))
        elif kind == "expired":
            self.feed(RunExpired("took longer than 60 s"))
        elif kind == "pass":
            self.clock += detail
        elif kind == "health" and self.checks is not None:
            self.feed(HealthChecked(self.checks, detail[0], "m", detail[1]))
        elif kind == "memory" and self.checks is not None:
            self.feed(MemoryChecked(self.checks, detail[0], "m", detail[1]))
        elif kind == "plan":
            self.plan = detail
        elif kind == "answer" and self.spawning:
            self.feed(self.answer("ok" if detail else "fail"))
        elif kind == "leader" and self.now.pid is not None and self.child is not None:
            self.change_leader(self.child)
        elif kind == "stale":
            self.apply_stale(detail)
        else:
            self.apply_readiness(kind, detail)

    def apply_readiness(self, kind: str, detail: Any) -> None:
        if kind == "ready" and self.child is not None:
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

    def change_leader(self, old: int) -> None:
        self.next_pid += 1
        self.child = self.next_pid
        self.said = self.child if self.said == old else None
        self.passed = self.child if self.passed == old else None
        self.feed(LeaderChanged(old, self.child))

    def apply_stale(self, kind: str) -> None:
        before = self.now
        events: dict[str, object] = {
            "exit": ChildExited(7, 0, 1.0),
            "ready": BecameReady(7),
            "health": HealthChecked(7, False),
            "memory": MemoryChecked(7, True),
            "spawned": Spawned(7) if not self.spawning else BecameReady(7),
            "failed": SpawnFailed("late") if not self.spawning else BecameReady(7),
        }
        self.feed(events[kind])
        self.rule(11, self.now == before, f"a late {kind} changed {before} to {self.now}")

    def request(self) -> str:
        self.requests += 1
        return f"operator: {self.requests}"

    # -- after every input -------------------------------------------------------------------------------

    def check(self) -> None:
        now = self.now
        up = now.state in s.UP
        self.rule(6, self.shown == now.state, f"{now.state} was not announced")
        if now.state in (*s.RESTING, s.BACKOFF):
            self.rule(2, now.pid is None, f"{now.state} with a pid")
            self.rule(7, self.child is None, f"{now.state} while the child lives")
            self.rule(
                3, now.should_run == (now.state == s.BACKOFF), f"{now.state}, should_run {now.should_run}"
            )
        elif now.state != s.STARTING:
            self.rule(2, now.pid is not None, f"{now.state} without a pid")
        self.rule(2, now.pid == self.child, f"pid {now.pid}, the child is {self.child}")
        self.rule(2, (now.stop is not None) == (now.state == s.STOPPING), f"{now.stop} in {now.state}")
        self.rule(2, not self.pre_stop or now.state == s.STOPPING, f"`pre_stop` runs in {now.state}")
        waits = now.state in (s.BACKOFF, s.STOPPING) or (
            now.state == s.STARTING
            and now.run is not None
            and not self.policy.oneshot
            and (not now.run.started or self.policy.ready_timeout is not None)
        )
        self.rule(4, waits == (self.timer is not None), f"{now.state}, timer {self.timer}")
        self.rule(5, self.checks == (self.child if up else None), f"{now.state}, checks of {self.checks}")
        given_up = now.state == s.FATAL or (now.state == s.BACKOFF and not now.shortages)
        self.rule(12, not (self.policy.scheduled and given_up), f"{now.state} of a program with a schedule")
        self.check_readiness(up)

    def check_triggers(self, event: object, effects: list[Any]) -> None:
        """What a change says of its cause has to be found in the input, or in the stop that is under way."""
        for change in [effect for effect in effects if isinstance(effect, Announce)]:
            how = f"{change.from_state} -> {change.to_state}: {change.trigger!r} for {event}"
            self.rule(13, bool(change.trigger), how)
            match event:
                case StartRequested() | StopRequested() | RestartRequested():
                    self.rule(13, change.trigger == event.trigger, how)
                case HealthChecked():
                    self.rule(13, change.trigger.startswith(event.by), how)
                case MemoryChecked():
                    self.rule(13, change.trigger.startswith(s.MEMORY), how)
                case SpawnFailed() if self.now.should_run or change.to_state != s.STOPPED:
                    self.rule(13, event.reason in change.trigger, how)
                case ChildExited() if change.from_state != s.STOPPING:
                    self.rule(13, s.describe(event.status) in change.trigger, how)
            if change.to_state == s.STOPPED:
                self.rule(13, change.trigger == self.stopping, how)

    def check_readiness(self, up: bool) -> None:
        now, policy = self.now, self.policy
        asks = (policy.waits_for_ready or policy.asks_ready) and not policy.oneshot
        looked_for = asks and now.pid is not None and (up or now.state == s.STARTING)
        self.rule(9, self.asking == (self.child if looked_for else None), f"asks for {self.asking}")
        if now.ready:
            self.rule(9, up, f"ready in {now.state}")
            self.rule(9, not policy.waits_for_ready or self.said == self.child, "it never became ready")
            self.rule(9, not policy.asks_ready or self.passed == self.child, "no check has passed")
        else:
            self.rule(9, asks or not up, f"{now.state} is ready where nothing else is asked for")
