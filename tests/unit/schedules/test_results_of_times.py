"""What times, clocks, stamps and operators make of a schedule: the next state and the effects, word for word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from supervice.lean.dataclasses import replace
from supervice.schedules import states as s
from supervice.schedules.decide import (
    LONGEST_REPEAT,
    UNSET_BEFORE,
    begin,
    decide,
    is_unset,
    wake,
    will_run_again,
)
from supervice.schedules.runs import upcoming
from supervice.schedules.states import Begin, Log, Notify, Pending, Record, Run, Stamp, State
from supervice.schedules.timeline import MOST
from tests.fakes.schedule_situations import (
    DAY,
    HALF,
    HOUR,
    HOURLY,
    IDLE,
    NOON,
    RETRY,
    at,
    later,
    plan_of,
    running,
)

# -- times that come -------------------------------------------------------------------------------------


def test_a_time_comes_at_its_second() -> None:
    assert wake(HALF, HOURLY) == 1800.0
    assert decide(HALF, at(HALF, 1799.75), HOURLY) == (later(HALF, 1799.75), [])
    run = Run(NOON + HOUR, s.SCHEDULE, HOURLY.settings)
    assert decide(HALF, at(HALF, 1800), HOURLY) == (
        later(HALF, 1800, run=run, done=NOON + HOUR),
        [Begin(NOON + HOUR, s.SCHEDULE)],
    )


@pytest.mark.parametrize(("late", "made_up"), [(1.0, False), (60.0, False), (60.5, True), (HOUR - 1, True)])
def test_a_run_that_begins_more_than_a_minute_late_is_made_up(late: float, made_up: bool) -> None:
    after, effects = decide(HALF, at(HALF, 1800 + late), HOURLY)
    said: list[s.Effect] = [Log("info", "the time of 2026-06-01 13:00 UTC is made up now")] if made_up else []
    cause = s.MADE_UP if made_up else s.SCHEDULE
    assert after.run == Run(NOON + HOUR, cause, HOURLY.settings)
    assert effects == [*said, Begin(NOON + HOUR, cause)]
    assert after.record == Record()


@pytest.mark.parametrize(
    ("hours", "count"),
    [
        (2, "a time"),
        (3, "2 times"),
        (MOST - 1, "998 times"),
        (MOST, "999 times or more"),
        (2000, "999 times or more"),
    ],
)
def test_one_run_makes_up_for_all(hours: int, count: str) -> None:
    before = replace(HALF, record=Record(missed=3))
    due = NOON + hours * HOUR
    after, effects = decide(before, at(before, due - HALF.wall + 1), HOURLY)
    when = f"{datetime.fromtimestamp(due, UTC):%Y-%m-%d %H:%M} UTC"
    text = f"{count} up to {when} missed: one run makes up for all"
    assert effects == [
        Log("warning", text),
        Notify("missed", reason=text),
        Log("info", f"the time of {when} is made up now"),
        Begin(due, s.MADE_UP),
    ]
    missed = min(hours, MOST) - 1
    assert after == later(
        before,
        due - HALF.wall + 1,
        done=due,
        record=Record(missed=3 + missed),
        run=Run(due, s.MADE_UP, HOURLY.settings),
    )


@pytest.mark.parametrize(("late", "missed"), [(600.0, False), (600.5, True)])
def test_the_deadline(late: float, missed: bool) -> None:
    plan = plan_of("0 * * * *", deadline=600.0)
    after, effects = decide(HALF, at(HALF, 1800 + late), plan)
    assert (after.run is None) is missed
    if missed:
        text = "a time up to 2026-06-01 13:00 UTC missed: that is more than 10 min ago (schedule_deadline)"
        assert effects == [Log("warning", text), Notify("missed", reason=text)]
        assert after == later(HALF, 1800 + late, done=NOON + HOUR, record=Record(missed=1))
        two, effects = decide(after, at(after, HOUR * 2), plan)
        assert two.record.missed == 3
        assert effects[0] == Log("warning", text.replace("a time", "2 times").replace("13:00", "15:00"))


def test_both_clocks_name_the_last_time() -> None:
    """The later of the two is the time of the run, and all that came are counted."""
    for lines, due, count in (
        (("0 * * * *", "every 35m"), NOON + 4200, 3),  # 12:35, 13:00, 13:10
        (("0 * * * *", "every 50m"), NOON + HOUR, 2),  # 12:50, 13:00
        (("every 35m",), NOON + 4200, 2),
    ):
        plan = plan_of(*lines)
        after, effects = decide(HALF, at(HALF, 2500), plan)
        assert effects[-1] == Begin(due, s.MADE_UP)
        assert after.record.missed == count - 1
        cron, every = lines[0] != "every 35m", {"every 35m": 4700.0, "every 50m": 3500.0}[lines[-1]]
        assert after.done == (NOON + HOUR if cron else s.NEVER)
        assert after.distance_done == every


def test_a_time_by_distance_is_its_own_though_the_clock_was_set_back() -> None:
    """The last time by the clock is still to come, and is not the time of this run."""
    plan = plan_of("0 * * * *", "every 35m")
    before = replace(HALF, done=HALF.wall + HOUR)
    after, effects = decide(before, at(before, 2500), plan)
    assert effects[-1] == Begin(NOON + 4200, s.MADE_UP)
    assert after.done == before.done


def test_while_held_or_closed_no_time_comes() -> None:
    for before in (replace(HALF, held=True), replace(HALF, closed=True)):
        assert decide(before, at(before, DAY), HOURLY) == (later(before, DAY), [])
        assert wake(before, HOURLY) is None
        assert will_run_again(before, HOURLY) is not before.closed
    assert not will_run_again(replace(running(HOURLY), closed=True), HOURLY)
    once = plan_of("@reboot")
    assert will_run_again(running(once), once)
    assert will_run_again(replace(HALF, pending=Pending(None, s.SCHEDULE)), once)
    assert not will_run_again(HALF, once)
    held = replace(running(plan_of("0 * * * *", timeout=150.0)), held=True)
    assert wake(held, HOURLY) == 50.0, "a run that is being stopped has its timeout still"


# -- clocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("back", "done"),
    [(60.0, NOON + 1750), (DAY, NOON + 1750), (DAY + 50, NOON + 1750), (DAY + 50.5, s.NEVER)],
)
def test_a_clock_that_is_set_back(back: float, done: float) -> None:
    """Times count from there; what ran stays done unless the clock was wrong by more than a day."""
    assert LONGEST_REPEAT == DAY
    before = replace(HALF, done=NOON + 1750)
    after, effects = decide(before, s.Looked(HALF.wall - back, HALF.mono), plan_of("@reboot"))
    wall = HALF.wall - back
    assert (after, effects) == (replace(before, wall=wall, since=min(NOON, wall), done=done), [])


def test_a_clock_that_is_set_for_the_first_time() -> None:
    assert datetime(2020, 1, 1, tzinfo=UTC).timestamp() == UNSET_BEFORE
    assert is_unset(UNSET_BEFORE - 1)
    assert not is_unset(UNSET_BEFORE)
    plan = plan_of("0 * * * *", stamped=True)
    before = State(1000.0, 500.0, 900.0, 500.0, done=950.0)
    after, effects = decide(before, s.Looked(NOON + 1, 501.0), plan)
    assert (after, effects) == (State(NOON + 1, 501.0, NOON + 1, 500.0, done=s.NEVER), [])
    unset, effects = decide(before, s.Looked(7200.0, 501.0), plan)
    assert unset.run is not None
    assert [effect for effect in effects if isinstance(effect, Stamp)] == []
    assert effects[-1] == Begin(7200.0, s.MADE_UP)


# -- how it begins ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("stamped", [False, True])
def test_a_schedule_begins(held: bool, stamped: bool) -> None:
    plan = plan_of("0 * * * *", stamped=stamped)
    assert begin(NOON, 500.0, plan, held=held) == (
        State(NOON, 500.0, NOON, 500.0, held=held),
        [Stamp(NOON)] if stamped else [],
    )
    assert begin(1000.0, 500.0, plan)[1] == [], "a clock that was never set stamps nothing"


def test_a_boot_is_one_run_for_all_that_is_due() -> None:
    plan = plan_of("@reboot", "0 * * * *", "every 10m", stamped=True)
    state, effects = begin(NOON + 5, 500.0, plan, stamp=NOON - DAY)
    assert effects == [Begin(None, s.BOOT)]
    assert state == State(
        NOON + 5,
        500.0,
        NOON + 5,
        500.0 - DAY - 5,
        done=NOON - DAY,
        distance_done=500.0,
        run=Run(None, s.BOOT, plan.settings),
    )
    for options in ({"boot": False}, {"held": True}):
        state, effects = begin(NOON + 5, 500.0, plan_of("@reboot"), **options)
        assert (state, effects) == (State(NOON + 5, 500.0, NOON + 5, 500.0, held="held" in options), [])


@pytest.mark.parametrize("ago", [0.0, 400.0, -3000.0])
def test_a_stamp_is_where_times_count_from(ago: float) -> None:
    plan = plan_of("every 1h", stamped=True)
    state, effects = begin(NOON, 500.0, plan, stamp=NOON - ago)
    past = max(0.0, ago)
    assert effects == []
    assert state == State(NOON, 500.0, NOON - ago, 500 - past, done=NOON - ago, distance_done=500 - past)


@pytest.mark.parametrize(
    ("stamp", "said"),
    [
        (NOON + DAY, None),
        (NOON + DAY + 1, "the stamp says 2026-06-02 12:00:01 UTC, which is still to come; it does not count"),
    ],
)
def test_a_stamp_of_a_clock_that_was_wrong(stamp: float, said: str | None) -> None:
    state, effects = begin(NOON, 500.0, plan_of("@reboot", stamped=True), stamp=stamp, boot=False)
    if said is None:
        assert (state.done, effects) == (stamp, [])
    else:
        assert (state.done, effects) == (s.NEVER, [Log("warning", said), Stamp(NOON)])


def test_a_stamp_of_a_clock_that_was_never_set_does_not_count() -> None:
    state, effects = begin(NOON, 500.0, plan_of("0 * * * *", stamped=True), stamp=UNSET_BEFORE - 1)
    assert (state, effects) == (IDLE, [Stamp(NOON)])
    state, effects = begin(NOON, 500.0, plan_of("@reboot", stamped=True), stamp=UNSET_BEFORE, boot=False)
    assert (state.done, effects) == (UNSET_BEFORE, [])


# -- what operators do -----------------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", [1, 2])
def test_the_spawn_of_a_run(attempt: int) -> None:
    before = running(HOURLY, spawned=None, attempt=attempt)
    assert before.run is not None
    after, effects = decide(before, at(before, 1, s.RunBegan), HOURLY)
    assert after == later(before, 1, run=replace(before.run, spawned=before.mono + 1))
    assert effects == ([Notify("start")] if attempt == 1 else [])


def test_an_operator_does_not_wait_for_the_next_attempt() -> None:
    assert RETRY.run is not None
    after, effects = decide(RETRY, at(RETRY, 1, s.RunBegan), HOURLY)
    assert after == later(RETRY, 1, run=replace(RETRY.run, spawned=2301.0, attempt=3, retry_at=None))
    assert effects == []


@pytest.mark.parametrize("held", [False, True])
def test_a_run_that_an_operator_began(held: bool) -> None:
    plan = plan_of("0 * * * *", timeout=7.0)
    now = replace(HALF, held=held, distance_done=600.0)
    run = Run(None, s.OPERATOR, plan.settings, spawned=2301.0)
    released = {"since": HALF.wall + 1, "distance_done": 2301.0} if held else {}
    assert decide(now, at(now, 1, s.RunBegan), plan) == (
        later(now, 1, held=False, run=run, **released),
        [Notify("start")],
    )
    before = replace(running(plan, now, skipped=1), pending=Pending(NOON, s.SCHEDULE))
    assert decide(before, at(now, 1, s.RunBegan), plan) == (
        later(now, 1, held=False, run=run, **released),
        [Log("warning", "the run is over after 1 min 41 s: 1 time was skipped"), Notify("start")],
    )


def test_what_is_held_keeps_its_run_until_that_is_stopped() -> None:
    pending = Pending(NOON, s.SCHEDULE)
    for event, field in ((s.Held, "held"), (s.ShutdownBegan, "closed")):
        for run, kept in ((running(HOURLY).run, True), (RETRY.run, False), (None, False)):
            before = replace(HALF, run=run, pending=pending)
            assert decide(before, at(before, 1, event), HOURLY) == (
                later(before, 1, run=run if kept else None, pending=None, **{field: True}),
                [],
            )


@pytest.mark.parametrize("held", [False, True])
def test_what_is_released_counts_from_now(held: bool) -> None:
    before = replace(running(HOURLY), held=held, done=NOON, distance_done=600.0)
    after = later(before, 1, held=False)
    if held:
        after = replace(after, since=after.wall, distance_done=after.mono)
    assert decide(before, at(before, 1, s.Released), HOURLY) == (after, [])


@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("stamped", [False, True])
def test_a_reload(times: bool, stamped: bool) -> None:
    before = replace(running(HOURLY), done=NOON, distance_done=600.0, pending=Pending(NOON, s.SCHEDULE))
    after = later(before, 1)
    if times:
        after = replace(after, since=after.wall, done=s.NEVER, anchor=after.mono, distance_done=s.NEVER)
    plan = plan_of("0 * * * *", stamped=stamped)
    effects = [Stamp(after.wall)] if stamped else []
    assert decide(before, at(before, 1, s.PlanChanged, times=times), plan) == (after, effects)


# -- what is to come -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "state", "minutes"),
    [
        (("0 * * * *",), {}, [60, 120, 180]),
        (("0 * * * *",), {"done": NOON + HOUR}, [120, 180, 240]),
        (("every 40m",), {}, [40, 80, 120]),
        (("every 40m",), {"distance_done": 500 + 2400.0}, [80, 120, 160]),
        (("every 40m", "0 * * * *"), {}, [40, 60, 80]),
        (("every 1h", "0 * * * *"), {}, [60, 120, 180]),
        (("@reboot",), {}, []),
    ],
)
def test_the_next_times(lines: tuple[str, ...], state: dict[str, Any], minutes: list[int]) -> None:
    plan, now = plan_of(*lines), replace(HALF, **state)
    assert upcoming(now, plan, 3) == [NOON + 60 * minute for minute in minutes]
    assert upcoming(now, plan, 1) == [NOON + 60 * minute for minute in minutes[:1]]
    assert upcoming(now, plan, 0) == []
