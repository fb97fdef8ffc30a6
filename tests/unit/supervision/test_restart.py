"""Several processes that need each other are restarted: down in reverse, up together, and only those still wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from supervice.lean.loop import sleep
from supervice.lifecycle.states import FATAL, RUNNING, STARTING, STOPPED, STOPPING
from supervice.models import ProgramConfig
from supervice.process import START_WAIT
from supervice.supervision.restart import RESTART, Restarts, are_related
from supervice.supervision.table import ProcessTable
from tests.fakes.loop import VirtualLoop
from tests.fakes.process import FakeProcess


class Program(FakeProcess):
    """It stops in two seconds and is up one second after its start."""

    world: World
    outcome = RUNNING

    def start_time(self) -> float:
        return 1.5

    def stop_time(self) -> float:
        return 4.0

    def request_stop(self, *, trigger: str = "", **_how: Any) -> None:
        self.world.story.append(f"stop {self.config.name}")
        self.world.triggers.add(trigger)
        self.become(STOPPING)
        self.world.loop.call_later(2.0, lambda: self.become(STOPPED))


class World:
    plans = None

    def __init__(self, *configs: ProgramConfig) -> None:
        self.loop = VirtualLoop()
        self.failures: list[BaseException] = []  # of what no coroutine waits for
        self.loop.on_error = self.failures.append
        self.waiting: set[str] = set()  # names of those that wait for what they need
        self.story: list[str] = []
        self.triggers: set[str] = set()
        self.table: Any = ProcessTable({}, Program)  # type: ignore[arg-type]
        self.table.replace(configs)
        self.programs: list[Any] = list(self.table.processes.values())
        startup: Any = self
        self.restarts = Restarts(self.table, startup)
        for program in self.programs:
            program.world = self
            program.become(RUNNING)

    def __getitem__(self, name: str) -> Any:
        return self.table.processes[name]

    def run(self, seconds: float | None = None, *, meanwhile: Callable[[], object] | None = None) -> Any:
        """Restarts all; `meanwhile` is called after a second."""
        if meanwhile is not None:
            self.loop.call_later(1.0, meanwhile)
        return self.loop.run_until_complete(self.restarts.in_order(self.programs, seconds))

    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(sleep(self.loop, seconds))

    # -- the startup -------------------------------------------------------------------------------------

    def request(self, processes: Iterable[Any], trigger: str, *, by_hand: bool = False) -> None:
        assert by_hand
        for process in processes:
            self.story.append(f"start {process.config.name}")
            self.triggers.add(trigger)
            if process.config.name in self.waiting:
                self.loop.call_later(3.0, self.begin, process)
            else:
                self.begin(process)

    def begin(self, process: Any) -> None:
        self.waiting.discard(process.config.name)
        process.become(STARTING)
        self.loop.call_later(1.0, process.become, process.outcome)

    def watch(self, _watcher: Callable[[Any], object]) -> Callable[[], None]:
        return lambda: None

    def is_waiting(self, process: Any) -> bool:
        return process.config.name in self.waiting


DB, APP = ProgramConfig("db", "x"), ProgramConfig("app", "x", depends_on=(("db", "started"),))


def test_they_are_related_when_one_needs_another_of_them() -> None:
    db, app, web = World(DB, APP, ProgramConfig("web", "x")).programs
    assert are_related([db, app])
    assert are_related([app, db, web])
    assert not are_related([app, web])
    assert not are_related([db, web])
    assert not are_related([])
    one_of_two = ProgramConfig("db:0", "x", program="db")
    assert are_related(World(one_of_two, APP).programs)


def test_what_is_needed_goes_last_and_all_are_asked_to_start_when_all_are_down() -> None:
    world = World(DB, APP)
    assert world.run() == {"db": RUNNING, "app": RUNNING}
    assert world.story == ["stop app", "stop db", "start db", "start app"]
    assert world.triggers == {RESTART}
    assert world.loop.now == 5.0


def test_between_stop_and_start_they_are_held_and_come_back() -> None:
    """So the moment in which all are down is not the end of a container with exit_when_idle."""
    world, seen = World(DB, APP), []
    world.run(meanwhile=lambda: seen.append((set(world.table.held), set(world.table.returning))))
    assert seen == [({"db", "app"}, {"db", "app"})]


def test_what_an_operator_stops_meanwhile_stays_stopped() -> None:
    world = World(DB, APP)
    assert world.run(meanwhile=lambda: world.restarts.forget([world["db"]])) == {"app": RUNNING}
    assert "start db" not in world.story
    assert world["db"].state == STOPPED


def test_what_a_reload_has_taken_away_is_not_started() -> None:
    world = World(DB, APP)
    assert world.run(meanwhile=lambda: world.table.remove("app")) == {"db": RUNNING}
    assert "start app" not in world.story


def test_the_later_of_two_restarts_starts_them() -> None:
    world = World(DB, APP)

    async def both() -> list[dict[str, str]]:
        first = world.loop.create_task(world.restarts.in_order(world.programs, 60))
        await sleep(world.loop, 1.0)
        second = world.loop.create_task(world.restarts.in_order(world.programs, 60))
        return [await first, await second]

    assert world.loop.run_until_complete(both())[1] == {"db": RUNNING, "app": RUNNING}
    assert sorted(line for line in world.story if line.startswith("start")) == ["start app", "start db"]


def test_who_waits_no_longer_is_told_nothing_and_the_restart_goes_on() -> None:
    world = World(DB, APP)
    assert world.run(3.0) == {}
    assert world.loop.now == 3.0
    world.wait(10.0)
    assert [program.state for program in world.programs] == [RUNNING, RUNNING]
    assert world.failures == []


def test_so_it_is_in_an_application_whose_loop_is_asyncio() -> None:
    """Its `wait_for` cancels what is waited for, ours leaves it."""
    world = World(DB, APP)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: world.failures.append(context["exception"]))
        quickly: Any = SimpleNamespace(call_later=lambda _seconds, *call: loop.call_soon(*call))
        world.loop = quickly
        assert await world.restarts.in_order(world.programs, 0.0) == {}
        for _ in range(100):
            await asyncio.sleep(0)

    asyncio.run(story())
    assert [program.state for program in world.programs] == [RUNNING, RUNNING]
    assert world.failures == []


def test_a_restart_leaves_no_watcher_behind_whether_or_not_it_is_waited_for() -> None:
    world = World(DB, APP)
    before = [len(program.watchers) for program in world.programs]
    for seconds in (None, 3.0):
        world.run(seconds)
        world.wait(10.0)
        assert [len(program.watchers) for program in world.programs] == before


def test_one_that_was_fatal_and_waits_for_what_it_needs_is_still_on_its_way() -> None:
    world = World(DB, APP)
    world["app"].become(FATAL)
    world.waiting = {"app"}
    assert world.run() == {"db": RUNNING, "app": RUNNING}
    assert world.loop.now == 2.0 + 3.0 + 1.0  # db's stop, the wait, the start


def test_what_has_come_up_in_time_is_told() -> None:
    world = World(DB, APP)
    world["app"].outcome = FATAL
    assert world.run() == {"db": RUNNING, "app": FATAL}
    world = World(DB, APP)
    world["app"].outcome = STARTING
    assert world.run(6.5) == {"db": RUNNING}
    assert world.loop.now == 6.5
    world = World(DB, APP)
    assert world.run(4.5) == {}  # all are down at 4.0
    assert world.loop.now == 4.5


@pytest.mark.parametrize("programs", [1, 2])
def test_by_itself_it_waits_as_long_as_the_configuration_may_take(programs: int) -> None:
    """The stops one after the other, START_WAIT, and each start."""
    world = World(*(DB, APP)[:programs])
    for program in world.programs:
        program.outcome = STARTING
    world.run()
    from supervice.supervision.shutdown import longest_stop

    assert world.loop.now == longest_stop(world.programs, world.programs) + START_WAIT + 1.5 * programs
