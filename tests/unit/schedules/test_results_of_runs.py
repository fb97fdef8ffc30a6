"""How a run of a schedule ends, is tried again and makes room: the next state and the effects, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from supervice.lean.dataclasses import replace
from supervice.schedules import states as s
from supervice.schedules.decide import decide, wake
from supervice.schedules.runs import delay
from supervice.schedules.states import Begin, Log, Notify, Pending, Record, Run, Settings, Stamp, Stop
from tests.fakes.schedule_situations import (
    HALF,
    HOUR,
    HOURLY,
    NOON,
    RETRY,
    at,
    ended,
    later,
    plan_of,
    running,
)

# -- how a run ends --------------------------------------------------------------------------------------

FAILED = Record(failed=1, last_failure=HALF.wall, last_seconds=100.0, reason="exit code 3", failing=True)


def test_a_run_that_succeeds() -> None:
    before = running(HOURLY, replace(HALF, record=replace(FAILED, succeeded=4, skipped=2, missed=1)))
    assert decide(before, ended(before, ok=True, code=0, reason=""), HOURLY) == (
        replace(
            before,
            run=None,
            record=replace(before.record, succeeded=5, last_success=HALF.wall, failing=False),
        ),
        [Notify("success", 0, "", 100.0)],
    )


@pytest.mark.parametrize(
    ("lines", "following"),
    [
        (("0 * * * *",), "next 2026-06-01 13:00 UTC"),
        (("every 40m",), "next 2026-06-01 12:40 UTC"),
        (("0 * * * *", "every 2401.5s"), "next 2026-06-01 12:40:01 UTC"),
        (("@reboot",), "none follows"),
    ],
)
def test_a_run_that_fails(lines: tuple[str, ...], following: str) -> None:
    plan = plan_of(*lines)
    before = running(plan, replace(HALF, record=Record(succeeded=4, last_success=7.0)))
    assert decide(before, ended(before), plan) == (
        replace(before, run=None, record=replace(FAILED, succeeded=4, last_success=7.0)),
        [
            Log("warning", f"the run failed (exit code 3); {following}"),
            Notify("failure", 3, "exit code 3", 100.0),
        ],
    )


def test_a_run_that_could_not_be_spawned_took_no_time() -> None:
    before = running(HOURLY, spawned=None)
    after, effects = decide(before, ended(before, code=127, reason="no such file"), HOURLY)
    assert after.record == replace(FAILED, last_seconds=None, reason="no such file")
    assert effects[1] == Notify("failure", 127, "no such file", None)


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        (s.TIMEOUT, "took longer than 1 min 30 s (schedule_timeout)"),
        (s.OVERLAP, "still ran at its next time (schedule_overlap = restart)"),
    ],
)
@pytest.mark.parametrize("ok", [False, True])
def test_a_run_that_we_have_stopped_has_failed_whatever_its_code(ending: str, why: str, ok: bool) -> None:
    plan = plan_of("0 * * * *", timeout=90.0)
    before = running(plan, ending=ending)
    after, effects = decide(before, ended(before, ok=ok, code=0), plan)
    assert after == replace(before, run=None, record=replace(FAILED, reason=why))
    assert effects == [
        Log("warning", f"the run failed ({why}); next 2026-06-01 13:00 UTC"),
        Notify("failure", 0, why, 100.0),
    ]


@pytest.mark.parametrize(
    ("skipped", "spawned", "text"),
    [
        (1, 2200.0, "the run is over after 1 min 40 s: 1 time was skipped"),
        (2, 2199.6, "the run is over after 1 min 40 s: 2 times were skipped"),
        (3, None, "the run is over: 3 times were skipped"),
    ],
)
def test_the_end_says_how_many_times_the_run_has_covered(
    skipped: int, spawned: float | None, text: str
) -> None:
    before = running(HOURLY, skipped=skipped, spawned=spawned)
    for event, said in (
        (ended(before, ok=True), 1),
        (ended(before), 2),
        (at(before, 0, s.RunCancelled), 0),
    ):
        after, effects = decide(before, event, HOURLY)
        assert after.run is None
        assert effects[said:] == [Log("warning", text)]
    closed = replace(before, closed=True)
    assert decide(closed, ended(closed), HOURLY) == (replace(closed, run=None), [Log("warning", text)])


def test_the_run_that_waits_begins_when_the_other_is_over() -> None:
    before = running(HOURLY, replace(HALF, pending=Pending(NOON + 60, s.MADE_UP)))
    then = Run(NOON + 60, s.MADE_UP, HOURLY.settings)
    for event in (ended(before, ok=True), ended(before)):
        after, effects = decide(before, event, HOURLY)
        assert (after.run, after.pending) == (then, None)
        assert effects[-1] == Begin(NOON + 60, s.MADE_UP)
    cancelled, effects = decide(before, at(before, 0, s.RunCancelled), HOURLY)
    assert (cancelled, effects) == (replace(before, run=None, pending=None), [])
    waits = running(HOURLY, replace(HALF, pending=before.pending), spawned=None)
    after, effects = decide(waits, at(waits, 0, s.RunImpossible, reason="db failed"), HOURLY)
    assert after == replace(waits, run=then, pending=None, record=Record(missed=1))
    assert effects == [
        Log("warning", "the run is missed: db failed"),
        Notify("missed", reason="the run is missed: db failed"),
        Begin(NOON + 60, s.MADE_UP),
    ]
    closed = replace(waits, closed=True)
    after, effects = decide(closed, at(waits, 0, s.RunImpossible, reason="db failed"), HOURLY)
    assert (after.run, after.pending, len(effects)) == (None, None, 2)


# -- attempts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nth", "seconds"), [(1, 1.5), (2, 4.5), (3, 13.5), (4, 20.0), (64, 20.0), (65, 20.0), (10**9, 20.0)]
)
def test_the_wait_before_a_retry(nth: int, seconds: float) -> None:
    assert delay(Settings(backoff=1.5, backoff_factor=3.0, backoff_max=20.0), nth) == seconds


def test_the_wait_grows_up_to_the_64th_power() -> None:
    slow = Settings(backoff=1.0, backoff_factor=1.01, backoff_max=1e9)
    assert delay(slow, 64) < delay(slow, 65) == delay(slow, 66) == 1.01**64


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_run_that_fails_is_tried_again(attempt: int) -> None:
    plan = plan_of("0 * * * *", retries=2, backoff=1.5)
    before = running(plan, attempt=attempt, ending=s.TIMEOUT if attempt == 2 else "", skipped=1)
    after, effects = decide(before, ended(before), replace(plan, settings=Settings()))
    assert before.run is not None
    wait = 1.5 * attempt
    why = "exit code 3" if attempt == 1 else "took longer than 0 s (schedule_timeout)"
    run = replace(before.run, retry_at=2300.0 + wait, spawned=None, ending="", code=3, reason=why)
    assert after == replace(before, run=run)
    assert effects == [Log("warning", f"attempt {attempt} of 3 failed: {why}; tries again in {wait:g} s")]


@pytest.mark.parametrize(
    ("state", "run", "settings"),
    [
        ({}, {"attempt": 3}, {}),
        ({}, {"ending": s.OVERLAP}, {}),
        ({"pending": Pending(NOON, s.SCHEDULE)}, {}, {}),
        ({"held": True}, {}, {}),
        ({}, {}, {"backoff": 1800.0, "backoff_max": 1800.0}),
        ({}, {}, {"backoff": 1801.0, "backoff_max": 1801.0}),
    ],
    ids=["the last", "it made room", "another waits", "it is held", "the next time", "after the next time"],
)
def test_a_run_that_fails_is_not_tried_again(
    state: dict[str, Any], run: dict[str, Any], settings: dict[str, Any]
) -> None:
    plan = plan_of("0 * * * *", retries=2, **settings)
    before = running(plan, replace(HALF, **state), **run)
    after, effects = decide(before, ended(before), plan)
    assert after.run is None or (after.run.cause == s.SCHEDULE and after.run.retry_at is None)
    assert after.record.failed == 1
    assert isinstance(effects[1], Notify)


def test_the_wait_is_told_to_the_millisecond() -> None:
    plan = plan_of("0 * * * *", retries=1, backoff=1.23456)
    _, effects = decide(running(plan), ended(HALF), plan)
    assert effects == [Log("warning", "attempt 1 of 2 failed: exit code 3; tries again in 1.235 s")]


def test_it_is_tried_again_as_late_as_just_before_its_next_time_and_when_none_follows() -> None:
    plan = plan_of("0 * * * *", retries=1, backoff=1799.5, backoff_max=1800.0)
    before = running(plan)
    after, _ = decide(before, ended(before), plan)
    assert after.run is not None
    assert after.run.retry_at == 2300 + 1799.5
    once = plan_of("@reboot", retries=1)
    before = running(once)
    after, _ = decide(before, ended(before), once)
    assert after.run is not None
    assert after.run.retry_at == 2301.0


def test_the_next_attempt_begins_at_its_time_and_not_before() -> None:
    assert wake(RETRY, HOURLY) == 10.0
    assert decide(RETRY, at(RETRY, 9.75), HOURLY) == (later(RETRY, 9.75), [])
    assert RETRY.run is not None
    after, effects = decide(RETRY, at(RETRY, 10), HOURLY)
    assert after == later(RETRY, 10, run=replace(RETRY.run, attempt=3, retry_at=None))
    assert effects == [Begin(NOON, s.SCHEDULE, 3)]


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        (s.RunEnded, {"ok": True}),
        (s.RunEnded, {"ok": False}),
        (s.RunCancelled, {}),
        (s.RunImpossible, {"reason": "x"}),
    ],
)
def test_what_comes_too_late_changes_nothing(kind: Any, details: dict[str, Any]) -> None:
    """A run that is over, or waits for its next attempt, neither ends nor becomes impossible."""
    for before in (HALF, RETRY):
        assert decide(before, at(before, 1, kind, **details), HOURLY) == (later(before, 1), [])
    begun = running(HOURLY)
    if kind is s.RunImpossible:
        assert decide(begun, at(begun, 1, kind, **details), HOURLY) == (later(begun, 1), [])


def test_a_time_that_comes_ends_the_attempts() -> None:
    """A retry is never at or after the next time, but a clock may be set forward meanwhile."""
    event = s.Looked(NOON + HOUR + 5, RETRY.mono + 1)
    after, effects = decide(RETRY, event, HOURLY)
    assert after.run == Run(NOON + HOUR, s.SCHEDULE, HOURLY.settings)
    assert after.record == Record(failed=1, last_failure=NOON + HOUR + 5, reason="exit code 3", failing=True)
    assert effects == [
        Log("warning", "the run failed (exit code 3); next 2026-06-01 14:00 UTC"),
        Notify("failure", 3, "exit code 3", None),
        Log("warning", "the run is over: 1 time was skipped"),
        Begin(NOON + HOUR, s.SCHEDULE),
    ]


# -- a run that takes long -------------------------------------------------------------------------------


def test_a_run_ends_at_its_timeout_and_not_before() -> None:
    plan = plan_of("0 * * * *", timeout=150.0)
    before = running(plan)
    assert wake(before, plan) == 50.0
    assert decide(before, at(before, 49.75), plan) == (later(before, 49.75), [])
    assert before.run is not None
    after, effects = decide(before, at(before, 50), plan)
    assert after == later(before, 50, run=replace(before.run, ending=s.TIMEOUT))
    assert effects == [Stop("took longer than 2 min 30 s (schedule_timeout)")]
    assert decide(after, at(after, 1), plan) == (later(after, 1), []), "it is told once"
    assert wake(after, plan) == 1750.0
    waits = running(plan, spawned=None)
    assert wake(waits, plan) == 1800.0, "what waits for others takes no time"


def times(count: int) -> str:
    return f"still runs: the time of 2026-06-01 {12 + count}:00 UTC is skipped (schedule_overlap = %s)"


@pytest.mark.parametrize(
    ("overlap", "count", "pending", "skipped"),
    [
        (s.SKIP, 1, False, 1),
        (s.SKIP, 3, False, 3),
        (s.QUEUE, 1, False, 0),
        (s.QUEUE, 3, False, 2),
        (s.QUEUE, 1, True, 1),
        (s.QUEUE, 3, True, 3),
        (s.RESTART, 1, False, 0),
        (s.RESTART, 3, False, 2),
        (s.RESTART, 1, True, 1),
        (s.RESTART, 3, True, 3),
    ],
)
@pytest.mark.parametrize("told", [0, 4])
@pytest.mark.parametrize("ending", ["", s.TIMEOUT, s.OVERLAP])
def test_times_that_come_during_a_run(
    overlap: str, count: int, pending: bool, skipped: int, told: int, ending: str
) -> None:
    plan = plan_of("0 * * * *", overlap=overlap, stamped=True)
    waits = Pending(NOON, s.MADE_UP) if pending else None
    now = replace(HALF, pending=waits, record=Record(skipped=7, missed=2))
    before = running(plan, now, skipped=told, ending=ending)
    due = NOON + count * HOUR
    after, effects = decide(before, at(before, due - HALF.wall + 1), plan)
    if overlap == s.RESTART or (overlap == s.QUEUE and not pending):
        waits = Pending(due, s.SCHEDULE)
    stops = overlap == s.RESTART and not ending
    assert before.run is not None
    assert after == later(
        before,
        due - HALF.wall + 1,
        done=due,
        pending=waits,
        record=Record(skipped=7 + skipped, missed=2),
        run=replace(before.run, skipped=told + skipped, ending=s.OVERLAP if stops else ending),
    )
    expected: list[s.Effect] = []
    if stops:
        expected.append(Stop("still ran at its next time (schedule_overlap = restart)"))
    if skipped and not told:
        text = times(count) % overlap
        expected += [Log("warning", text), Notify("skipped", reason=text)]
    assert effects == [*expected, Stamp(due)]
