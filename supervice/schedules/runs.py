"""Begins and ends a run of a schedule: attempts, deadlines, records. Pure; used by `decide`."""

from __future__ import annotations

from supervice.lean.dataclasses import replace
from supervice.schedules import states as s
from supervice.schedules.description import duration
from supervice.schedules.states import Begin, Log, Notify, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.schedules.states import Effect, Plan, RunEnded, Settings, State, Step


def begin_run(state: State, due: float | None, cause: str, plan: Plan) -> Step:
    return replace(state, run=Run(due, cause, plan.settings), pending=None), [Begin(due, cause)]


def begin_pending(state: State, plan: Plan) -> Step:
    """Begins the run that waited for the end of another, if there is one."""
    if state.pending is None or state.closed:
        return replace(state, pending=None), []
    return begin_run(state, state.pending.due, state.pending.cause, plan)


def end_run(state: State, event: RunEnded, plan: Plan) -> Step:
    run = state.run
    if run is None or run.retry_at is not None:
        return state, []
    if state.closed:
        return _over(state)
    if event.ok and not run.ending:
        state, effects = _succeed(state)
    else:
        run = replace(run, code=event.code, reason=why_stopped(run) or event.reason)
        state = replace(state, run=run)
        again = _next_attempt(state, run, plan)
        if again is not None:
            attempt = f"attempt {run.attempt} of {run.settings.retries + 1}"
            wait = duration(round(again - state.mono, 3))
            text = f"{attempt} failed: {run.reason}; tries again in {wait}"
            run = replace(run, retry_at=again, spawned=None, ending="")
            return replace(state, run=run), [Log("warning", text)]
        state, effects = fail(state, plan)
    state, more = begin_pending(state, plan)
    return state, effects + more


def why_stopped(run: Run) -> str:
    """Returns why a run was stopped before its end; "" when it was not."""
    if run.ending == s.TIMEOUT:
        return f"took longer than {duration(run.settings.timeout or 0)} (schedule_timeout)"
    return "still ran at its next time (schedule_overlap = restart)" if run.ending == s.OVERLAP else ""


def _next_attempt(state: State, run: Run, plan: Plan) -> float | None:
    """Returns when the run is tried again (mono); None when it has failed."""
    settings = run.settings
    if run.attempt > settings.retries or run.ending == s.OVERLAP or state.pending is not None or state.held:
        return None
    at = state.mono + delay(settings, run.attempt)
    following = next_due(state, plan)
    return at if following is None or at < following else None


def delay(settings: Settings, nth: int) -> float:
    """Returns the wait before the nth retry (1, 2, …)."""
    # The exponent is bounded: factor ** 5000 would be an OverflowError.
    return min(settings.backoff * settings.backoff_factor ** min(nth - 1, 64), settings.backoff_max)


def fail(state: State, plan: Plan) -> Step:
    """Records that the run has failed and is not tried again."""
    run = state.run
    assert run is not None
    seconds = _seconds(state, run)
    record = replace(
        state.record,
        failed=state.record.failed + 1,
        last_failure=state.wall,
        last_seconds=seconds,
        reason=run.reason,
        failing=True,
    )
    state, effects = _over(replace(state, record=record))
    due = next_due(state, plan)
    following = "none follows" if due is None else f"next {_shown(state, plan, due)}"
    said: list[Effect] = [Log("warning", f"the run failed ({run.reason}); {following}")]
    return state, [*said, Notify("failure", run.code, run.reason, seconds), *effects]


def _succeed(state: State) -> Step:
    run = state.run
    assert run is not None
    seconds = _seconds(state, run)
    record = replace(
        state.record,
        succeeded=state.record.succeeded + 1,
        last_success=state.wall,
        last_seconds=seconds,
        failing=False,
    )
    state, effects = _over(replace(state, record=record))
    return state, [Notify("success", 0, "", seconds), *effects]


def impossible(state: State, reason: str, plan: Plan) -> Step:
    """Records that the run could not begin."""
    run = state.run
    if run is None or run.spawned is not None or run.retry_at is not None:
        return state, []
    text = f"the run is missed: {reason}"
    record = replace(state.record, missed=state.record.missed + 1)
    state, effects = _over(replace(state, record=record))
    state, more = begin_pending(state, plan)
    return state, [Log("warning", text), Notify("missed", reason=text), *effects, *more]


def cancel(state: State) -> Step:
    """Records that the run was stopped from outside, which is neither success nor failure."""
    return _over(replace(state, pending=None))


def _over(state: State) -> Step:
    """Records that no run is in progress any more, and how many times it has covered."""
    run = state.run
    assert run is not None
    state = replace(state, run=None)
    if not run.skipped:
        return state, []
    took = _seconds(state, run)
    long = f" after {duration(round(took))}" if took is not None else ""
    times = "1 time was" if run.skipped == 1 else f"{run.skipped} times were"
    return state, [Log("warning", f"the run is over{long}: {times} skipped")]


def _seconds(state: State, run: Run) -> float | None:
    return None if run.spawned is None else state.mono - run.spawned


def runs_out_at(run: Run) -> float | None:
    """Returns when `schedule_timeout` ends a run (mono)."""
    if run.spawned is None or run.ending or run.settings.timeout is None:
        return None
    return run.spawned + run.settings.timeout


def next_due(state: State, plan: Plan) -> float | None:
    """Returns when the next time of the schedule comes, if the clock is not set until then (mono)."""
    line = plan.timeline
    times = []
    at = line.next_after(max(state.done, state.since))
    if at is not None:
        times.append(at - state.wall + state.mono)
    distance = line.next_distance(state.anchor, max(state.distance_done, state.anchor))
    if distance is not None:
        times.append(distance)
    return min(times, default=None)


def _shown(state: State, plan: Plan, due: float) -> str:
    return plan.timeline.zone.shown(round(due - state.mono + state.wall, 3))


def upcoming(state: State, plan: Plan, most: int) -> list[float]:
    """Returns the next times (wall), the soonest first."""
    found: list[float] = []
    while len(found) < most:
        at = next_due(state, plan)
        if at is None:
            break
        wall = at - state.mono + state.wall
        found.append(wall)
        state = replace(state, done=max(wall, state.done), distance_done=max(at, state.distance_done))
    return found
