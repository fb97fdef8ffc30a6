"""Decides about a program with a schedule: what runs, and what is missed, skipped, queued or restarted.

`decide(state, event, plan)` returns the next state and the effects to perform, in order. It reads no clock
and does nothing. Each time of the schedule is dealt with once: it begins a run, waits as the one pending run,
is skipped because a run is in progress, or is missed because nothing could run then. `State.done` is the last
such time, so a clock that is set back runs nothing twice; one that is set back by more than a day was wrong
before, and what ran under it does not count. Times that came due unseen (a clock set forward, a suspended
machine, a frozen container, a start with a stamp) make one run together, unless they are older than the
deadline.
"""

from __future__ import annotations

from supervice.lean.dataclasses import replace
from supervice.schedules import states as s
from supervice.schedules.due import come_due
from supervice.schedules.runs import (
    begin_run,
    cancel,
    end_run,
    impossible,
    next_due,
    runs_out_at,
    why_stopped,
)
from supervice.schedules.states import Begin, Log, Notify, Stamp, State, Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from supervice.schedules.states import Effect, Event, Plan, Step

# Seconds; a clock that is set back further was wrong before.
LONGEST_REPEAT: Final = 86400.0
# 2020-01-01: a clock before that was never set.
UNSET_BEFORE: Final = 1577836800.0


def begin(
    wall: float,
    mono: float,
    plan: Plan,
    *,
    stamp: float | None = None,
    boot: bool = True,
    held: bool = False,
) -> Step:
    """Returns the state of a schedule that begins with the daemon (`boot`), or at a reload.

    `stamp` is the time in `schedule_stamp`: later times that are over are made up for, once. `held`: it does
    not run before an operator starts it.
    """
    state = State(wall, mono, wall, mono, held=held)
    effects: list[Effect] = []
    if stamp is not None and stamp - wall > LONGEST_REPEAT:
        shown = plan.timeline.zone.shown(stamp)
        effects.append(Log("warning", f"the stamp says {shown}, which is still to come; it does not count"))
        stamp = None
    if stamp is not None and not is_unset(stamp):
        ago = max(0.0, wall - stamp)
        state = replace(state, since=stamp, done=stamp, anchor=mono - ago, distance_done=mono - ago)
    elif plan.settings.stamped:
        effects.append(Stamp(wall))
    if boot and plan.timeline.at_boot and not held:
        # one run stands for all that is due
        state, more = begin_run(replace(state, since=wall, distance_done=mono), None, s.BOOT, plan)
    else:
        state, more = come_due(state, plan)
    return state, [effect for effect in effects + more if not (type(effect) is Stamp and is_unset(wall))]


def decide(state: State, event: Event, plan: Plan) -> tuple[State, list[Effect]]:
    """Returns the next state, and the effects that make it true."""
    state = _read_clocks(state, event.wall, event.mono)
    handle: Callable[[State, Any, Plan], Step] = _HANDLERS[type(event)]
    state, effects = handle(state, event, plan)
    if is_unset(event.wall):
        effects = [effect for effect in effects if type(effect) is not Stamp]
    return state, effects


def wake(state: State, plan: Plan) -> float | None:
    """Returns the seconds from the last event until the next `Looked`; None: nothing is awaited."""
    run = state.run
    found = [] if state.held or state.closed else [next_due(state, plan)]
    if run is not None:
        found += [run.retry_at, runs_out_at(run)]
    soonest = min((at for at in found if at is not None), default=None)
    return None if soonest is None else max(0.0, soonest - state.mono)


def will_run_again(state: State, plan: Plan) -> bool:
    """Returns whether a container with nothing else to do has to go on for it."""
    if state.closed:
        return False
    return state.run is not None or state.pending is not None or next_due(state, plan) is not None


def is_unset(wall: float) -> bool:
    """Returns whether a clock shows a time before supervice existed: it was never set."""
    return wall < UNSET_BEFORE


# -- what happened ---------------------------------------------------------------------------------------


def _read_clocks(state: State, wall: float, mono: float) -> State:
    since, done = state.since, state.done
    if is_unset(state.wall) and not is_unset(wall):  # nothing is known of the time before
        since, done = wall, s.NEVER
    elif done - wall > LONGEST_REPEAT:
        done = s.NEVER
    return replace(state, wall=wall, mono=mono, since=min(since, wall), done=done)


def _looked(state: State, _event: s.Looked, plan: Plan) -> Step:
    effects: list[Effect] = []
    run = state.run
    if run is not None and run.retry_at is not None and run.retry_at <= state.mono:
        state, effects = _try_again(state, run)
    elif run is not None:
        over = runs_out_at(run)
        if over is not None and over <= state.mono:
            run = replace(run, ending=s.TIMEOUT)
            state = replace(state, run=run)
            effects.append(Stop(why_stopped(run)))
    state, more = come_due(state, plan)
    return state, effects + more


def _try_again(state: State, run: s.Run) -> Step:
    run = replace(run, attempt=run.attempt + 1, retry_at=None)
    return replace(state, run=run), [Begin(run.due, run.cause, run.attempt)]


def _run_began(state: State, _event: s.RunBegan, plan: Plan) -> Step:
    run = state.run
    if run is not None and run.spawned is None:
        attempt = run.attempt
        if run.retry_at is not None:  # an operator did not wait for the next attempt
            attempt += 1
        run = replace(run, spawned=state.mono, attempt=attempt, retry_at=None)
        return replace(state, run=run), [Notify("start")] if attempt == 1 else []
    effects: list[Effect] = []
    if run is not None:  # an operator has restarted it
        state, effects = cancel(state)
    state = replace(_released(state), run=s.Run(None, s.OPERATOR, plan.settings, spawned=state.mono))
    return state, [*effects, Notify("start")]


def _run_cancelled(state: State, _event: s.RunCancelled, _plan: Plan) -> Step:
    return cancel(state) if state.run is not None and state.run.retry_at is None else (state, [])


def _run_impossible(state: State, event: s.RunImpossible, plan: Plan) -> Step:
    return impossible(state, event.reason, plan)


# -- what was asked --------------------------------------------------------------------------------------


def _held(state: State, _event: s.Held, _plan: Plan) -> Step:
    return replace(_idle(state), held=True), []


def _release(state: State, _event: s.Released, _plan: Plan) -> Step:
    return _released(state), []


def _released(state: State) -> State:
    if not state.held:
        return state
    return replace(state, held=False, since=state.wall, distance_done=state.mono)


def _idle(state: State) -> State:
    """Cancels what would begin by itself; a run in progress goes on until it is stopped."""
    if state.run is not None and state.run.retry_at is not None:
        state = replace(state, run=None)
    return replace(state, pending=None)


def _plan_changed(state: State, event: s.PlanChanged, plan: Plan) -> Step:
    """Takes a new plan. A run in progress goes on; past times of the new plan do not count."""
    if event.times:
        state = replace(state, since=state.wall, done=s.NEVER, anchor=state.mono, distance_done=s.NEVER)
    return state, [Stamp(state.wall)] if plan.settings.stamped else []


def _shutdown(state: State, _event: s.ShutdownBegan, _plan: Plan) -> Step:
    """Ends the schedule; the shutdown itself stops a run in progress."""
    return replace(_idle(state), closed=True), []


_HANDLERS: dict[type, Callable[[State, Any, Plan], Step]] = {
    s.Looked: _looked,
    s.RunBegan: _run_began,
    s.RunEnded: end_run,
    s.RunCancelled: _run_cancelled,
    s.RunImpossible: _run_impossible,
    s.Held: _held,
    s.Released: _release,
    s.PlanChanged: _plan_changed,
    s.ShutdownBegan: _shutdown,
}
