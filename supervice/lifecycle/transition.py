"""The state machine of a process: what each state makes of each input.

`transition(snapshot, input, policy)` returns the next snapshot and the effects to perform, in order. It
decides everything about one process and does nothing: the driver performs the effects and feeds the inputs.
Every state answers every input. `should_run` is what was asked for, `state` is what is.

The rules, each checked by property tests that carry its number (`test_transition_rules.py`):

1. At most one child lives at a time.
2. The state says whether there is a child: STOPPED, EXITED, FATAL and BACKOFF have none; RUNNING, UNHEALTHY
   and STOPPING have one. A stop is under way in STOPPING and nowhere else.
3. After a stop nothing is spawned until a start or a restart is asked for: only these set `should_run`.
4. Each state that waits for time has a timer, and no other state has one: BACKOFF, STOPPING, and STARTING
   within `startsecs` or `ready_timeout`.
5. Health checks run in RUNNING and UNHEALTHY, of the present child.
6. Announcements form an unbroken chain: each begins where the last one ended.
7. No state without a child is reached before the child is reaped.
8. Starts follow the dependency graph and stops its exact reverse. `transition` sees one process: that is the
   work of `lifecycle.graph`.
9. `ready` holds in RUNNING and UNHEALTHY only, and where the configuration asks for it only when the program
   has become ready and the readiness check passes.
10. Automatic restarts stay within `restart_limit`.
11. An input that comes too late changes nothing: one that names a pid that is not the present one, or a timer
    in a state that has none.
12. A program with a schedule is never FATAL, and in BACKOFF only while the container lacks something for its
    spawn: a run that fails is EXITED, and the next one comes at its time.
13. Each announcement says what brought the change about: a request in the words of who asked, a check, the
    exit, the spawn that failed, a time that is over. A stop that was asked for ends with its own trigger.
"""

from __future__ import annotations

from supervice.lean.dataclasses import replace
from supervice.lifecycle import states as s
from supervice.lifecycle.states import (
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
    SetTimer,
    Snapshot,
    Spawned,
    SpawnFailed,
    StartHealthChecks,
    StartReadiness,
    StartRequested,
    StopRequested,
    TimeExtended,
    TimerElapsed,
)
from supervice.lifecycle.steps import (
    after_stop,
    announce,
    asks_ready,
    begin_stop,
    died,
    ended,
    escalate_to_kill,
    failed_start,
    first_signal,
    forgiven,
    give_up,
    has_timer,
    hurry,
    judge_ready,
    lived,
    next_signal,
    not_ready_in_time,
    quiet,
    short,
    spawn,
    too_early,
    up,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.lifecycle.states import Effect, Input

    Step = tuple[Snapshot, list[Effect]]


def transition(snapshot: Snapshot, event: Input, policy: Policy) -> tuple[Snapshot, list[Effect]]:
    """Returns the next snapshot, and the effects that make it true, in order."""
    handle: Callable[[Snapshot, Any, Policy], Step] = _HANDLERS[type(event)]
    return handle(snapshot, event, policy)


# -- requests --------------------------------------------------------------------------------------------


def _start(now: Snapshot, event: StartRequested, policy: Policy) -> Step:
    if now.state in s.RESTING or now.state == s.BACKOFF:
        return spawn(forgiven(now), "asked to start", event.trigger, had_timer=now.state == s.BACKOFF)
    if now.state == s.STOPPING:
        now = forgiven(now)
    elif now.should_run:
        return now, []
    return replace(now, should_run=True, trigger=event.trigger), []


def _stop(now: Snapshot, event: StopRequested, policy: Policy) -> Step:
    if now.state in s.RESTING or now.state == s.BACKOFF:
        effects: list[Effect] = [ClearTimer()] if now.state == s.BACKOFF else []
        trigger = now.trigger if now.state == s.STOPPED else event.trigger
        stopped = replace(now, should_run=False, state=s.STOPPED, reason="", trigger=trigger)
        return stopped, effects + announce(now, stopped)
    if now.should_run:
        now = replace(now, should_run=False, trigger=event.trigger)
    if now.run is None:
        return now, []  # the spawn is under way: `_spawned` stops the child
    if now.stop is None:
        why = "asked to stop"
        return begin_stop(now, now.run, policy, why, event.trigger, force=event.force, within=event.within)
    if event.force:
        return escalate_to_kill(now, now.stop, policy)
    return (now, []) if event.within is None else hurry(now, now.stop, event.within, policy)


def _restart(now: Snapshot, event: RestartRequested, policy: Policy) -> Step:
    if now.state in s.RESTING or now.state == s.BACKOFF:
        return spawn(forgiven(now), "asked to restart", event.trigger, had_timer=now.state == s.BACKOFF)
    now = replace(forgiven(now), should_run=True, trigger=event.trigger)
    if now.run is None:
        return now, []
    if now.stop is None:
        return begin_stop(now, now.run, policy, "asked to restart", event.trigger, force=event.force)
    return escalate_to_kill(now, now.stop, policy) if event.force else (now, [])


# -- what happened ---------------------------------------------------------------------------------------


def _spawned(now: Snapshot, event: Spawned, policy: Policy) -> Step:
    if now.state != s.STARTING or now.run is not None:
        return now, []
    run = s.Run(event.pid)
    now = replace(now, run=run, status=None, given_up=False, shortages=0)
    if not now.should_run:  # a stop landed while the spawn was under way
        return begin_stop(now, run, policy, "asked to stop", now.trigger, fresh=True)
    if policy.oneshot:
        return now, []  # it is done when it exits, whatever startsecs says
    asking: list[Effect] = [StartReadiness(event.pid)] if asks_ready(now, policy) else []
    if policy.startsecs <= 0:
        step = lived(now, run, policy)
        return step[0], asking + step[1]
    return now, [*asking, SetTimer(policy.startsecs)]


def _spawn_failed(now: Snapshot, event: SpawnFailed, policy: Policy) -> Step:
    if now.state != s.STARTING or now.run is not None:
        return now, []
    if not now.should_run:
        stopped = replace(now, state=s.STOPPED, reason="")
        return stopped, announce(now, stopped)
    now = replace(now, trigger=f"spawn: {event.reason}")
    if event.shortage and not policy.scheduled:  # a schedule has retries of its own
        return short(now, event.reason, policy)
    now = replace(now, status=event.code)
    if policy.scheduled:
        return ended(now, event.reason, expected=False)
    if event.permanent:
        return give_up(now, event.reason)
    return failed_start(now, event.reason, event.at, policy)


def _child_exited(now: Snapshot, event: ChildExited, policy: Policy) -> Step:
    run, stop = now.run, now.stop
    if run is None or run.pid != event.pid:
        return now, []
    how = event.blame or s.describe(event.status)
    had_timer: list[Effect] = [ClearTimer()] if has_timer(now, policy) else []
    checks = quiet(now, policy)
    trigger = f"exit: {how}" if stop is None else now.trigger
    gone = replace(now, run=None, stop=None, status=event.status, trigger=trigger)
    if stop is not None:
        if stop.step == s.PRE_STOP:
            checks.append(EndPreStop())
        step = after_stop(gone, stop.cause, how, event.at, policy)
    elif now.state == s.STARTING:
        expected = event.status in policy.exitcodes
        if policy.final or policy.scheduled or (policy.oneshot and expected):
            step = ended(gone, how, expected=expected)
        else:
            step = failed_start(gone, how + too_early(run, event, policy), event.at, policy)
    else:
        step = died(gone, how, event, policy)
    return step[0], had_timer + checks + step[1]


def _timer_elapsed(now: Snapshot, _event: TimerElapsed, policy: Policy) -> Step:
    if not has_timer(now, policy):
        return now, []
    run, stop = now.run, now.stop
    if run is None:  # BACKOFF
        return spawn(now, now.reason, f"retry: {now.reason}", automatic=True)
    if stop is None:  # STARTING
        return not_ready_in_time(now, run, policy) if run.started else lived(now, run, policy)
    if stop.step == s.PRE_STOP:
        step = first_signal(now, stop, policy, float("inf"))
        return step[0], [EndPreStop(), *step[1]]
    return next_signal(now, stop, policy)


def _run_expired(now: Snapshot, event: RunExpired, policy: Policy) -> Step:
    if now.state != s.STARTING or now.run is None or not policy.scheduled:
        return now, []
    why, overdue = event.reason, replace(now, reason=event.reason)
    return begin_stop(overdue, now.run, policy, why, f"schedule: {why}", cause=s.OVERDUE)


def _became_ready(now: Snapshot, event: BecameReady, policy: Policy) -> Step:
    run = now.run
    if run is None or run.pid != event.pid or run.said_ready or now.stop is not None:
        return now, []
    run = replace(run, said_ready=True)
    if now.state in s.UP:
        return judge_ready(now, run, policy), []
    if not run.started or policy.oneshot:
        return replace(now, run=run), []
    effects: list[Effect] = [ClearTimer()] if has_timer(now, policy) else []
    step = up(now, run, policy)
    return step[0], effects + step[1]


def _lost_ready(now: Snapshot, event: LostReady, policy: Policy) -> Step:
    run = now.run
    if run is None or run.pid != event.pid or not run.said_ready:
        return now, []
    return judge_ready(now, replace(run, said_ready=False), policy), []


def _readiness_checked(now: Snapshot, event: ReadinessChecked, policy: Policy) -> Step:
    run = now.run
    if run is None or run.pid != event.pid or not asks_ready(now, policy):
        return now, []
    if event.ready:
        return judge_ready(now, replace(run, passing=True, readiness_failures=0), policy), []
    if not event.counts:
        return now, []
    failures = run.readiness_failures + 1
    passing = run.passing and failures < policy.readiness_retries
    return judge_ready(now, replace(run, passing=passing, readiness_failures=failures), policy), []


def _time_extended(now: Snapshot, event: TimeExtended, policy: Policy) -> Step:
    run, stop = now.run, now.stop
    if run is None or run.pid != event.pid or not has_timer(now, policy):
        return now, []
    if stop is not None:
        if stop.bounded or not 0 <= stop.step < len(policy.stop_ladder):
            return now, []
        return now, [SetTimer(event.seconds, at_least=True)]
    if policy.ready_timeout is None or not policy.waits_for_ready:
        return now, []
    until = event.ran_for + event.seconds
    if until <= max(policy.ready_timeout, run.ready_by):
        return now, []
    return replace(now, run=replace(run, ready_by=until)), [SetTimer(event.seconds)] if run.started else []


def _leader_changed(now: Snapshot, event: LeaderChanged, policy: Policy) -> Step:
    """Continues the run under another pid; inputs that name the old one are stale from here on."""
    run = now.run
    if run is None or run.pid != event.pid:
        return now, []
    effects: list[Effect] = quiet(now, policy)
    after = replace(now, run=replace(run, pid=event.successor))
    if asks_ready(after, policy):
        effects.append(StartReadiness(event.successor))
    if after.state in s.UP:
        effects.append(StartHealthChecks(event.successor))
    return after, effects


def _pre_stop_done(now: Snapshot, event: PreStopDone, policy: Policy) -> Step:
    if now.stop is None or now.stop.step != s.PRE_STOP:
        return now, []
    return first_signal(now, now.stop, policy, event.took)


def _health_checked(now: Snapshot, event: HealthChecked, policy: Policy) -> Step:
    run = now.run
    if run is None or run.pid != event.pid or now.state not in s.UP:
        return now, []
    if event.healthy:
        if run.healthy or run.over_memory:
            return now, []
        run = replace(run, healthy=True, health_failures=0)
        trigger = f"{event.by}: healthy again" if now.state == s.UNHEALTHY else now.trigger
        well = replace(now, state=s.RUNNING, run=run, health_restarts=0, reason="", trigger=trigger)
        return well, announce(now, well, "healthy again")
    if not event.counts:
        return now, []
    failures = run.health_failures + 1
    run = replace(run, health_failures=failures, healthy=False)
    if now.state == s.UNHEALTHY or (failures < policy.health_retries and not event.at_once):
        return replace(now, run=run), []
    why = event.message if event.at_once else f"{failures} health checks failed in a row: {event.message}"
    trigger = f"{event.by}: {event.message}"
    sick = replace(now, state=s.UNHEALTHY, run=run, reason=why, trigger=trigger)
    effects = announce(now, sick)
    return _restart_sick(sick, run, policy, effects) if policy.health_restarts else (sick, effects)


def _restart_sick(sick: Snapshot, run: s.Run, policy: Policy, effects: list[Effect]) -> Step:
    # Counted before the stop, so that an unhealthy program ends in FATAL like any other failure.
    counted = replace(sick, health_restarts=sick.health_restarts + 1)
    stopping, more = begin_stop(counted, run, policy, sick.reason, sick.trigger, cause=s.SICK)
    return stopping, effects + more


def _memory_checked(now: Snapshot, event: MemoryChecked, policy: Policy) -> Step:
    run = now.run
    if run is None or run.pid != event.pid or now.state not in s.UP:
        return now, []
    if event.over:
        if run.over_memory and not event.restarts:
            return now, []
        run = replace(run, healthy=False, over_memory=True)
        trigger = f"{s.MEMORY}: {event.message}"
        sick = replace(now, state=s.UNHEALTHY, run=run, reason=event.message, trigger=trigger)
        effects = announce(now, sick)
        return _restart_sick(sick, run, policy, effects) if event.restarts else (sick, effects)
    # without a check or watchdog, this is the only sign of health
    forgiven = now if policy.checks_health else replace(now, health_restarts=0)
    if not run.over_memory:
        return forgiven, []
    run = replace(run, healthy=None, over_memory=False)
    trigger = f"{s.MEMORY}: below it again"
    well = replace(forgiven, state=s.RUNNING, run=run, reason="", trigger=trigger)
    return well, announce(now, well, "its memory is below the limit again")


_HANDLERS: dict[type, Callable[[Snapshot, Any, Policy], Step]] = {
    StartRequested: _start,
    StopRequested: _stop,
    RestartRequested: _restart,
    Spawned: _spawned,
    SpawnFailed: _spawn_failed,
    ChildExited: _child_exited,
    TimerElapsed: _timer_elapsed,
    RunExpired: _run_expired,
    BecameReady: _became_ready,
    LostReady: _lost_ready,
    ReadinessChecked: _readiness_checked,
    TimeExtended: _time_extended,
    LeaderChanged: _leader_changed,
    PreStopDone: _pre_stop_done,
    HealthChecked: _health_checked,
    MemoryChecked: _memory_checked,
}
