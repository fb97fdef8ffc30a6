"""What runs when, what is missed, skipped, queued, restarted: random walks, and the sentences of SPEC 12."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervice.schedules import states as s
from supervice.schedules.decide import LONGEST_REPEAT, begin, decide, wake, will_run_again
from supervice.schedules.expression import parse
from supervice.schedules.runs import upcoming
from supervice.schedules.states import Begin, Log, Notify, Plan, Settings, Stamp, Stop
from supervice.schedules.timeline import MOST, Timeline, Zone
from tests.fakes.schedule_cases import CASES, TIMEOUT, ZONES, changes, night_expressions

pytestmark = pytest.mark.timeout(TIMEOUT)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
DAY = 86400.0
DST = {name: found for name in ZONES if (found := changes(name))}


def plan_of(*lines: str, zone: str = "UTC", jitter: float = 0, **options: Any) -> Plan:
    tz = Zone("UTC", None) if zone == "UTC" else Zone(zone, ZoneInfo(zone))
    return Plan(Timeline([parse(line) for line in lines], tz, jitter, "web"), Settings(**options))


class Program:
    """Performs effects as the driver would; checks what must hold after every event."""

    def __init__(self, plan: Plan, wall: float = NOON, stamp: float | None = None, boot: bool = True) -> None:
        self.plan = plan
        self.wall = wall
        self.mono = 500.0
        self.started = wall
        self.begun: list[tuple[float, Begin]] = []
        self.notified: list[Notify] = []
        self.logs: list[str] = []
        self.stamps: list[float] = []
        self.latest = -1e12  # of the stamps since the clock was set back
        self.running = False
        self.stopping = False
        self.closed = False
        self.state, effects = begin(wall, self.mono, plan, stamp=stamp, boot=boot)
        self._perform(effects)

    def feed(self, kind: type, **details: Any) -> list[s.Effect]:
        self.state, effects = decide(self.state, kind(self.wall, self.mono, **details), self.plan)
        self._perform(effects)
        return effects

    def _perform(self, effects: list[s.Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Begin):
                assert not self.running, "one run at a time"
                assert not self.closed, "no run begins at shutdown"
                self.running = True
                self.begun.append((self.wall, effect))
            elif isinstance(effect, Stop):
                assert self.running
                self.stopping = True
            elif isinstance(effect, Notify):
                self.notified.append(effect)
            elif isinstance(effect, Stamp):
                assert effect.until >= self.latest
                self.latest = effect.until
                self.stamps.append(effect.until)
            elif isinstance(effect, Log):
                assert effect.level in ("info", "warning")
                self.logs.append(effect.text)
        run = self.state.run
        assert self.running == (run is not None and run.retry_at is None)
        assert self.state.pending is None or run is not None
        seconds = wake(self.state, self.plan)
        if self.state.held or self.state.closed:
            assert run is not None or seconds is None
        elif seconds == 0:  # nothing that a look now would deal with
            before = self.state
            again, more = decide(before, s.Looked(self.wall, self.mono), self.plan)
            assert again != before or more, "a timer that elapses for nothing, again and again"

    # -- what a test may do

    def look(self) -> None:
        self.feed(s.Looked)

    def spawned(self) -> None:
        self.feed(s.RunBegan)

    def end(self, ok: bool = True, code: int | None = None, reason: str = "exit code 1") -> None:
        assert self.running
        self.running = self.stopping = False
        code = code if code is not None else 0 if ok else 1
        self.feed(s.RunEnded, ok=ok, code=code, reason="" if ok else reason)

    def impossible(self, reason: str) -> None:
        self.running = False
        self.feed(s.RunImpossible, reason=reason)

    def start(self) -> None:
        """An operator starts it; nothing happens when it runs."""
        self.feed(s.Released)
        if not self.running:
            self.running = True
            self.feed(s.RunBegan)

    def stop(self) -> None:
        """An operator stops it, and it stops."""
        self.feed(s.Held)
        self.cancel()

    def cancel(self) -> None:
        if self.running:
            self.running = self.stopping = False
            self.feed(s.RunCancelled)

    def restart(self) -> None:
        """An operator restarts it: it is spawned anew in the turn in which it has ended."""
        self.feed(s.Released)
        self.running = True
        self.stopping = False
        self.feed(s.RunBegan)

    def run(self, seconds: float, takes: float | None = None) -> None:
        """Lets time pass with its timers; a run takes `takes` seconds, or does not end."""
        end = self.mono + seconds
        while True:
            due = wake(self.state, self.plan)
            stops = []
            if due is not None:
                stops.append(self.state.mono + due)
            run = self.state.run
            if self.running and takes is not None and run is not None:
                stops.append((run.spawned or self.mono) + takes)
            at = min([*stops, end])
            self.wall += max(0.0, at - self.mono)
            self.mono = max(at, self.mono)
            if self.mono >= end and (not stops or min(stops) > end):
                return
            run = self.state.run
            if self.running and run is not None and run.spawned is None:
                self.spawned()
            elif (
                self.running
                and takes is not None
                and run is not None
                and self.mono >= (run.spawned or 0) + takes
            ):
                self.end()
            else:
                self.look()
            run = self.state.run
            if self.running and run is not None and run.spawned is None:
                self.spawned()

    def set_clock(self, wall: float) -> None:
        if wall < self.wall:
            self.latest = -1e12
        self.wall = wall
        self.look()

    def times(self) -> list[str]:
        return [f"{datetime.fromtimestamp(wall, UTC):%H:%M:%S}" for wall, _ in self.begun]

    def events(self) -> list[str]:
        return [notify.event for notify in self.notified]


# -- random walks ----------------------------------------------------------------------------------------

options = st.fixed_dictionaries(
    {},
    optional={
        "overlap": st.sampled_from([s.SKIP, s.QUEUE, s.RESTART]),
        "timeout": st.sampled_from([1.0, 45.0, 3600.0]),
        "retries": st.integers(0, 3),
        "deadline": st.sampled_from([30.0, 600.0, 86400.0]),
        "stamped": st.just(True),
    },
)
lines = st.lists(
    st.one_of(
        night_expressions,
        st.sampled_from(
            [
                "* * * * *",
                "*/5 * * * *",
                "0 * * * *",
                "30 2 * * *",
                "@daily",
                "every 90s",
                "every 1h",
                "@reboot",
            ]
        ),
    ),
    min_size=1,
    max_size=2,
)
zoned = st.sampled_from(sorted(DST)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(DST[name]))
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.sampled_from([0.5, 30.0, 61.0, 600.0, 3600.0, 5400.0])),
        st.tuples(st.just("timer"), st.just(0.0)),
        st.tuples(st.just("timer"), st.just(0.0)),
        st.tuples(st.just("early"), st.just(0.0)),
        st.tuples(st.just("spawned"), st.just(0.0)),
        st.tuples(st.just("end"), st.sampled_from([0.0, 1.0])),
        st.tuples(st.just("end"), st.sampled_from([0.0, 1.0])),
        st.tuples(st.just("impossible"), st.just(0.0)),
        st.tuples(st.just("jump"), st.sampled_from([-7200.0, -60.0, 60.0, 3600.0, 90000.0, 4000000.0])),
        st.tuples(st.just("start"), st.just(0.0)),
        st.tuples(st.just("stop"), st.just(0.0)),
        st.tuples(st.just("restart"), st.just(0.0)),
        st.tuples(st.just("reload"), st.sampled_from([0.0, 1.0])),
        st.tuples(st.just("shutdown"), st.just(0.0)),
    ),
    max_size=40,
)


def apply(program: Program, what: str, detail: float) -> None:
    if what in ("pass", "timer", "early"):
        due = wake(program.state, program.plan)
        if what == "timer":
            detail = due or 0.0
        elif what == "early":
            detail = max(0.0, (due or 0.0) - 0.25)
        program.wall += detail
        program.mono += detail
        begun = len(program.begun)
        program.look()
        assert what != "early" or not detail or len(program.begun) == begun, (
            "a timer that fires early waits on"
        )
    elif what == "jump":
        program.set_clock(program.wall + detail)
    elif what == "spawned" and program.running:
        program.spawned()
    elif what == "end" and program.running:
        if program.state.run is not None and program.state.run.spawned is None:
            program.spawned()
        program.end(ok=not detail)
    elif what == "impossible" and program.running:
        run = program.state.run
        if run is not None and run.spawned is None:
            program.impossible("db failed for good")
    elif what == "start" and not program.closed:
        program.start()
    elif what == "stop":
        program.stop()
    elif what == "restart" and not program.closed:
        program.restart()
    elif what == "reload":
        program.feed(s.PlanChanged, times=bool(detail))
    elif what == "shutdown":
        program.closed = True
        program.feed(s.ShutdownBegan)


@settings(max_examples=CASES, deadline=None)
@given(lines, zoned, options, st.integers(-7200, 3600), steps)
def test_walks(
    texts: list[str],
    where: tuple[str, int],
    chosen: dict[str, Any],
    ahead: int,
    walk: list[tuple[str, float]],
) -> None:
    """One run at a time, none while held or closed, no time twice, none before its time."""
    name, change = where
    program = Program(plan_of(*texts, zone=name, **chosen), wall=float(change + ahead))
    for what, detail in walk:
        held, begun = program.state.held, len(program.begun)
        if what == "reload" and detail:
            program.started = program.wall  # other lines may name the same moment again
            program.begun = []
            begun = 0
        apply(program, what, detail)
        new = [effect for _, effect in program.begun[begun:] if effect.attempt == 1]
        assert len(new) <= 1
        if held and what not in ("start", "restart"):
            assert not new, "held until the next start"
        if what == "jump":
            assert len(new) <= 1, "a clock that jumps makes up one run at most"
    dues = [effect.due for _, effect in program.begun if effect.attempt == 1 and effect.due is not None]
    back = any(what == "jump" and detail < 0 for what, detail in walk)
    # `every` does not go by the clock: set back by two hours it reads the same at two of its times
    if not (back and any(text.startswith("every") for text in texts)):
        assert len(set(dues)) == len(dues), "no time is run twice"
    if not back:
        for wall, effect in program.begun:
            assert effect.due is None or effect.due <= wall, "not before its time"


@settings(max_examples=CASES // 4, deadline=None)
@given(
    night_expressions,
    zoned,
    options,
    st.lists(st.tuples(st.sampled_from([1.0, 50.0, 61.0, 1000.0, 4000.0]), st.booleans()), max_size=30),
)
def test_each_time_is_dealt_with_once(
    text: str, where: tuple[str, int], chosen: dict[str, Any], walk: list[tuple[float, bool]]
) -> None:
    """Without an operator: begun, pending, skipped and missed add up to the times of the calendar."""
    name, change = where
    program = Program(plan_of(text, zone=name, **chosen), wall=float(change - 5400))
    for seconds, ends in walk:
        if ends and program.running:
            program.spawned()
            program.end(ok=seconds < 500)
        program.wall += seconds
        program.mono += seconds
        program.look()
    count, _ = program.plan.timeline.between(program.started, program.wall)
    begun = sum(1 for _, effect in program.begun if effect.attempt == 1)
    record = program.state.record
    assert count < MOST
    assert begun + bool(program.state.pending) + record.skipped + record.missed == count


@settings(max_examples=CASES // 10, deadline=None)
@given(lines, zoned, st.integers(60, 20000))
def test_a_program_that_is_quick_runs_at_exactly_its_times(
    texts: list[str], where: tuple[str, int], length: int
) -> None:
    name, change = where
    program = Program(plan_of(*texts, zone=name), wall=float(change - 5400), boot=False)
    program.run(length, takes=0.25)
    line = program.plan.timeline
    expected = []
    at = program.started
    while (following := line.next_after(at)) is not None and following <= program.wall:
        expected.append(following)
        at = following
    tick = 500.0
    while (distance := line.next_distance(500.0, tick)) is not None and distance <= program.mono:
        expected.append(program.started + distance - 500.0)
        tick = distance
    expected.sort()
    apart = [time for place, time in enumerate(expected) if not place or time - expected[place - 1] > 0.25]
    assert [wall for wall, _ in program.begun] == pytest.approx(apart)
    assert all(effect.due == pytest.approx(wall) for wall, effect in program.begun)


# -- the sentences of SPEC 12 ----------------------------------------------------------------------------


def test_it_runs_at_its_times_and_says_when_next() -> None:
    program = Program(plan_of("*/15 * * * *"))
    assert [time - NOON for time in upcoming(program.state, program.plan, 3)] == [900, 1800, 2700]
    assert will_run_again(program.state, program.plan)
    program.run(3600, takes=1)
    assert program.times() == ["12:15:00", "12:30:00", "12:45:00", "13:00:00"]
    assert program.events() == ["start", "success"] * 3 + ["start"]
    assert program.state.record.succeeded == 3


def test_the_next_five_times_of_several_lines() -> None:
    program = Program(plan_of("0 * * * *", "every 50m", "0 */2 * * *"))
    assert [round(time - NOON) // 60 for time in upcoming(program.state, program.plan, 5)] == [
        50,
        60,
        100,
        120,
        150,
    ]


def test_lines_that_fall_on_the_same_moment_are_one_run() -> None:
    program = Program(plan_of("0 * * * *", "0 13 * * *", "every 20m", "every 40m"))
    program.run(4000, takes=1)
    assert program.times() == ["12:20:00", "12:40:00", "13:00:00"]
    assert program.state.record.skipped == 0


def test_a_timer_that_fires_early_waits_on() -> None:
    program = Program(plan_of("*/15 * * * *", "every 10m"))
    program.wall, program.mono = NOON + 599.9, 500 + 599.9
    program.look()
    assert program.begun == []
    assert wake(program.state, program.plan) == pytest.approx(0.1)


def test_skip_is_the_default_for_an_overlap_and_said_once_with_the_number_at_the_end() -> None:
    program = Program(plan_of("*/5 * * * *"))
    program.run(300 * 4 + 10, takes=None)
    assert program.times() == ["12:05:00"]
    assert [text for text in program.logs if "still runs" in text] == [
        "still runs: the time of 2026-06-01 12:10 UTC is skipped (schedule_overlap = skip)"
    ]
    program.end()
    assert program.logs[-1] == "the run is over after 15 min 10 s: 3 times were skipped"
    assert program.state.record.skipped == 3
    assert program.events() == ["start", "skipped", "success"]


def test_queue_runs_once_more_as_soon_as_the_run_is_over() -> None:
    program = Program(plan_of("*/5 * * * *", overlap=s.QUEUE))
    program.run(300 * 3 + 10, takes=None)
    program.end()
    assert program.times() == ["12:05:00", "12:15:10"]
    assert program.begun[-1][1].due == NOON + 600
    assert program.state.record.skipped == 1


def test_restart_stops_the_run_and_begins_the_next() -> None:
    program = Program(plan_of("*/5 * * * *", overlap=s.RESTART))
    program.run(610, takes=None)
    assert program.stopping
    program.end(ok=False, code=-15)
    assert program.times() == ["12:05:00", "12:10:10"]
    assert program.state.record.failed == 1
    assert program.state.record.reason == "still ran at its next time (schedule_overlap = restart)"


def test_timeout_stops_the_run_and_it_has_failed() -> None:
    program = Program(plan_of("0 * * * *", timeout=120.0))
    program.run(3600 + 119, takes=None)
    assert not program.stopping
    program.run(1.5, takes=None)
    assert program.stopping
    program.end(ok=True)  # however it ends
    assert program.state.record.reason == "took longer than 2 min (schedule_timeout)"
    assert program.events()[-1] == "failure"


def test_the_timeout_counts_from_the_start_of_the_program_not_from_its_wait_for_others() -> None:
    program = Program(plan_of("0 * * * *", timeout=120.0))
    program.wall, program.mono = program.wall + 3600, program.mono + 3600
    program.look()
    program.wall, program.mono = program.wall + 600, program.mono + 600
    program.look()
    assert not program.stopping
    program.spawned()
    assert wake(program.state, program.plan) == 120


def test_retries_wait_their_backoff_and_come_before_the_next_time() -> None:
    program = Program(
        plan_of("*/5 0-11,13-23 * * *", "5,13 12 * * *", retries=3, backoff=40.0, backoff_max=100.0)
    )
    program.run(301, takes=None)
    for _ in range(3):
        program.end(ok=False)
        program.run(200, takes=None)
    # 40 s after 12:05:01, then 80 s after 12:08:21; 100 s after 12:11:41 there is no time left
    assert program.times() == ["12:05:00", "12:05:41", "12:09:41", "12:13:00"]
    assert program.state.record.failed == 1
    assert [effect.attempt for _, effect in program.begun[:4]] == [1, 2, 3, 1]
    assert "attempt 1 of 4 failed: exit code 1; tries again in 40 s" in program.logs
    assert program.events() == ["start", "failure", "start"]


def test_a_retry_that_succeeds_is_no_failed_run() -> None:
    program = Program(plan_of("@hourly", retries=1))
    program.run(3601, takes=None)
    program.end(ok=False)
    program.run(2, takes=0.5)
    assert (program.state.record.succeeded, program.state.record.failed) == (1, 0)
    assert program.events() == ["start", "success"]


def test_jitter_moves_the_times_and_what_is_shown_is_real() -> None:
    program = Program(plan_of("*/10 * * * *", jitter=300))
    offset = program.plan.timeline.offset
    assert 0 < offset < 300
    (first,) = upcoming(program.state, program.plan, 1)
    program.run(1500, takes=1)
    assert program.begun[0][0] == first == program.begun[0][1].due
    assert program.begun[1][0] - program.begun[0][0] == 600


def test_a_clock_that_jumps_forward_makes_up_one_run_at_most() -> None:
    program = Program(plan_of("*/15 * * * *"))
    program.set_clock(NOON + 5 * 3600 + 60)
    assert len(program.begun) == 1
    assert program.begun[0][1] == Begin(NOON + 5 * 3600, s.MADE_UP)
    assert program.state.record.missed == 19
    program.spawned()
    program.end()
    program.look()
    assert len(program.begun) == 1


def test_a_clock_that_jumps_back_runs_nothing_twice() -> None:
    program = Program(plan_of("*/15 * * * *"))
    program.run(3602, takes=1)
    assert program.times() == ["12:15:00", "12:30:00", "12:45:00", "13:00:00"]
    program.set_clock(NOON + 60)
    program.run(3600 + 900, takes=1)
    assert program.times()[4:] == ["13:15:00"]


def test_times_that_did_not_run_before_a_jump_back_do_run() -> None:
    program = Program(plan_of("*/15 * * * *"))
    program.set_clock(NOON - 3600)
    program.run(1000, takes=1)
    assert program.times() == ["11:15:00"]


def test_a_clock_that_was_wrong_by_more_than_a_day_holds_no_schedule() -> None:
    """Otherwise a clock that once stood in 2030 would stop every schedule until then."""
    program = Program(plan_of("*/15 * * * *"), wall=NOON + 1000 * DAY)
    program.run(1000, takes=1)
    assert len(program.begun) == 1
    program.set_clock(NOON)
    program.run(1000, takes=1)
    assert program.times()[1:] == ["12:15:00"]
    assert LONGEST_REPEAT == DAY


def test_a_clock_that_was_never_set_makes_up_nothing_when_it_is() -> None:
    program = Program(plan_of("0 3 * * *", "every 1h", stamped=True), wall=100.0)
    program.set_clock(NOON)
    assert program.begun == []
    assert program.stamps == []
    program.run(3600, takes=1)
    assert program.times() == ["13:00:00"]


def test_every_goes_by_real_time_whatever_the_clock_does() -> None:
    program = Program(plan_of("every 10m"))
    program.run(300)
    program.set_clock(NOON - 5 * 3600)
    program.run(301, takes=1)
    assert len(program.begun) == 1
    program.set_clock(NOON + 5 * DAY)
    program.run(600, takes=1)
    assert len(program.begun) == 2


def test_a_freeze_makes_up_one_run() -> None:
    program = Program(plan_of("every 10m"))
    program.wall, program.mono = NOON + 3605, 500 + 3605
    program.look()
    assert len(program.begun) == 1
    assert program.state.record.missed == 5


def test_without_a_stamp_a_start_makes_up_nothing() -> None:
    program = Program(plan_of("0 3 * * *"))
    assert (program.begun, program.stamps) == ([], [])


def test_a_stamp_makes_up_a_time_that_came_meanwhile_once() -> None:
    program = Program(plan_of("0 3 * * *", stamped=True), stamp=NOON - 3 * DAY)
    assert [effect for _, effect in program.begun] == [Begin(NOON - 9 * 3600, s.MADE_UP)]
    assert program.state.record.missed == 2
    assert program.stamps == [NOON - 9 * 3600]
    again = Program(program.plan, wall=NOON + 60, stamp=program.stamps[-1])
    assert again.begun == []


def test_a_first_start_writes_a_stamp_so_that_the_second_knows_what_came_meanwhile() -> None:
    program = Program(plan_of("0 3 * * *", stamped=True))
    assert program.stamps == [NOON]
    later = Program(program.plan, wall=NOON + DAY, stamp=NOON)
    assert len(later.begun) == 1


def test_a_time_that_is_older_than_the_deadline_is_missed() -> None:
    program = Program(plan_of("0 3 * * *", stamped=True, deadline=3600.0), stamp=NOON - DAY)
    assert program.begun == []
    assert program.events() == ["missed"]
    assert "more than 1 h ago (schedule_deadline)" in program.logs[0]
    assert program.state.record.missed == 1
    late = Program(plan_of("0 3 * * *", deadline=36000.0), stamp=NOON - DAY)
    assert len(late.begun) == 1


def test_a_stamp_keeps_the_distance_of_every_over_a_restart() -> None:
    program = Program(plan_of("every 10m", stamped=True), stamp=NOON - 400)
    assert program.begun == []
    assert wake(program.state, program.plan) == 200
    overdue = Program(plan_of("every 10m", stamped=True), stamp=NOON - 1500)
    assert len(overdue.begun) == 1
    assert wake(overdue.state, overdue.plan) == 300


def test_a_stamp_of_the_future_counts_for_a_day_at_most() -> None:
    program = Program(plan_of("*/15 * * * *", stamped=True), stamp=NOON + 3600)
    assert wake(program.state, program.plan) == 3600 + 900
    wrong = Program(plan_of("*/15 * * * *", stamped=True), stamp=NOON + 2 * DAY)
    assert wake(wrong.state, wrong.plan) == 900
    assert "still to come" in wrong.logs[0]


def test_a_made_up_run_and_a_regular_one_at_the_same_moment_are_one() -> None:
    program = Program(plan_of("0 * * * *", stamped=True), stamp=NOON - 3 * 3600)
    assert len(program.begun) == 1
    assert program.begun[0][1].due == NOON
    assert program.state.record.missed == 2


def test_reboot_runs_once_at_the_start_and_not_at_a_reload() -> None:
    program = Program(plan_of("@reboot"))
    assert [effect for _, effect in program.begun] == [Begin(None, s.BOOT)]
    program.end()
    assert not will_run_again(program.state, program.plan)
    assert wake(program.state, program.plan) is None
    assert Program(plan_of("@reboot"), boot=False).begun == []
    both = Program(plan_of("@reboot", "0 3 * * *", stamped=True), stamp=NOON - DAY)
    assert len(both.begun) == 1


def test_start_runs_it_now_and_stop_holds_the_schedule_until_the_next_start() -> None:
    program = Program(plan_of("*/15 * * * *"))
    program.start()
    assert program.state.run is not None
    assert program.state.run.cause == s.OPERATOR
    program.stop()
    assert program.state.record.failed == 0
    assert program.state.held
    assert wake(program.state, program.plan) is None
    program.run(3600, takes=1)
    assert program.begun == []
    program.start()
    program.run(5, takes=1)
    assert program.state.record.succeeded == 1
    program.run(900, takes=1)
    assert program.times() == ["13:15:00"]
    assert program.state.record.missed == 0


def test_a_restart_by_hand_is_another_run() -> None:
    program = Program(plan_of("@daily", timeout=100.0))
    program.start()
    program.run(60)
    program.restart()
    program.run(60)
    assert not program.stopping, "the timeout counts anew"
    program.end()
    assert (program.state.record.succeeded, program.state.record.failed) == (1, 0)
    assert program.events() == ["start", "start", "success"]


def test_a_start_by_hand_does_not_wait_for_the_next_attempt() -> None:
    program = Program(plan_of("@hourly", retries=1, backoff=20.0))
    program.run(3601)
    program.end(ok=False)
    program.start()
    program.end(ok=False)
    assert program.state.record.failed == 1
    assert program.state.run is None


def test_a_stop_ends_what_waits_too() -> None:
    program = Program(plan_of("*/5 * * * *", overlap=s.QUEUE))
    program.run(301)
    program.run(301)
    assert program.state.pending is not None
    program.stop()
    assert program.state.pending is None
    assert program.state.run is None


def test_a_reload_neither_restarts_a_run_nor_waits_for_one() -> None:
    program = Program(plan_of("*/15 * * * *", timeout=100.0, retries=1))
    program.run(901, takes=None)
    program.plan = plan_of("*/15 * * * *", timeout=50.0, overlap=s.QUEUE)
    assert program.feed(s.PlanChanged, times=False) == []
    program.run(98, takes=None)
    assert not program.stopping, "it ends as it began"
    program.end(ok=False)
    assert program.state.run is not None
    assert program.state.run.retry_at is not None, "and is tried again as it began"
    program.run(5, takes=1)
    program.run(900, takes=None)
    program.run(50, takes=None)
    assert program.stopping, "the next has the new settings"


def test_times_of_a_new_plan_count_from_the_reload() -> None:
    program = Program(plan_of("0 13 * * *"))
    program.run(1000)
    program.plan = plan_of("*/5 * * * *", "every 7m")
    program.feed(s.PlanChanged, times=True)
    program.run(600, takes=1)
    assert program.times() == ["12:20:00", "12:23:40", "12:25:00"]


def test_at_shutdown_no_run_begins_and_one_in_progress_has_not_failed() -> None:
    program = Program(plan_of("*/15 * * * *", retries=5))
    program.run(901, takes=None)
    program.closed = True
    program.feed(s.ShutdownBegan)
    program.cancel()
    assert program.state.record.failed == 0
    assert program.events() == ["start"]
    program.run(3600)
    assert len(program.begun) == 1
    assert not will_run_again(program.state, program.plan)


def test_a_failed_run_leaves_the_schedule_going_and_is_failing_until_one_succeeds() -> None:
    program = Program(plan_of("*/15 * * * *"))
    program.run(901, takes=None)
    program.end(ok=False)
    assert program.state.record.failing
    assert program.notified[-1] == Notify("failure", 1, "exit code 1", 1.0)
    assert program.logs[-1] == "the run failed (exit code 1); next 2026-06-01 12:30 UTC"
    program.run(910, takes=3)
    assert program.times() == ["12:15:00", "12:30:00"]
    assert not program.state.record.failing
    record = program.state.record
    assert (record.last_failure, record.last_success) == (NOON + 901, NOON + 1803)
    assert record.last_seconds == 3


def test_a_run_that_never_could_begin_is_missed() -> None:
    program = Program(plan_of("*/15 * * * *"))
    program.wall, program.mono = program.wall + 900, program.mono + 900
    program.look()
    program.impossible("depends on db, which failed for good")
    assert (program.state.record.missed, program.state.record.failed) == (1, 0)
    assert program.events() == ["missed"]
    assert program.logs == ["the run is missed: depends on db, which failed for good"]


def test_an_event_of_a_run_that_is_over_changes_nothing() -> None:
    program = Program(plan_of("*/15 * * * *"))
    before = program.state
    for kind, details in (
        (s.RunCancelled, {}),
        (s.RunEnded, {"ok": False}),
        (s.RunImpossible, {"reason": "x"}),
    ):
        assert program.feed(kind, **details) == []
        assert program.state == before


def test_a_schedule_that_nothing_is_left_of_waits_for_nothing() -> None:
    program = Program(plan_of("@reboot"), boot=False)
    assert wake(program.state, program.plan) is None
    assert upcoming(program.state, program.plan, 5) == []
