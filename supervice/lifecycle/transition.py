"""The one law of a process: what each state makes of each input.

`transition(snapshot, input, policy)` returns the next snapshot and the effects to perform, in order. It
decides everything about one process and does nothing: `process.Process` performs the effects and feeds the
inputs. Every state answers every input. An input that came too late (it speaks of a pid that is not ours any
more, or of a timer that nobody waits for) changes nothing.

`should_run` is what was asked for, `state` is what is. A stop clears `should_run`, and nothing but a start or
restart request sets it again: that is why nothing automatic can start a stopped process.
"""

from __future__ import annotations

from supervice.lean import replace
from supervice.lifecycle import states as s
from supervice.lifecycle.states import (
    Announce,
    BecameReady,
    ChildExited,
    ClearTimer,
    HealthChecked,
    Policy,
    RestartRequested,
    SetTimer,
    SignalGroup,
    Snapshot,
    Spawn,
    Spawned,
    SpawnFailed,
    StartHealthChecks,
    StartRequested,
    StopHealthChecks,
    StopRequested,
    TimerElapsed,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.lifecycle.states import Effect, Input

    Step = tuple[Snapshot, list[Effect]]

# A process that dies sooner than this after its last automatic restart has to wait before the next one.
QUICK = 10.0
JITTER = 0.1
# SIGKILL is sent again at this pace to a child that the kernel does not let go of (uninterruptible sleep).
KILL_AGAIN = 5.0


def transition(snapshot: Snapshot, event: Input, policy: Policy) -> tuple[Snapshot, list[Effect]]:
    """The next snapshot, and what has to be done to make it true."""
    handle: Callable[[Snapshot, Any, Policy], Step] = _HANDLERS[type(event)]
    return handle(snapshot, event, policy)


# -- what was asked --------------------------------------------------------------------------------------


def _start(now: Snapshot, _event: StartRequested, policy: Policy) -> Step:
    if now.state in s.RESTING or now.state == s.BACKOFF:
        return _spawn(_forgiven(now), "asked to start", had_timer=now.state == s.BACKOFF)
    if now.state == s.STOPPING:
        now = _forgiven(now)
    return replace(now, should_run=True), []


def _stop(now: Snapshot, event: StopRequested, policy: Policy) -> Step:
    if now.state in s.RESTING or now.state == s.BACKOFF:
        effects: list[Effect] = [ClearTimer()] if now.state == s.BACKOFF else []
        stopped = replace(now, should_run=False, state=s.STOPPED, reason="", ready=False)
        return stopped, effects + _announce(now, stopped)
    if now.state == s.STARTING and now.pid is None:
        return replace(now, should_run=False), []  # the spawn is under way: its answer is handled as a stop
    if now.state == s.STOPPING:
        now = replace(now, should_run=False)
        if event.force:
            return _escalate_to_kill(now, policy)
        if event.within is not None:
            return _hurry(now, event.within, policy)
        return now, []
    return _begin_stop(replace(now, should_run=False), policy, event.force, event.within, "asked to stop")


def _restart(now: Snapshot, event: RestartRequested, policy: Policy) -> Step:
    if now.state in s.RESTING or now.state == s.BACKOFF:
        return _spawn(_forgiven(now), "asked to restart", had_timer=now.state == s.BACKOFF)
    wanted = replace(_forgiven(now), should_run=True)
    if now.state == s.STARTING and now.pid is None:
        return wanted, []
    if now.state == s.STOPPING:
        return _escalate_to_kill(wanted, policy) if event.force else (wanted, [])
    return _begin_stop(wanted, policy, event.force, None, "asked to restart")


# -- what happened ---------------------------------------------------------------------------------------


def _spawned(now: Snapshot, event: Spawned, policy: Policy) -> Step:
    if now.state != s.STARTING or now.pid is not None:
        return now, []
    now = replace(now, pid=event.pid, status=None)
    if not now.should_run:  # a stop landed while the spawn was under way
        return _begin_stop(now, policy, False, None, "asked to stop")
    if policy.oneshot:
        return now, []  # it is done when it ends, whatever startsecs says
    if policy.startsecs <= 0:
        return _lived(now, policy)
    return now, [SetTimer(policy.startsecs)]


def _spawn_failed(now: Snapshot, event: SpawnFailed, policy: Policy) -> Step:
    if now.state != s.STARTING or now.pid is not None:
        return now, []
    if not now.should_run:
        stopped = replace(now, state=s.STOPPED, reason="")
        return stopped, _announce(now, stopped)
    now = replace(now, status=event.code)
    if event.permanent:
        return _give_up(now, event.reason)
    return _failed_start(now, event.reason, policy)


def _child_exited(now: Snapshot, event: ChildExited, policy: Policy) -> Step:
    if now.pid != event.pid:
        return now, []
    how = s.describe(event.status)
    had_timer: list[Effect] = [ClearTimer()] if _has_timer(now, policy) else []
    checks: list[Effect] = [StopHealthChecks()] if now.state in s.UP else []
    gone = replace(
        now, pid=None, status=event.status, started=False, ready=False, healthy=None, health_failures=0
    )
    if now.state == s.STOPPING:
        step = _after_stop(gone, how, policy)
    elif now.state == s.STARTING:
        expected = event.status in policy.exitcodes
        if policy.final or (policy.oneshot and expected):
            step = _ended(gone, how, expected=expected)
        else:
            step = _failed_start(gone, f"{how} before it was up", policy)
    else:
        step = _died(gone, how, event, policy)
    return step[0], had_timer + checks + step[1]


def _timer_elapsed(now: Snapshot, _event: TimerElapsed, policy: Policy) -> Step:
    if not _has_timer(now, policy):
        return now, []
    if now.state == s.STARTING:
        return _lived(now, policy)
    if now.state == s.BACKOFF:
        return _spawn(now, now.reason)
    # STOPPING: the signal was not enough
    step = now.stop_step + 1
    if step >= len(policy.stop_ladder):
        return _escalate_to_kill(now, policy)
    signum, wait = policy.stop_ladder[step]
    return replace(now, stop_step=step), [SignalGroup(signum), SetTimer(wait * now.stop_scale)]


def _became_ready(now: Snapshot, event: BecameReady, policy: Policy) -> Step:
    if now.pid != event.pid or now.ready or now.state not in (s.STARTING, s.RUNNING, s.UNHEALTHY):
        return now, []
    ready = replace(now, ready=True)
    if now.state == s.STARTING and now.started:
        return _up(ready, policy)
    return ready, []


def _health_checked(now: Snapshot, event: HealthChecked, policy: Policy) -> Step:
    if now.pid != event.pid or now.state not in s.UP:
        return now, []
    if event.healthy:
        well = replace(now, state=s.RUNNING, healthy=True, health_failures=0, health_restarts=0, reason="")
        return well, _announce(now, well, "healthy again")
    if not event.counts:
        return now, []
    failures = now.health_failures + 1
    if failures < policy.health_retries or now.state == s.UNHEALTHY:
        return replace(now, health_failures=failures, healthy=False), []
    why = f"{failures} health checks failed in a row: {event.message}"
    sick = replace(now, state=s.UNHEALTHY, health_failures=failures, healthy=False, reason=why)
    effects = _announce(now, sick)
    if not policy.health_restarts:
        return sick, effects
    # Counted before the stop, so that an unhealthy program comes to rest in FATAL like any other failure.
    counted = replace(sick, health_restarts=now.health_restarts + 1)
    stopping, more = _begin_stop(counted, policy, False, None, why)
    return stopping, effects + more


_HANDLERS: dict[type, Callable[[Snapshot, Any, Policy], Step]] = {
    StartRequested: _start,
    StopRequested: _stop,
    RestartRequested: _restart,
    Spawned: _spawned,
    SpawnFailed: _spawn_failed,
    ChildExited: _child_exited,
    TimerElapsed: _timer_elapsed,
    BecameReady: _became_ready,
    HealthChecked: _health_checked,
}


# -- the steps they share --------------------------------------------------------------------------------


def _has_timer(now: Snapshot, policy: Policy) -> bool:
    if now.state == s.STARTING:
        return now.pid is not None and not now.started and not policy.oneshot
    return now.state in (s.BACKOFF, s.STOPPING)


def _announce(before: Snapshot, after: Snapshot, reason: str | None = None) -> list[Effect]:
    if before.state == after.state:
        return []
    return [Announce(before.state, after.state, after.reason if reason is None else reason)]


def _forgiven(now: Snapshot) -> Snapshot:
    """Somebody asked for it: what went wrong before does not count any more."""
    return replace(now, failures=0, quick_deaths=0, health_restarts=0)


def _spawn(now: Snapshot, reason: str, *, had_timer: bool = False) -> Step:
    starting = replace(
        now,
        state=s.STARTING,
        should_run=True,
        pid=None,
        started=False,
        ready=False,
        healthy=None,
        health_failures=0,
        stop_step=0,
        stop_scale=1.0,
        reason="",
    )
    effects: list[Effect] = [ClearTimer()] if had_timer else []
    return starting, [*effects, *_announce(now, starting, reason), Spawn()]


def _lived(now: Snapshot, policy: Policy) -> Step:
    """startsecs are over and the child is alive."""
    if policy.waits_for_ready and not now.ready:
        return replace(now, started=True), []
    return _up(now, policy)


def _up(now: Snapshot, policy: Policy) -> Step:
    assert now.pid is not None
    running = replace(now, state=s.RUNNING, started=True, ready=True, failures=0, reason="")
    return running, [*_announce(now, running), StartHealthChecks(now.pid)]


def _begin_stop(now: Snapshot, policy: Policy, force: bool, within: float | None, reason: str) -> Step:
    effects: list[Effect] = [ClearTimer()] if _has_timer(now, policy) else []
    if now.state in s.UP:
        effects.append(StopHealthChecks())
    stopping = replace(now, state=s.STOPPING, stop_step=0, stop_scale=_scale(policy, within), ready=False)
    effects += _announce(now, stopping, reason)
    if force:
        killed, more = _escalate_to_kill(stopping, policy)
        return killed, effects + more
    signum, wait = policy.stop_ladder[0]
    return stopping, [*effects, SignalGroup(signum), SetTimer(wait * stopping.stop_scale)]


def _scale(policy: Policy, within: float | None) -> float:
    total = sum(wait for _, wait in policy.stop_ladder)
    if within is None or total <= within:
        return 1.0
    return max(0.0, within) / total


def _hurry(now: Snapshot, within: float, policy: Policy) -> Step:
    """It is being stopped already, and now the whole container is: the rest of the ladder gets `within`."""
    rest = policy.stop_ladder[now.stop_step :]
    total = sum(wait for _, wait in rest)
    if not rest or total * now.stop_scale <= within:
        return now, []
    scale = max(0.0, within) / total
    return replace(now, stop_scale=scale), [SetTimer(rest[0][1] * scale)]


def _escalate_to_kill(now: Snapshot, policy: Policy) -> Step:
    return replace(now, stop_step=len(policy.stop_ladder)), [SignalGroup(s.KILL), SetTimer(KILL_AGAIN)]


def _delay(policy: Policy, nth: int) -> SetTimer:
    """The wait before the nth retry (1, 2, …), ± JITTER."""
    # The exponent is bounded: factor ** 5000 would be an OverflowError in a program that retries for ever.
    seconds = policy.backoff * policy.backoff_factor ** min(nth - 1, 64)
    return SetTimer(min(seconds, policy.backoff_max), JITTER)


def _wait(now: Snapshot, reason: str, nth: int, policy: Policy) -> Step:
    waiting = replace(now, state=s.BACKOFF, reason=reason)
    return waiting, [*_announce(now, waiting), _delay(policy, nth)]


def _give_up(now: Snapshot, reason: str) -> Step:
    fatal = replace(now, state=s.FATAL, should_run=False, reason=reason)
    return fatal, _announce(now, fatal)


def _failed_start(now: Snapshot, reason: str, policy: Policy) -> Step:
    failures = now.failures + 1
    now = replace(now, failures=failures)
    if 0 <= policy.startretries < failures:
        return _give_up(now, f"{reason} ({failures} start{'s' if failures > 1 else ''} failed)")
    return _wait(now, reason, failures, policy)


def _ended(now: Snapshot, how: str, *, expected: bool) -> Step:
    ended = replace(now, state=s.EXITED, should_run=False, reason=how)
    return ended, [Announce(now.state, s.EXITED, how, expected)]


def _died(now: Snapshot, how: str, event: ChildExited, policy: Policy) -> Step:
    """It was up, and ended by itself."""
    expected = event.status in policy.exitcodes
    restart = policy.autorestart and (policy.restart_when_expected or not expected)
    if not restart or not now.should_run:
        return _ended(now, how, expected=expected)
    quick = now.quick_deaths + 1 if event.ran_for < QUICK else 1
    exited = replace(now, state=s.EXITED, reason=how, quick_deaths=quick)
    effects: list[Effect] = [Announce(now.state, s.EXITED, how, expected)]
    if quick > 1:
        step = _wait(exited, f"{how} {event.ran_for:.1f} s after its start", now.quick_deaths, policy)
    else:
        step = _spawn(exited, how)
    return step[0], effects + step[1]


def _after_stop(now: Snapshot, how: str, policy: Policy) -> Step:
    if not now.should_run:
        stopped = replace(now, state=s.STOPPED, reason="", stop_step=0, stop_scale=1.0)
        return stopped, _announce(now, stopped, how)
    if now.health_restarts == 0:  # a restart that somebody asked for
        return _spawn(now, "restart")
    if 0 <= policy.startretries < now.health_restarts:
        return _give_up(now, f"unhealthy after {policy.startretries} restarts: {now.reason}")
    return _wait(now, now.reason, now.health_restarts, policy)
