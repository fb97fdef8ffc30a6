"""Decides what becomes of the times of a schedule that have come; the first half of `decide`. Pure."""

from __future__ import annotations

from supervice.lean.dataclasses import replace
from supervice.schedules import states as s
from supervice.schedules.description import duration
from supervice.schedules.runs import begin_run, fail, why_stopped
from supervice.schedules.states import Log, Notify, Pending, Stamp, Stop
from supervice.schedules.timeline import MOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from supervice.schedules.states import Effect, Plan, Run, State, Step

# Seconds; a run that begins later than this is called late in the log.
_LATE: Final = 60.0


def come_due(state: State, plan: Plan) -> Step:
    """Deals with all times up to now."""
    if state.held or state.closed:
        return state, []
    line = plan.timeline
    count, due = line.between(max(state.done, state.since), state.wall)
    if count:
        state = replace(state, done=due)
    distances, at = line.distances_between(state.anchor, max(state.distance_done, state.anchor), state.mono)
    if distances:
        state = replace(state, distance_done=at)
        by_distance = state.wall - (state.mono - at)
        due = max(due, by_distance) if count else by_distance
    if not count and not distances:
        return state, []
    effects: list[Effect] = []
    if state.run is not None and state.run.retry_at is not None:  # no time is left for another attempt
        state, effects = fail(state, plan)
    state, more = _settle(state, plan, count + distances, due)
    effects += more
    if plan.settings.stamped:
        effects.append(Stamp(due))
    return state, effects


def _settle(state: State, plan: Plan, count: int, due: float) -> Step:
    """Deals with `count` times that have come, the last of them at `due` (wall)."""
    if state.run is not None:
        return _overlap(state, state.run, plan, count, due)
    deadline = plan.settings.deadline
    if deadline is not None and state.wall - due > deadline:
        return _miss(
            state, plan, count, due, f"that is more than {duration(deadline)} ago (schedule_deadline)"
        )
    effects: list[Effect] = []
    if count > 1:
        state, effects = _miss(state, plan, count - 1, due, "one run makes up for all")
    late = count > 1 or state.wall - due > _LATE
    if late:
        effects.append(Log("info", f"the time of {plan.timeline.zone.shown(due)} is made up now"))
    state, more = begin_run(state, due, s.MADE_UP if late else s.SCHEDULE, plan)
    return state, effects + more


def _miss(state: State, plan: Plan, count: int, due: float, why: str) -> Step:
    text = f"{_times(count)} up to {plan.timeline.zone.shown(due)} missed: {why}"
    state = replace(state, record=replace(state.record, missed=state.record.missed + count))
    return state, [Log("warning", text), Notify("missed", reason=text)]


def _overlap(state: State, run: Run, plan: Plan, count: int, due: float) -> Step:
    """Deals with times that came during a run."""
    effects: list[Effect] = []
    overlap = plan.settings.overlap
    skipped = count
    if overlap != s.SKIP and (overlap == s.RESTART or state.pending is None):
        skipped = count - 1 if state.pending is None else count  # one of them is the pending run
        state = replace(state, pending=Pending(due, s.SCHEDULE))
    if overlap == s.RESTART and not run.ending:
        run = replace(run, ending=s.OVERLAP)
        effects.append(Stop(why_stopped(run)))
    if skipped and not run.skipped:
        when = plan.timeline.zone.shown(due)
        text = f"still runs: the time of {when} is skipped (schedule_overlap = {overlap})"
        effects += [Log("warning", text), Notify("skipped", reason=text)]
    record = replace(state.record, skipped=state.record.skipped + skipped)
    run = replace(run, skipped=run.skipped + skipped)
    return replace(state, record=record, run=run), effects


def _times(count: int) -> str:
    if count == 1:
        return "a time"
    return f"{count} times" if count < MOST - 1 else f"{count} times or more"
