"""The steps that several answers of the law share; see `lifecycle.transition`."""

from __future__ import annotations

from supervice.lean.dataclasses import replace
from supervice.lifecycle import states as s
from supervice.lifecycle.states import (
    Announce,
    ClearTimer,
    EndPreStop,
    RunPreStop,
    SetTimer,
    SignalGroup,
    Spawn,
    StartHealthChecks,
    StopHealthChecks,
    StopReadiness,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.lifecycle.states import ChildExited, Effect, Policy, Snapshot

    Step = tuple[Snapshot, list[Effect]]

# A process that dies sooner than this after its last automatic restart has to wait before the next one.
QUICK = 10.0
JITTER = 0.1
# SIGKILL is sent again at this pace to a child that the kernel does not let go of (uninterruptible sleep).
KILL_AGAIN = 5.0
# The share of the first wait of a stop that the command before it may take.
PRE_STOP_SHARE = 0.5
# What is known of a run, when there is none.
NO_RUN: dict[str, Any] = {
    "pid": None,
    "started": False,
    "ready": False,
    "said_ready": False,
    "passing": False,
    "readiness_failures": 0,
    "ready_by": 0.0,
    "healthy": None,
    "health_failures": 0,
}


def has_timer(now: Snapshot, policy: Policy) -> bool:
    if now.state == s.STARTING:
        if now.pid is None or policy.oneshot:
            return False
        return not now.started or (policy.waits_for_ready and policy.ready_timeout is not None)
    return now.state in (s.BACKOFF, s.STOPPING)


def asks_ready(now: Snapshot, policy: Policy) -> bool:
    """Whether somebody looks for its readiness (see `StartReadiness`)."""
    if policy.oneshot or now.pid is None or not (policy.waits_for_ready or policy.asks_ready):
        return False
    return now.state == s.STARTING or now.state in s.UP


def judge_ready(now: Snapshot, policy: Policy) -> Snapshot:
    ready = now.state in s.UP
    ready = ready and (now.said_ready or not policy.waits_for_ready)
    ready = ready and (now.passing or not policy.asks_ready)
    return now if ready is now.ready else replace(now, ready=ready)


def announce(before: Snapshot, after: Snapshot, reason: str | None = None) -> list[Effect]:
    if before.state == after.state:
        return []
    return [Announce(before.state, after.state, after.reason if reason is None else reason)]


def forgiven(now: Snapshot) -> Snapshot:
    """Somebody asked for it: what went wrong before does not count any more."""
    return replace(now, failures=0, quick_deaths=0, health_restarts=0, unready=False, restarts=())


def spawn(now: Snapshot, reason: str, *, had_timer: bool = False) -> Step:
    starting = replace(
        now,
        **NO_RUN,
        state=s.STARTING,
        should_run=True,
        stop_step=0,
        stop_scale=1.0,
        bounded=False,
        reason="",
    )
    effects: list[Effect] = [ClearTimer()] if had_timer else []
    return starting, [*effects, *announce(now, starting, reason), Spawn()]


def lived(now: Snapshot, policy: Policy) -> Step:
    """startsecs are over and the child is alive."""
    if not policy.waits_for_ready or now.said_ready:
        return up(now, policy)
    now = replace(now, started=True)
    if policy.ready_timeout is None:
        return now, []
    left = max(policy.ready_timeout, now.ready_by) - policy.startsecs
    return (now, [SetTimer(left)]) if left > 0 else not_ready_in_time(now, policy)


def not_ready_in_time(now: Snapshot, policy: Policy) -> Step:
    """A start that failed: the child is stopped first."""
    seconds = max(policy.ready_timeout or 0.0, now.ready_by)
    why = f"not ready within {seconds:g} s"
    return begin_stop(replace(now, unready=True, reason=why), policy, False, None, why)


def up(now: Snapshot, policy: Policy) -> Step:
    assert now.pid is not None
    ready = now.passing or not policy.asks_ready  # it has said so if it had to
    running = replace(now, state=s.RUNNING, started=True, ready=ready, failures=0, reason="")
    return running, [*announce(now, running), StartHealthChecks(now.pid)]


def quiet(now: Snapshot, policy: Policy) -> list[Effect]:
    """Ends all questions to a child that is on its way out."""
    effects: list[Effect] = [StopHealthChecks()] if now.state in s.UP else []
    if asks_ready(now, policy):
        effects.append(StopReadiness())
    return effects


def begin_stop(
    now: Snapshot, policy: Policy, force: bool, within: float | None, reason: str, *, fresh: bool = False
) -> Step:
    """`fresh`: it was spawned a moment ago, nothing has begun for it.

    The signal goes before the word: announcing takes as long as everything else, and the state is the new
    one for everybody who is told.
    """
    effects: list[Effect] = []
    if not fresh:
        effects += [ClearTimer()] if has_timer(now, policy) else []
        effects += quiet(now, policy)
    stopping = replace(
        now,
        state=s.STOPPING,
        stop_step=0,
        stop_scale=scale(policy, within),
        bounded=within is not None,
        ready=False,
    )
    said = announce(now, stopping, reason)
    if force:
        killed, more = escalate_to_kill(stopping, policy)
        return killed, [*effects, *more, *said]
    wait = policy.stop_ladder[0][1] * stopping.stop_scale
    if policy.pre_stop and now.pid is not None and not fresh:
        stopping = replace(stopping, stop_step=s.PRE_STOP)
        return stopping, [*effects, *said, RunPreStop(), SetTimer(wait * PRE_STOP_SHARE)]
    return stopping, [*effects, SignalGroup(policy.stop_ladder[0][0]), SetTimer(wait), *said]


def first_signal(now: Snapshot, policy: Policy, used: float) -> Step:
    """The command before the stop has ended, or used up its share: the rest of the first wait is left."""
    signum, wait = policy.stop_ladder[0]
    wait *= now.stop_scale
    left = max(wait - used, wait * (1 - PRE_STOP_SHARE))
    return replace(now, stop_step=0), [SignalGroup(signum), SetTimer(left)]


def scale(policy: Policy, within: float | None) -> float:
    total = sum(wait for _, wait in policy.stop_ladder)
    if within is None or total <= within:
        return 1.0
    return max(0.0, within) / total


def hurry(now: Snapshot, within: float, policy: Policy) -> Step:
    """It is being stopped already, and now the whole container is: the rest of the ladder gets `within`."""
    now = replace(now, bounded=True)
    rest = policy.stop_ladder[max(0, now.stop_step) :]
    total = sum(wait for _, wait in rest)
    if not rest or total * now.stop_scale <= within:
        return now, []
    share = PRE_STOP_SHARE if now.stop_step == s.PRE_STOP else 1.0
    shorter = max(0.0, within) / total
    return replace(now, stop_scale=shorter), [SetTimer(rest[0][1] * shorter * share)]


def escalate_to_kill(now: Snapshot, policy: Policy) -> Step:
    effects: list[Effect] = [EndPreStop()] if now.stop_step == s.PRE_STOP else []
    killed = replace(now, stop_step=len(policy.stop_ladder))
    return killed, [*effects, SignalGroup(s.KILL), SetTimer(KILL_AGAIN)]


def delay(policy: Policy, nth: int) -> SetTimer:
    """The wait before the nth retry (1, 2, …), ± JITTER."""
    # The exponent is bounded: factor ** 5000 would be an OverflowError in a program that retries for ever.
    seconds = policy.backoff * policy.backoff_factor ** min(nth - 1, 64)
    return SetTimer(min(seconds, policy.backoff_max), JITTER)


def wait(now: Snapshot, reason: str, nth: int, policy: Policy) -> Step:
    waiting = replace(now, state=s.BACKOFF, reason=reason)
    return waiting, [*announce(now, waiting), delay(policy, nth)]


def give_up(now: Snapshot, reason: str) -> Step:
    fatal = replace(now, state=s.FATAL, should_run=False, reason=reason)
    return fatal, announce(now, fatal)


def restarted(now: Snapshot, at: float, policy: Policy) -> Snapshot | None:
    """Counts an automatic restart; None when it is one too many."""
    if policy.restart_limit is None:
        return now
    most, window = policy.restart_limit
    recent = [then for then in now.restarts if at - then < window]
    return None if len(recent) >= most else replace(now, restarts=(*recent, at))


def too_often(now: Snapshot, reason: str, policy: Policy) -> Step:
    most, window = policy.restart_limit or (0, 0)
    return give_up(now, f"more than {most} restarts in {window:g} s: {reason}")


def failed_start(now: Snapshot, reason: str, at: float, policy: Policy) -> Step:
    failures = now.failures + 1
    now = replace(now, failures=failures)
    if 0 <= policy.startretries < failures:
        return give_up(now, f"{reason} ({failures} start{'s' if failures > 1 else ''} failed)")
    counted = restarted(now, at, policy)
    return too_often(now, reason, policy) if counted is None else wait(counted, reason, failures, policy)


def ended(now: Snapshot, how: str, *, expected: bool) -> Step:
    ended = replace(now, state=s.EXITED, should_run=False, reason=how)
    return ended, [Announce(now.state, s.EXITED, how, expected)]


def died(now: Snapshot, how: str, event: ChildExited, policy: Policy) -> Step:
    """It was up, and ended by itself."""
    expected = event.status in policy.exitcodes
    restart = policy.autorestart and (policy.restart_when_expected or not expected)
    if not restart or not now.should_run:
        return ended(now, how, expected=expected)
    exited = replace(now, state=s.EXITED, reason=how)
    effects: list[Effect] = [Announce(now.state, s.EXITED, how, expected)]
    counted = restarted(exited, event.at, policy)
    if counted is None:
        step = too_often(exited, how, policy)
    elif event.ran_for < QUICK and now.quick_deaths > 0:
        again = replace(counted, quick_deaths=now.quick_deaths + 1)
        step = wait(again, f"{how} {event.ran_for:.1f} s after its start", now.quick_deaths, policy)
    else:
        step = spawn(replace(counted, quick_deaths=1), how)
    return step[0], effects + step[1]


def after_stop(now: Snapshot, how: str, at: float, policy: Policy) -> Step:
    if not now.should_run:
        stopped = replace(now, state=s.STOPPED, reason="", stop_step=0, stop_scale=1.0, unready=False)
        return stopped, announce(now, stopped, how)
    if now.unready:
        now = replace(now, unready=False)
        if policy.scheduled:
            return ended(replace(now, stop_step=0, stop_scale=1.0), now.reason, expected=False)
        return give_up(now, now.reason) if policy.final else failed_start(now, now.reason, at, policy)
    if now.health_restarts == 0:  # a restart that somebody asked for
        return spawn(now, "restart")
    if 0 <= policy.startretries < now.health_restarts:
        return give_up(now, f"unhealthy after {policy.startretries} restarts: {now.reason}")
    counted = restarted(now, at, policy)
    if counted is None:
        return too_often(now, now.reason, policy)
    return wait(counted, now.reason, now.health_restarts, policy)
