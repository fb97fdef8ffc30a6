"""Situations of a schedule and what is fed to them, for tables of results. Noon is when it began."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from supervice.lean.dataclasses import replace
from supervice.schedules import states as s
from supervice.schedules.expression import parse
from supervice.schedules.states import Plan, Run, Settings, State
from supervice.schedules.timeline import Timeline, Zone

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
HOUR, DAY = 3600.0, 86400.0
IDLE = State(NOON, 500.0, NOON, 500.0)
# Half past twelve: a run that was spawned 100 s ago, after it had waited for what it depends on.
HALF = replace(IDLE, wall=NOON + 1800, mono=2300.0)


def plan_of(*lines: str, **options: Any) -> Plan:
    return Plan(Timeline([parse(line) for line in lines], Zone("UTC", None), 0, ""), Settings(**options))


HOURLY = plan_of("0 * * * *")


def running(plan: Plan, now: State = HALF, **more: Any) -> State:
    return replace(now, run=Run(NOON, s.SCHEDULE, plan.settings, **{"spawned": now.mono - 100.0, **more}))


def at(now: State, seconds: float, kind: Any = s.Looked, **details: Any) -> Any:
    return kind(now.wall + seconds, now.mono + seconds, **details)


def later(now: State, seconds: float, **more: Any) -> State:
    return replace(now, wall=now.wall + seconds, mono=now.mono + seconds, **more)


def ended(now: State, ok: bool = False, code: int | None = 3, reason: str = "exit code 3") -> Any:
    return at(now, 0, s.RunEnded, ok=ok, code=code, reason=reason)


RETRY = running(HOURLY, attempt=2, spawned=None, retry_at=2310.0, code=3, reason="exit code 3", skipped=1)
