"""What is shown of a schedule, in words and as a row: an answer of its own to each state it can be in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from supervice.lean.dataclasses import replace
from supervice.models import ScheduleConfig
from supervice.schedules.decide import begin
from supervice.schedules.expression import parse
from supervice.schedules.states import Plan, Record, Run, Settings
from supervice.schedules.timeline import Timeline, Zone
from supervice.supervision.schedule_view import NEXT, row, said

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
MONO = 500.0
BERLIN = Zone("Europe/Berlin", ZoneInfo("Europe/Berlin"))


def at(*lines: str, zone: Zone = BERLIN, jitter: float = 0.0) -> tuple[Any, Plan]:
    """The state at the start of the daemon, at noon, and the plan."""
    plan = Plan(Timeline([parse(line) for line in lines], zone, jitter, "job"))
    return begin(NOON, MONO, plan, stamp=None, boot=False)[0], plan


def test_the_next_time_is_local_and_says_how_far_it_is() -> None:
    state, plan = at("15 14 * * *")
    assert said(state, plan, NOON, MONO) == "next at 14:15 (in 15 min)"
    assert said(state, plan, NOON + 600, MONO + 600) == "next at 14:15 (in 5 min)"
    assert (
        said(replace(state, done=NOON + 900), plan, NOON + 960, MONO + 960) == "next at Tue 14:15 (in 24 h)"
    )
    # the wall clock was set an hour back; the monotonic one knows nothing of it
    assert said(state, plan, NOON - 3600, MONO) == "next at 14:15 (in 1 h 15 min)"


def test_a_distance_is_counted_by_the_monotonic_clock() -> None:
    state, plan = at("every 10m")
    assert said(state, plan, NOON + 60, MONO + 60) == "next at 14:10 (in 9 min)"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"closed": True, "held": True}, ""),
        ({"held": True}, "its schedule is held until the next start"),
        ({}, "next at 14:15 (in 15 min)"),
    ],
)
def test_what_is_held_or_over_says_no_time(changed: dict[str, bool], words: str) -> None:
    state, plan = at("15 14 * * *")
    assert said(replace(state, **changed), plan, NOON, MONO) == words


def test_without_a_further_time_it_says_so() -> None:
    state, plan = at("@reboot")
    assert said(state, plan, NOON, MONO) == "no further time until supervice starts anew"


def test_an_attempt_that_comes_goes_before_the_next_time() -> None:
    state, plan = at("15 14 * * *")
    run = Run(None, "schedule", Settings(retries=3), attempt=2, retry_at=MONO + 30)
    assert said(replace(state, run=run), plan, NOON, MONO) == "attempt 3 of 4 in 30 s"
    assert said(replace(state, run=run), plan, NOON + 10, MONO + 10) == "attempt 3 of 4 in 20 s"
    running = replace(state, run=replace(run, retry_at=None))
    assert said(running, plan, NOON, MONO) == "next at 14:15 (in 15 min)"


def shown(state: Any, plan: Plan, *lines: str, later: float = 0.0) -> dict[str, Any]:
    config = ScheduleConfig(lines)
    records = tuple(parse(line) for line in lines)
    return row("job", config, records, state, plan, NOON + later, MONO + later)


def test_the_times_of_a_row_are_the_same_ten_minutes_later() -> None:
    state, plan = at("every 1h30m")
    row = shown(state, plan, "every 1h30m", later=600.0)
    assert row["next"] == shown(state, plan, "every 1h30m")["next"]


def test_a_row_of_one_that_has_not_run() -> None:
    state, plan = at("0 3 * * *", "every 1h30m")
    times = [f"2026-06-01T{time}:00.000Z" for time in ("13:30", "15:00", "16:30", "18:00", "19:30")]
    assert shown(state, plan, "0 3 * * *", "every 1h30m") == {
        "name": "job",
        "schedule": ["0 3 * * *", "every 1h30m"],
        "words": ["every day at 03:00", "every 1 h 30 min"],
        "timezone": "Europe/Berlin",
        "jitter": 0.0,
        "next_at": NOON + 5400,
        "next": times,
        "next_local": [f"2026-06-01 {time} CEST" for time in ("15:30", "17:00", "18:30", "20:00", "21:30")],
        "text": "next at 15:30 (in 1 h 30 min)",
        "held": False,
        "running": False,
        "failed": False,
        "reason": "",
        "last_success_at": None,
        "last_failure_at": None,
        "last_success": None,
        "last_failure": None,
        "last_seconds": None,
        "succeeded": 0,
        "failures": 0,
        "skipped": 0,
        "missed": 0,
    }
    assert len(times) == NEXT


def test_a_row_of_one_that_has_failed() -> None:
    state, plan = at("0 3 * * *")
    record = Record(5, 4, 3, 2, NOON - 60, NOON - 30, 1.23456, "exit code 3", True)
    found = shown(replace(state, record=record), plan, "0 3 * * *")
    assert {
        key: found[key] for key in ("succeeded", "failures", "skipped", "missed", "failed", "reason")
    } == {
        "succeeded": 5,
        "failures": 4,
        "skipped": 3,
        "missed": 2,
        "failed": True,
        "reason": "exit code 3",
    }
    assert (found["last_success_at"], found["last_failure_at"]) == (NOON - 60, NOON - 30)
    assert found["last_success"] == "2026-06-01T11:59:00.000Z"
    assert found["last_failure"] == "2026-06-01T11:59:30.000Z"
    assert found["last_seconds"] == 1.235
    again = shown(replace(state, record=replace(record, failing=False)), plan, "0 3 * * *")
    assert (again["failed"], again["reason"]) == (False, "")


@pytest.mark.parametrize("changed", [{"held": True}, {"closed": True}])
def test_a_row_of_one_that_does_not_run_has_no_times(changed: dict[str, bool]) -> None:
    state, plan = at("0 3 * * *")
    found = shown(replace(state, **changed), plan, "0 3 * * *")
    assert (found["next_at"], found["next"], found["next_local"]) == (None, [], [])
    assert found["held"] is changed.get("held", False)


def test_a_row_says_what_is_so_at_that_moment() -> None:
    state, plan = at("*/10 * * * *")
    run = Run(None, "schedule", Settings())
    found = shown(replace(state, run=run, done=NOON + 600), plan, "*/10 * * * *", later=615.0)
    assert found["running"] is True
    assert found["next_at"] == NOON + 1200
    assert found["text"] == "next at 14:20 (in 10 min)"


def test_the_jitter_is_the_offset_of_this_program() -> None:
    state, plan = at("0 3 * * *", jitter=30.0)
    offset = plan.timeline.offset
    assert 0 < offset < 30
    found = shown(state, plan, "0 3 * * *")
    assert found["jitter"] == round(offset, 3)
    assert found["next_at"] == pytest.approx(NOON + 13 * 3600 + offset)
