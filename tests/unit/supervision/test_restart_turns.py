"""Who is above its memory_limit waits for its turn: one of a program at a time, and never while another is away."""

from __future__ import annotations

from typing import Any

import pytest

from supervice.lifecycle.states import FATAL, RUNNING, STOPPED, Policy
from supervice.models import ProgramConfig
from supervice.supervision.restart_turns import PAUSE, RestartTurns
from supervice.supervision.table import ProcessTable
from tests.fakes.loop import VirtualLoop
from tests.fakes.process import FakeProcess


class Beside:
    """What a test decides about the second run, and what it was asked."""

    def __init__(self, *, is_coming: bool = False) -> None:
        self.is_coming = is_coming
        self.driver: object | None = None
        self.asked: list[tuple[str, bool]] = []

    def ask(self, trigger: str, *, automatic: bool) -> None:
        self.asked.append((trigger, automatic))


class Program(FakeProcess):
    def __init__(self, config: ProgramConfig) -> None:
        super().__init__(config)
        self.overlaps = config.overlap
        self.beside = None
        self.policy = Policy()


class World:
    def __init__(self, *configs: ProgramConfig) -> None:
        self.table: Any = ProcessTable({}, Program)  # type: ignore[arg-type]
        self.table.replace(configs)
        self.turns = RestartTurns(self.table)
        self.loop = VirtualLoop()
        processes: Any = self.table.processes.values()
        for process in processes:
            process.become(RUNNING, should_run=True)

    def __getitem__(self, name: str) -> Any:
        return self.table.processes[name]

    def replaces(self, name: str, trigger: str = "memory") -> bool:
        async def ask() -> bool:
            return self.turns.replaces(name, trigger)

        answer: bool = self.loop.run_until_complete(ask())
        return answer


def web(count: int, *, rolling: bool = True, **more: Any) -> list[ProgramConfig]:
    return [ProgramConfig(f"web:{n}", "x", program="web", rolling=rolling, **more) for n in range(count)]


# -- one after the other ---------------------------------------------------------------------------------


def test_it_may_go_when_all_others_of_its_program_are_ready() -> None:
    world = World(*web(3), ProgramConfig("db", "x", rolling=True))
    world["web:0"].become(RUNNING, should_run=True, ready=False)  # it is the one that asks
    world["db"].become(FATAL)  # another program
    assert world.turns.waits_for("web:0") == ""


def test_it_waits_for_those_that_are_not_ready_and_says_who_they_are() -> None:
    world = World(*web(3))
    world["web:1"].become(RUNNING, should_run=True, ready=False)
    assert world.turns.waits_for("web:0") == "web:1 is not ready"
    world["web:2"].become(FATAL)
    assert world.turns.waits_for("web:0") == "web:1, web:2 are not ready"
    assert world.turns.waits_for("web:1") == "web:2 is not ready"


def test_it_waits_for_no_process_that_is_not_to_run() -> None:
    """Stopped for good, or by an operator: it will not become ready by any waiting."""
    world = World(*web(3))
    world["web:1"].become(STOPPED)
    world["web:2"].become(FATAL)
    world.table.hold(["web:2"])
    assert world.turns.waits_for("web:0") == ""


@pytest.mark.parametrize(("coming", "said"), [(True, "web:1 is not ready"), (False, "")])
def test_it_waits_for_one_that_is_being_replaced(coming: bool, said: str) -> None:
    world = World(*web(2))
    world["web:1"].beside = Beside(is_coming=coming)
    assert world.turns.waits_for("web:0") == said


def test_it_waits_for_the_end_of_a_rolling_restart_of_its_program() -> None:
    world = World(*web(2), ProgramConfig("db", "x", rolling=True))
    world.table.rolling["web"] = []
    assert world.turns.waits_for("web:0") == "web is being restarted"
    assert world.turns.waits_for("db") == ""


def test_without_rolling_it_waits_for_nothing() -> None:
    world = World(*web(2, rolling=False))
    world["web:1"].become(FATAL)
    assert world.turns.waits_for("web:0") == ""
    assert world.turns.waits_for("removed") == ""


# -- a new process beside it -----------------------------------------------------------------------------


def replaced(world: World, name: str = "web:0") -> Any:
    """What was asked of the second run."""
    return world[name].beside.asked


def test_with_overlap_a_new_process_is_asked_for_as_a_restart_by_itself() -> None:
    world = World(*web(2, overlap=True))
    world["web:0"].beside = Beside()
    assert world.replaces("web:0", "above memory_limit")
    assert replaced(world) == [("above memory_limit", True)]


def test_without_overlap_and_without_the_process_it_is_for_others_to_restart_it() -> None:
    world = World(*web(1))
    world["web:0"].beside = Beside()
    assert not world.replaces("web:0")
    assert not world.replaces("removed")
    assert replaced(world) == []


def test_while_one_is_under_way_none_is_asked_for() -> None:
    world = World(*web(1, overlap=True))
    beside = world["web:0"].beside = Beside()
    beside.driver = object()
    assert world.replaces("web:0")
    assert replaced(world) == []
    beside.driver = None
    assert world.replaces("web:0")
    assert len(replaced(world)) == 1


@pytest.mark.parametrize(("backoff", "pause"), [(PAUSE - 1, PAUSE), (PAUSE, PAUSE), (PAUSE + 50, PAUSE + 50)])
def test_after_one_that_failed_the_next_is_tried_only_after_its_backoff(backoff: float, pause: float) -> None:
    """Each counts for itself, and from the first it is restarted in no other way meanwhile."""
    world = World(*web(2, overlap=True))
    for name in ("web:0", "web:1"):
        world[name].beside = Beside()
        world[name].policy = Policy(backoff_max=backoff)
    assert world.replaces("web:0")
    world.loop.now = pause - 0.1
    assert world.replaces("web:0")
    assert len(replaced(world)) == 1
    assert world.replaces("web:1")
    assert len(replaced(world, "web:1")) == 1
    world.loop.now = pause
    assert world.replaces("web:0")
    assert len(replaced(world)) == 2


def test_above_restart_limit_it_is_restarted_in_the_plain_way_which_says_so() -> None:
    world = World(*web(1, overlap=True))
    world["web:0"].beside = Beside()
    world["web:0"].policy = Policy(restart_limit=(2, 60.0))
    world.loop.now = 100.0
    world["web:0"].become(RUNNING, restarts=(50.0, 90.0))
    assert not world.replaces("web:0")
    world["web:0"].become(RUNNING, restarts=(30.0, 90.0))  # the first was too long ago to count
    assert world.replaces("web:0")
    assert len(replaced(world)) == 1
