"""Shows a schedule: when it runs next, in words and as a row of `schedule`."""

from __future__ import annotations

from supervice.lean.dataclasses import replace
from supervice.schedules.description import ahead, moment, say
from supervice.schedules.runs import next_due, upcoming
from supervice.supervision.journal import timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.models import ScheduleConfig
    from supervice.schedules.records import Cron, Every, Reboot
    from supervice.schedules.states import Plan, State

# The number of next times in a row.
NEXT = 5


def said(state: State, plan: Plan, wall: float, mono: float) -> str:
    """Returns `next at 14:15 (in 4 min)`, or what there is to say instead."""
    run = state.run
    if run is not None and run.retry_at is not None:
        attempt = f"attempt {run.attempt + 1} of {run.settings.retries + 1}"
        return f"{attempt} in {ahead(run.retry_at - mono)}"
    if state.closed:
        return ""
    if state.held:
        return "its schedule is held until the next start"
    due = next_due(replace(state, wall=wall, mono=mono), plan)
    if due is None:
        return "no further time until supervice starts anew"
    zone, at = plan.timeline.zone, wall + due - mono
    return f"next at {moment(zone.local(at), zone.local(wall))} (in {ahead(due - mono)})"


def row(
    name: str,
    config: ScheduleConfig,
    lines: tuple[Cron | Every | Reboot, ...],
    state: State,
    plan: Plan,
    wall: float,
    mono: float,
) -> dict[str, Any]:
    """Returns a row of `schedule`; times in RFC 3339, UTC, and seconds since 1970 in keys ending in `_at`."""
    now = replace(state, wall=wall, mono=mono)
    record, zone = state.record, plan.timeline.zone
    times = [] if state.held or state.closed else upcoming(now, plan, NEXT)
    return {
        "name": name,
        "schedule": list(config.lines),
        "words": [say(line) for line in lines],
        "timezone": zone.name,
        "jitter": plan.timeline.offset,
        "next_at": times[0] if times else None,
        "next": [timestamp(at) for at in times],
        "next_local": [zone.shown(at) for at in times],
        "text": said(state, plan, wall, mono),
        "held": state.held,
        "running": state.run is not None,
        "failed": record.failing,
        "reason": record.reason if record.failing else "",
        "last_success_at": record.last_success,
        "last_failure_at": record.last_failure,
        "last_success": _when(record.last_success),
        "last_failure": _when(record.last_failure),
        "last_seconds": None if record.last_seconds is None else round(record.last_seconds, 3),
        "succeeded": record.succeeded,
        "failures": record.failed,
        "skipped": record.skipped,
        "missed": record.missed,
    }


def _when(at: float | None) -> str | None:
    return None if at is None else timestamp(at)
