"""The one law of a process: what each state makes of each input.

`transition(snapshot, input, policy)` returns the next snapshot and the effects to perform, in order. It
decides everything about one process and does nothing: `process.Process` performs the effects and feeds the
inputs. Every state answers every input. An input that came too late (it speaks of a pid that is not ours any
more, or of a timer that nobody waits for) changes nothing.

`should_run` is what was asked for, `state` is what is. A stop clears `should_run`, and nothing but a start or
restart request sets it again: that is why nothing automatic can start a stopped process.
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
    Policy,
    PreStopDone,
    ReadinessChecked,
    RestartRequested,
    RunExpired,
    SetTimer,
    SignalGroup,
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
    NO_RUN,
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
    not_ready_in_time,
    quiet,
    spawn,
    up,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.lifecycle.states import Effect, Input

    Step = tuple[Snapshot, list[Effect]]


def transition(snapshot: Snapshot, event: Input, policy: Policy) -> tuple[Snapshot, list[Effect]]:
    """The next snapshot, and what has to be done to make it true."""
    handle: Callable[[Snapshot, Any, Policy], Step] = _HANDLERS[type(event)]
    return handle(snapshot, event, policy)


# -- what was asked --------------------------------------------------------------------------------------


def _start(now: Snapshot, _event: StartRequested, policy: Policy) -> Step:
    if now.state in s.RESTING or now.state == s.BACKOFF:
        return spawn(forgiven(now), "asked to start", had_timer=now.state == s.BACKOFF)
    if now.state == s.STOPPING:
        now = forgiven(now)
    return replace(now, should_run=True), []


def _stop(now: Snapshot, event: StopRequested, policy: Policy) -> Step:
    if now.state in s.RESTING or now.state == s.BACKOFF:
        effects: list[Effect] = [ClearTimer()] if now.state == s.BACKOFF else []
        stopped = replace(now, should_run=False, state=s.STOPPED, reason="", ready=False)
        return stopped, effects + announce(now, stopped)
    if now.state == s.STARTING and now.pid is None:
        return replace(now, should_run=False), []  # the spawn is under way: its answer is handled as a stop
    if now.state == s.STOPPING:
        now = replace(now, should_run=False)
        if event.force:
            return escalate_to_kill(now, policy)
        if event.within is not None:
            return hurry(now, event.within, policy)
        return now, []
    return begin_stop(replace(now, should_run=False), policy, event.force, event.within, "asked to stop")


def _restart(now: Snapshot, event: RestartRequested, policy: Policy) -> Step:
    if now.state in s.RESTING or now.state == s.BACKOFF:
        return spawn(forgiven(now), "asked to restart", had_timer=now.state == s.BACKOFF)
    wanted = replace(forgiven(now), should_run=True)
    if now.state == s.STARTING and now.pid is None:
        return wanted, []
    if now.state == s.STOPPING:
        return escalate_to_kill(wanted, policy) if event.force else (wanted, [])
    return begin_stop(wanted, policy, event.force, None, "asked to restart")


# -- what happened ---------------------------------------------------------------------------------------


def _spawned(now: Snapshot, event: Spawned, policy: Policy) -> Step:
    if now.state != s.STARTING or now.pid is not None:
        return now, []
    now = replace(now, pid=event.pid, status=None)
    if not now.should_run:  # a stop landed while the spawn was under way
        return begin_stop(now, policy, False, None, "asked to stop", fresh=True)
    if policy.oneshot:
        return now, []  # it is done when it ends, whatever startsecs says
    asking: list[Effect] = [StartReadiness(event.pid)] if asks_ready(now, policy) else []
    if policy.startsecs <= 0:
        step = lived(now, policy)
        return step[0], asking + step[1]
    return now, [*asking, SetTimer(policy.startsecs)]


def _spawn_failed(now: Snapshot, event: SpawnFailed, policy: Policy) -> Step:
    if now.state != s.STARTING or now.pid is not None:
        return now, []
    if not now.should_run:
        stopped = replace(now, state=s.STOPPED, reason="")
        return stopped, announce(now, stopped)
    now = replace(now, status=event.code)
    if policy.scheduled:
        return ended(now, event.reason, expected=False)
    if event.permanent:
        return give_up(now, event.reason)
    return failed_start(now, event.reason, event.at, policy)


def _child_exited(now: Snapshot, event: ChildExited, policy: Policy) -> Step:
    if now.pid != event.pid:
        return now, []
    how = s.describe(event.status)
    had_timer: list[Effect] = [ClearTimer()] if has_timer(now, policy) else []
    checks = quiet(now, policy)
    if now.state == s.STOPPING and now.stop_step == s.PRE_STOP:
        checks.append(EndPreStop())
    gone = replace(now, **NO_RUN, status=event.status)
    if now.state == s.STOPPING:
        step = after_stop(gone, how, event.at, policy)
    elif now.state == s.STARTING:
        expected = event.status in policy.exitcodes
        if policy.final or policy.scheduled or (policy.oneshot and expected):
            step = ended(gone, how, expected=expected)
        else:
            before = "ready" if now.started else "up"
            why = how if policy.oneshot else f"{how} before it was {before}"  # a oneshot never is
            step = failed_start(gone, why, event.at, policy)
    else:
        step = died(gone, how, event, policy)
    return step[0], had_timer + checks + step[1]


def _timer_elapsed(now: Snapshot, _event: TimerElapsed, policy: Policy) -> Step:
    if not has_timer(now, policy):
        return now, []
    if now.state == s.STARTING:
        return not_ready_in_time(now, policy) if now.started else lived(now, policy)
    if now.state == s.BACKOFF:
        return spawn(now, now.reason)
    if now.stop_step == s.PRE_STOP:
        step = first_signal(now, policy, float("inf"))
        return step[0], [EndPreStop(), *step[1]]
    # STOPPING: the signal was not enough
    following = now.stop_step + 1
    if following >= len(policy.stop_ladder):
        return escalate_to_kill(now, policy)
    signum, wait = policy.stop_ladder[following]
    return replace(now, stop_step=following), [SignalGroup(signum), SetTimer(wait * now.stop_scale)]


def _run_expired(now: Snapshot, event: RunExpired, policy: Policy) -> Step:
    if now.state != s.STARTING or now.pid is None or not policy.scheduled:
        return now, []
    return begin_stop(replace(now, unready=True, reason=event.reason), policy, False, None, event.reason)


def _became_ready(now: Snapshot, event: BecameReady, policy: Policy) -> Step:
    if now.pid != event.pid or now.said_ready or not (now.state == s.STARTING or now.state in s.UP):
        return now, []
    said = replace(now, said_ready=True)
    if now.state in s.UP:
        return judge_ready(said, policy), []
    if not now.started or policy.oneshot:
        return said, []
    effects: list[Effect] = [ClearTimer()] if has_timer(now, policy) else []
    step = up(said, policy)
    return step[0], effects + step[1]


def _lost_ready(now: Snapshot, event: LostReady, policy: Policy) -> Step:
    if now.pid != event.pid or not now.said_ready:
        return now, []
    return judge_ready(replace(now, said_ready=False), policy), []


def _readiness_checked(now: Snapshot, event: ReadinessChecked, policy: Policy) -> Step:
    if now.pid != event.pid or not asks_ready(now, policy):
        return now, []
    if event.ready:
        return judge_ready(replace(now, passing=True, readiness_failures=0), policy), []
    if not event.counts:
        return now, []
    failures = now.readiness_failures + 1
    passing = now.passing and failures < policy.readiness_retries
    return judge_ready(replace(now, passing=passing, readiness_failures=failures), policy), []


def _time_extended(now: Snapshot, event: TimeExtended, policy: Policy) -> Step:
    if now.pid != event.pid or not has_timer(now, policy):
        return now, []
    if now.state == s.STOPPING:
        if now.bounded or not 0 <= now.stop_step < len(policy.stop_ladder):
            return now, []
        return now, [SetTimer(event.seconds, at_least=True)]
    if policy.ready_timeout is None or not policy.waits_for_ready:
        return now, []
    until = event.ran_for + event.seconds
    if until <= max(policy.ready_timeout, now.ready_by):
        return now, []
    return replace(now, ready_by=until), [SetTimer(event.seconds)] if now.started else []


def _leader_changed(now: Snapshot, event: LeaderChanged, policy: Policy) -> Step:
    """The run goes on under another pid; what speaks of the old one is of no account any more."""
    if now.pid != event.pid:
        return now, []
    effects: list[Effect] = quiet(now, policy)
    after = replace(now, pid=event.successor)
    if asks_ready(after, policy):
        effects.append(StartReadiness(event.successor))
    if after.state in s.UP:
        effects.append(StartHealthChecks(event.successor))
    return after, effects


def _pre_stop_done(now: Snapshot, event: PreStopDone, policy: Policy) -> Step:
    if now.state != s.STOPPING or now.stop_step != s.PRE_STOP:
        return now, []
    return first_signal(now, policy, event.took)


def _health_checked(now: Snapshot, event: HealthChecked, policy: Policy) -> Step:
    if now.pid != event.pid or now.state not in s.UP:
        return now, []
    if event.healthy:
        well = replace(now, state=s.RUNNING, healthy=True, health_failures=0, health_restarts=0, reason="")
        return well, announce(now, well, "healthy again")
    if not event.counts:
        return now, []
    failures = now.health_failures + 1
    if now.state == s.UNHEALTHY or (failures < policy.health_retries and not event.at_once):
        return replace(now, health_failures=failures, healthy=False), []
    why = event.message if event.at_once else f"{failures} health checks failed in a row: {event.message}"
    sick = replace(now, state=s.UNHEALTHY, health_failures=failures, healthy=False, reason=why)
    effects = announce(now, sick)
    if not policy.health_restarts:
        return sick, effects
    # Counted before the stop, so that an unhealthy program comes to rest in FATAL like any other failure.
    counted = replace(sick, health_restarts=now.health_restarts + 1)
    stopping, more = begin_stop(counted, policy, False, None, why)
    return stopping, effects + more


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
}
