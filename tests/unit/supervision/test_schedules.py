"""What runs schedules, among fake processes and clocks: timers, set clocks, reloads, what is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from supervice import logger
from supervice.lean.dataclasses import replace
from supervice.lifecycle.states import EXITED, STARTING, STOPPED, Announce
from supervice.models import ProgramConfig, ScheduleConfig
from supervice.supervision import schedules as module
from supervice.supervision.journal import Journal
from supervice.supervision.schedules import BATCH, Schedules
from supervice.supervision.table import ProcessTable
from tests.fakes.loop import FakeLoop, Timer
from tests.fakes.process import FakeProcess

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()


class Program(FakeProcess):
    ended: str | None = None

    def request_end(self, reason: str) -> None:
        self.ended = reason

    def reconfigure(self, config: ProgramConfig) -> None:
        self.config = config

    def runs(self) -> None:
        self.become(STARTING)

    def ends(self, status: int = 0) -> None:
        before = self.state
        self.snapshot = replace(self.snapshot, state=EXITED, run=None, status=status)
        reason = f"exit code {status}"
        for watcher in tuple(self.watchers):
            watcher(self, Announce(before, EXITED, reason, status == 0))


class Queue:
    """A `Startup` that only takes down what it is asked."""

    def __init__(self) -> None:
        self.plans: Any = None
        self.asked: list[str] = []
        self.why: dict[str, str] = {}
        self.watchers: list[Callable[[Any], object]] = []

    def watch(self, watcher: Callable[[Any], object]) -> Callable[[], None]:
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)

    def request(self, processes: Iterable[Any], trigger: str) -> None:
        self.asked += [process.config.name for process in processes]

    def why_left(self, process: Any) -> str:
        return self.why.get(process.config.name, "")


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *configs: ProgramConfig) -> None:
        self.wall = NOON
        self.loop: Any = FakeLoop()
        self.table: Any = ProcessTable({}, Program)  # type: ignore[arg-type]
        self.table.replace(configs)
        self.queue: Any = Queue()
        self.journal = Journal()
        self.logs: list[str] = []
        self.set_clock: Callable[[float], object] | None = None
        monkeypatch.setattr(logger, "log", lambda _level, text: self.logs.append(text))
        for level in ("info", "warning", "error"):
            monkeypatch.setattr(logger, level, self.logs.append)
        monkeypatch.setattr(module, "SetClock", self._make_set_clock)
        startup: Any = self.queue
        self.schedules = Schedules(self.loop, self.table, startup, self.journal, lambda: self.wall)
        self.schedules.begin()

    def _make_set_clock(self, _loop: Any, was_set: Callable[[float], object], _clock: Any) -> Any:
        self.set_clock = was_set

        def close() -> None:
            self.set_clock = None

        return SimpleNamespace(close=close)

    def program(self, name: str = "job") -> Program:
        return self.table.processes[name]  # type: ignore[no-any-return]

    def timer(self) -> Timer:
        (timer,) = self.loop.live
        return timer  # type: ignore[no-any-return]

    def passes(self, seconds: float) -> None:
        """Lets time pass; timers elapse when they are due."""
        end = self.loop.now + seconds
        while self.loop.live:
            timer = self.timer()
            at = self.armed_at(timer)
            if at > end:
                break
            self.wall += at - self.loop.now
            self.loop.now = at
            timer.run()
            while self.loop.soon:
                self.loop.turn()
        self.wall += end - self.loop.now
        self.loop.now = end

    def armed_at(self, _timer: Timer) -> float:
        return self.schedules._timer_at

    def jumps(self, seconds: float) -> None:
        self.wall += seconds
        assert self.set_clock is not None
        self.set_clock(seconds)
        while self.loop.soon:
            self.loop.turn()


def job(*lines: str, name: str = "job", **more: Any) -> ProgramConfig:
    of_program = {key: more.pop(key) for key in ("autostart", "backoff", "critical") if key in more}
    return ProgramConfig(
        name, "x", type="oneshot", schedule=ScheduleConfig(lines, timezone="UTC", **more), **of_program
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    def make(*configs: ProgramConfig, settled: bool = True) -> World:
        it = World(monkeypatch, *configs)
        while settled and it.loop.soon:  # many begin in turns
            it.loop.turn()
        return it

    return make


def test_there_is_one_timer_for_the_nearest_time_of_all(world: Callable[..., World]) -> None:
    it = world(*(job(f"{n % 60} * * * *", name=f"job{n}") for n in range(1, 300)), ProgramConfig("web", "x"))
    assert it.timer().delay == 60
    it.passes(59.9)
    assert it.queue.asked == []
    it.passes(0.2)
    assert it.queue.asked == [f"job{n}" for n in range(1, 300, 60)]
    assert len(it.loop.live) == 1


def test_many_that_are_due_at_once_take_turns(world: Callable[..., World]) -> None:
    it = world(*(job("@hourly", name=f"job{n}") for n in range(BATCH * 3)))
    it.wall += 3600
    it.loop.now += 3600
    it.timer().run()
    assert len(it.queue.asked) == BATCH
    it.loop.turn()
    assert len(it.queue.asked) == BATCH * 2
    it.loop.turn()
    assert len(it.queue.asked) == BATCH * 3


def test_many_begin_in_turns_and_none_is_missing_meanwhile(world: Callable[..., World]) -> None:
    """1,000 held up a turn of the loop by 0.13 to 0.2 s."""
    names = [f"job{n}" for n in range(BATCH * 3)]
    it = world(*(job("@hourly", name=name) for name in names), settled=False)
    assert len(it.schedules._entries) == BATCH
    assert all(it.schedules.will_run(name) for name in names), "or the daemon would end"
    assert len(it.schedules._entries) == BATCH
    assert names[-1] in it.schedules
    assert it.schedules.row(names[-1])["next"]
    it.program(names[-2]).runs()  # an operator
    assert it.schedules.row(names[-2])["running"]
    it.loop.turn()
    it.table.hold([names[-3]])
    assert not it.schedules.will_run(names[-3])
    it.table.remove(names[-4])
    it.table.rebuild()
    while it.loop.soon:
        it.loop.turn()
    assert set(it.schedules._entries) == set(names) - {names[-4]}
    assert len(it.loop.live) == 1


def test_the_end_begins_before_all_have_begun(world: Callable[..., World]) -> None:
    it = world(*(job("@hourly", name=f"job{n}") for n in range(BATCH * 3)), settled=False)
    it.table.shutting_down("the end")
    while it.loop.soon:
        it.loop.turn()
    assert len(it.schedules._entries) == BATCH


def test_a_timer_that_fires_early_waits_on(world: Callable[..., World]) -> None:
    it = world(job("@hourly"))
    it.wall += 3599.99
    it.loop.now += 3600  # the wall's clock is behind
    it.timer().run()
    while it.loop.soon:
        it.loop.turn()
    assert it.queue.asked == []
    assert it.timer().delay == pytest.approx(0.01, abs=1e-3)


def test_a_clock_that_is_set_forward_runs_once_at_once(world: Callable[..., World]) -> None:
    it = world(job("*/15 * * * *"))
    it.jumps(5 * 3600)
    assert it.queue.asked == ["job"]
    assert it.logs[0] == "the clock was set forward by 5 h: schedules follow it"
    it.program().runs()
    it.program().ends()
    it.passes(60)
    assert it.queue.asked == ["job"]


def test_a_clock_that_is_set_back_runs_nothing_twice(world: Callable[..., World]) -> None:
    it = world(job("*/15 * * * *"))
    it.passes(900)
    it.program().runs()
    it.program().ends()
    it.jumps(-900)
    it.passes(900)
    assert it.queue.asked == ["job"]
    it.passes(900)
    assert it.queue.asked == ["job", "job"]


def test_a_set_clock_is_of_no_interest_to_every(world: Callable[..., World]) -> None:
    it = world(job("every 5m"))
    assert it.set_clock is None
    it.table.adjust("job", job("@daily"))
    it.table.rebuild()
    assert it.set_clock is not None
    it.table.adjust("job", job("every 5m"))
    it.table.rebuild()
    assert it.set_clock is None


def test_a_clock_that_was_never_set_is_said_once(world: Callable[..., World]) -> None:
    it = world(job("@daily"), job("@hourly", name="other"))
    it.wall = 100.0
    it.schedules._take_over(boot=True)
    assert it.logs == ["the clock was never set: schedules follow it as it is"]


def test_the_end_of_a_run_and_what_is_shown(world: Callable[..., World]) -> None:
    it = world(job("*/15 * * * *"))
    plans = it.queue.plans
    assert "job" in plans
    assert "web" not in plans
    assert plans.said("job") == "next at 12:15 (in 15 min)"
    it.passes(900)
    it.program().runs()
    assert plans.will_run("job")
    it.passes(3)
    it.program().ends(4)
    assert plans.failed("job") == "exit code 4"
    row = plans.row("job")
    assert (row["failures"], row["last_seconds"], row["running"]) == (1, 3.0, False)
    assert row["last_failure"] == "2026-06-01T12:15:03.000Z"
    assert row["next"][0] == "2026-06-01T12:30:00.000Z"
    assert [event["type"] for event in it.journal.events() if event["type"].startswith("SCHEDULE")] == [
        "SCHEDULE_START", "SCHEDULE_FAILURE",
    ]  # fmt: skip


def test_between_two_attempts_it_says_so_and_has_not_failed(world: Callable[..., World]) -> None:
    it = world(job("@hourly", retries=2, backoff=10))
    it.passes(3600)
    it.program().runs()
    it.program().ends(1)
    assert it.queue.plans.said("job") == "attempt 2 of 3 in 10 s"
    assert it.queue.plans.failed("job") == ""
    it.passes(10)
    assert it.queue.asked == ["job", "job"]


def test_a_timeout_ends_the_run(world: Callable[..., World]) -> None:
    it = world(job("@hourly", timeout=60))
    it.passes(3600)
    it.program().runs()
    it.passes(60)
    assert it.program().ended == "took longer than 1 min (schedule_timeout)"
    assert it.logs[-1] == "job: took longer than 1 min (schedule_timeout); it is stopped"


def test_an_operator_holds_it_and_no_timer_is_left(world: Callable[..., World]) -> None:
    it = world(job("@hourly"))
    it.table.hold(["job"])
    assert it.loop.live == []
    assert not it.queue.plans.will_run("job")
    assert it.queue.plans.said("job") == "its schedule is held until the next start"
    it.table.release(["job"])
    it.program().runs()
    it.program().become(STOPPED)
    assert it.timer().delay == 3600


def test_what_cannot_start_is_missed(world: Callable[..., World]) -> None:
    it = world(job("@hourly"))
    it.passes(3600)
    it.queue.why["job"] = "needs db:started, but db is FATAL"
    it.queue.watchers[0](it.program())
    assert it.queue.plans.row("job")["missed"] == 1
    it.passes(3600)
    del it.queue.why["job"]
    it.queue.watchers[0](it.program())  # an operator stopped its wait
    assert it.queue.plans.row("job")["missed"] == 1
    assert not it.queue.plans.row("job")["running"]


def test_a_run_ends_as_it_began_and_the_next_has_what_a_reload_brought(world: Callable[..., World]) -> None:
    it = world(job("@hourly", timeout=600))
    it.passes(3600)
    program = it.program()
    program.runs()
    before = program.config
    it.table.adjust("job", job("*/30 * * * *"))
    it.table.rebuild()
    assert program.config is before
    assert it.queue.plans.row("job")["schedule"] == ["*/30 * * * *"]
    it.passes(601)
    assert program.ended is not None, "its timeout is the old one"
    program.ends(15)
    assert program.config.schedule == ScheduleConfig(("*/30 * * * *",), timezone="UTC")


def test_a_program_that_a_reload_takes_away_is_forgotten(world: Callable[..., World]) -> None:
    it = world(job("@hourly"), job("@daily", name="other"))
    it.table.remove("job")
    it.table.rebuild()
    assert "job" not in it.queue.plans
    assert it.timer().delay == 12 * 3600


def test_a_zone_that_has_gone_since_is_said_and_the_schedule_stays(world: Callable[..., World]) -> None:
    it = world(job("@hourly"))
    gone = replace(job("@daily"), schedule=ScheduleConfig(("@daily",), timezone="Mars/Olympus"))
    it.table.adjust("job", gone)
    it.table.rebuild()
    assert "its schedule stays what it was: no such time zone" in it.logs[-1]
    it.passes(3600)
    assert it.queue.asked == ["job"]


def test_at_shutdown_nothing_begins(world: Callable[..., World]) -> None:
    it = world(job("@hourly"))
    it.table.shutting_down("the end")
    assert it.loop.live == []
    assert not it.queue.plans.will_run("job")


def test_close_leaves_nothing(world: Callable[..., World]) -> None:
    it = world(job("@hourly"))
    it.schedules.close()
    assert it.loop.live == []
    assert it.queue.watchers == []
    assert it.queue.plans is None
    assert it.set_clock is None
    it.table.rebuild()
    assert it.loop.live == []
