"""Steps that several handlers of the state machine share; only `lifecycle.transition` calls them."""

from __future__ import annotations

from supervice.lean.builtin import signal
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
from supervice.lifecycle.stop_shares import fill_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lifecycle.states import ChildExited, Effect, Policy, Run, Snapshot, Stop

    Step = tuple[Snapshot, list[Effect]]

# Seconds: a process that dies sooner after an automatic restart waits before the next one.
QUICK = 10.0
JITTER = 0.1
# A start that failed for want of pids, memory or descriptors is tried again after so many seconds at least.
SHORTEST = 0.5
# SIGKILL is sent again after so many seconds, while the kernel holds the child in uninterruptible sleep.
KILL_AGAIN = 5.0
# The share of a stop's first wait that the `pre_stop` command may take.
PRE_STOP_SHARE = 0.5


def has_timer(now: Snapshot, policy: Policy) -> bool:
    """Returns whether the state waits for the one timer of the process."""
    if now.state == s.STARTING:
        if now.run is None or policy.oneshot:
            return False
        return not now.run.started or (policy.waits_for_ready and policy.ready_timeout is not None)
    return now.state == s.BACKOFF or now.stop is not None


def asks_ready(now: Snapshot, policy: Policy) -> bool:
    """Returns whether the run's readiness is watched (see `StartReadiness`)."""
    if policy.oneshot or now.run is None or not (policy.waits_for_ready or policy.asks_ready):
        return False
    return now.stop is None


def judge_ready(now: Snapshot, run: Run, policy: Policy) -> Snapshot:
    """Returns `now` with `run`, and with `ready` as both imply."""
    ready = now.state in s.UP
    ready = ready and (run.said_ready or not policy.waits_for_ready)
    ready = ready and (run.passing or not policy.asks_ready)
    return replace(now, run=run if ready is run.ready else replace(run, ready=ready))


def announce(before: Snapshot, after: Snapshot, reason: str | None = None) -> list[Effect]:
    if before.state == after.state:
        return []
    why = after.reason if reason is None else reason
    return [Announce(before.state, after.state, why, True, "", after.trigger)]  # by place: half the time


def forgiven(now: Snapshot) -> Snapshot:
    """Returns `now` without its earlier failures, which no longer count after a start or restart."""
    stop = now.stop if now.stop is None else replace(now.stop, cause=s.ASKED)
    return replace(now, stop=stop, failures=0, shortages=0, quick_deaths=0, health_restarts=0, restarts=())


def spawn(
    now: Snapshot, reason: str, trigger: str, *, had_timer: bool = False, automatic: bool = False
) -> Step:
    starting = replace(now, state=s.STARTING, should_run=True, reason="", trigger=trigger)
    effects: list[Effect] = [ClearTimer()] if had_timer else []
    return starting, [*effects, *announce(now, starting, reason), Spawn(automatic)]


def lived(now: Snapshot, run: Run, policy: Policy) -> Step:
    """Handles the end of startsecs with the child alive."""
    if not policy.waits_for_ready or run.said_ready:
        return up(now, run, policy)
    run = replace(run, started=True)
    now = replace(now, run=run)
    if policy.ready_timeout is None:
        return now, []
    left = max(policy.ready_timeout, run.ready_by) - policy.startsecs
    return (now, [SetTimer(left)]) if left > 0 else not_ready_in_time(now, run, policy)


def not_ready_in_time(now: Snapshot, run: Run, policy: Policy) -> Step:
    """Stops the child: it did not become ready in time, so the start has failed."""
    seconds = max(policy.ready_timeout or 0.0, run.ready_by)
    why = f"not ready within {seconds:g} s"
    overdue = replace(now, reason=why)
    return begin_stop(overdue, run, policy, why, f"ready_timeout: {why}", cause=s.UNREADY)


def up(now: Snapshot, run: Run, policy: Policy) -> Step:
    ready = run.passing or not policy.asks_ready  # the callers have seen to `waits_for_ready`
    run = replace(run, started=True, ready=ready)
    running = replace(now, state=s.RUNNING, run=run, failures=0, reason="")
    return running, [*announce(now, running), StartHealthChecks(run.pid)]


def quiet(now: Snapshot, policy: Policy) -> list[Effect]:
    """Returns the effects that end the checks of a child that exits or is being stopped."""
    effects: list[Effect] = [StopHealthChecks()] if now.state in s.UP else []
    if asks_ready(now, policy):
        effects.append(StopReadiness())
    return effects


def begin_stop(
    now: Snapshot,
    run: Run,
    policy: Policy,
    reason: str,
    trigger: str,
    *,
    force: bool = False,
    within: float | None = None,
    cause: str = s.ASKED,
    fresh: bool = False,
) -> Step:
    """Begins a stop. `fresh`: the child was spawned in this turn, and nothing has begun for it.

    The signal goes out before the announcement, which takes as long as everything else together.
    """
    effects: list[Effect] = []
    if not fresh:
        effects = [ClearTimer()] if has_timer(now, policy) else []
        effects += quiet(now, policy)
    if run.ready:
        run = replace(run, ready=False)
    stop = s.Stop(cause, 0, trigger, waits(policy, within), within is not None)
    stopping = replace(now, state=s.STOPPING, run=run, stop=stop, trigger=trigger)
    said = announce(now, stopping, reason)
    if force:
        killed, more = escalate_to_kill(stopping, stop, policy)
        return killed, [*effects, *more, *said]
    signum, wait = ladder_step(stop, 0, policy)
    if policy.pre_stop and not fresh:
        stopping = replace(stopping, stop=replace(stop, step=s.PRE_STOP))
        return stopping, [*effects, *said, RunPreStop(), SetTimer(wait * PRE_STOP_SHARE)]
    return stopping, [*effects, SignalGroup(signum), SetTimer(wait), *said]


def first_signal(now: Snapshot, stop: Stop, policy: Policy, used: float) -> Step:
    """Sends the first stop signal; `used`: seconds of its wait that the `pre_stop` command has taken."""
    signum, wait = ladder_step(stop, 0, policy)
    left = max(wait - used, wait * (1 - PRE_STOP_SHARE))
    return replace(now, stop=replace(stop, step=0)), [SignalGroup(signum), SetTimer(left)]


def next_signal(now: Snapshot, stop: Stop, policy: Policy) -> Step:
    """Goes to the next step of the ladder, after the wait of the previous one."""
    step = stop.step + 1
    if step >= len(policy.stop_ladder):
        return escalate_to_kill(now, stop, policy)
    signum, wait = ladder_step(stop, step, policy)
    return replace(now, stop=replace(stop, step=step)), [SignalGroup(signum), SetTimer(wait)]


def waits(policy: Policy, within: float | None) -> tuple[float, ...]:
    """Returns the ladder's waits shortened to `within` seconds; empty when they fit as they are."""
    configured = [wait for _, wait in policy.stop_ladder]
    return () if within is None or sum(configured) <= within else tuple(fill_up(configured, within))


def ladder_step(stop: Stop, step: int, policy: Policy) -> tuple[int, float]:
    """Returns the signal of a step, and the wait after it in this stop."""
    signum, wait = policy.stop_ladder[step]
    return signum, stop.waits[step] if stop.waits else wait


def hurry(now: Snapshot, stop: Stop, within: float, policy: Policy) -> Step:
    """Shortens a stop in progress: the rest of the ladder gets `within` seconds."""
    stop = replace(stop, bounded=True)
    step = max(0, stop.step)
    every = stop.waits or tuple([wait for _, wait in policy.stop_ladder])
    done, rest = every[:step], every[step:]
    if not rest or sum(rest) <= within:
        return replace(now, stop=stop), []
    share = PRE_STOP_SHARE if stop.step == s.PRE_STOP else 1.0
    shorter = fill_up(rest, within)
    return replace(now, stop=replace(stop, waits=(*done, *shorter))), [SetTimer(shorter[0] * share)]


def escalate_to_kill(now: Snapshot, stop: Stop, policy: Policy) -> Step:
    effects: list[Effect] = [EndPreStop()] if stop.step == s.PRE_STOP else []
    killed = replace(now, stop=replace(stop, step=len(policy.stop_ladder)))
    return killed, [*effects, SignalGroup(signal.SIGKILL), SetTimer(KILL_AGAIN)]


def delay(policy: Policy, nth: int) -> SetTimer:
    """Returns the wait before the nth retry (1, 2, …), ± JITTER."""
    # The exponent is bounded: for a program that retries for ever, factor ** 5000 would raise OverflowError.
    seconds = policy.backoff * policy.backoff_factor ** min(nth - 1, 64)
    return SetTimer(min(seconds, policy.backoff_max), JITTER)


def wait(now: Snapshot, reason: str, nth: int, policy: Policy, most: int = -1) -> Step:
    """Waits before the nth start in a row of at most `most` (negative: no limit).

    The timer is set before the announcement, whose log line says how long it runs.
    """
    waiting = replace(now, state=s.BACKOFF, reason=reason)
    retry = f"retry {nth} of {most}" if most >= 0 else f"retry {nth}"
    said = Announce(now.state, s.BACKOFF, reason, retry=retry, trigger=now.trigger)
    return waiting, [delay(policy, nth), said]


def short(now: Snapshot, reason: str, policy: Policy) -> Step:
    """Waits because the container lacks what a start takes; the program has not failed: no retry is used."""
    waiting = replace(now, state=s.BACKOFF, reason=reason, shortages=now.shortages + 1)
    seconds = max(SHORTEST, delay(policy, waiting.shortages).seconds)
    said = Announce(now.state, s.BACKOFF, reason, retry="next try", trigger=now.trigger)
    return waiting, [SetTimer(seconds, JITTER), said]  # the timer first: the line says when


def give_up(now: Snapshot, reason: str) -> Step:
    fatal = replace(now, state=s.FATAL, should_run=False, reason=reason)
    return fatal, announce(now, fatal)


def restarted(now: Snapshot, at: float, policy: Policy) -> Snapshot | None:
    """Counts an automatic restart; returns None when `restart_limit` does not allow it."""
    if policy.restart_limit is None:
        return now
    most, window = policy.restart_limit
    recent = [then for then in now.restarts if at - then < window]
    return None if len(recent) >= most else replace(now, restarts=(*recent, at))


def too_often(now: Snapshot, reason: str, policy: Policy) -> Step:
    assert policy.restart_limit is not None
    most, window = policy.restart_limit
    return give_up(now, f"more than {most} restarts in {window:g} s: {reason}")


def failed_start(now: Snapshot, reason: str, at: float, policy: Policy) -> Step:
    failures = now.failures + 1
    now = replace(now, failures=failures)
    if 0 <= policy.startretries < failures:
        starts = "failed start" if failures == 1 else "failed starts"
        return give_up(now, f"gave up after {failures} {starts}: {reason}")
    counted = restarted(now, at, policy)
    if counted is None:
        return too_often(now, reason, policy)
    return wait(counted, reason, failures, policy, policy.startretries)


def too_early(run: Run, event: ChildExited, policy: Policy) -> str:
    """Returns, as the rest of a sentence, why an exit in STARTING is a failed start."""
    if policy.oneshot:  # its exit code says it
        return ""
    if run.started:
        return f" after {s.spell(event.ran_for)}, before it was ready"
    return f" after {s.spell(event.ran_for)}, before it was up (startsecs {policy.startsecs:g} s)"


def ended(now: Snapshot, how: str, *, expected: bool) -> Step:
    ended = replace(now, state=s.EXITED, should_run=False, reason=how)
    return ended, [Announce(now.state, s.EXITED, how, expected, trigger=now.trigger)]


def died(now: Snapshot, how: str, event: ChildExited, policy: Policy) -> Step:
    """Handles the exit of a child that was up and was not being stopped."""
    expected = event.status in policy.exitcodes
    restart = policy.autorestart and (policy.restart_when_expected or not expected)
    if not restart or not now.should_run:
        return ended(now, how, expected=expected)
    exited = replace(now, state=s.EXITED)
    effects: list[Effect] = [Announce(now.state, s.EXITED, how, expected, trigger=now.trigger)]
    counted = restarted(exited, event.at, policy)
    if counted is None:
        step = too_often(exited, how, policy)
    elif event.ran_for < QUICK and now.quick_deaths > 0:
        again = replace(counted, quick_deaths=now.quick_deaths + 1)
        step = wait(again, f"{how} after {s.spell(event.ran_for)}", now.quick_deaths, policy)
    else:
        step = spawn(replace(counted, quick_deaths=1), how, f"autorestart: {how}", automatic=True)
    return step[0], effects + step[1]


def after_stop(now: Snapshot, cause: str, how: str, at: float, policy: Policy) -> Step:
    """Handles the exit of a child that was being stopped for `cause`."""
    if not now.should_run:
        stopped = replace(now, state=s.STOPPED, reason="")
        return stopped, announce(now, stopped, how)
    if cause != s.ASKED:
        now = replace(now, given_up=True)
    if cause == s.OVERDUE:
        return ended(now, now.reason, expected=False)
    if cause == s.UNREADY:
        return give_up(now, now.reason) if policy.final else failed_start(now, now.reason, at, policy)
    if cause == s.ASKED:
        return spawn(now, "restart", now.trigger)
    if 0 <= policy.startretries < now.health_restarts:
        return give_up(now, f"still unhealthy after {policy.startretries} restarts: {now.reason}")
    counted = restarted(now, at, policy)
    if counted is None:
        return too_often(now, now.reason, policy)
    return wait(counted, now.reason, now.health_restarts, policy, policy.startretries)
