"""Waiting until all are what is wanted: from the first look on, for no others, and not for what will never come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from supervice.lifecycle.states import EXITED, FATAL, RUNNING, STARTING
from supervice.models import ProgramConfig
from supervice.supervision.conditions import WANTED, UntilAll, is_running
from supervice.supervision.table import ProcessTable
from tests.fakes.loop import VirtualLoop
from tests.fakes.process import FakeProcess


class Queue:
    """Who was left stopped, and who hears of that."""

    def __init__(self) -> None:
        self.left: dict[str, str] = {}
        self.watchers: list[Callable[[Any], object]] = []

    def watch(self, watcher: Callable[[Any], object]) -> Callable[[], None]:
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)

    def why_left(self, process: Any) -> str:
        return self.left.get(process.config.name, "")

    def leave(self, process: Any) -> None:
        self.left[process.config.name] = "needs db:started, but db is FATAL"
        for watcher in tuple(self.watchers):
            watcher(process)


class World:
    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.table: Any = ProcessTable({}, FakeProcess)  # type: ignore[arg-type]
        self.table.replace([ProgramConfig("a", "x"), ProgramConfig("b", "x"), ProgramConfig("other", "x")])
        self.a: Any = self.table.processes["a"]
        self.b: Any = self.table.processes["b"]
        self.other: Any = self.table.processes["other"]
        self.queue: Any = Queue()

    def until(self) -> UntilAll:
        return UntilAll(self.table, self.queue, [self.a, self.b], is_running)

    def wait(self, until: UntilAll, *at_once: Callable[[], object]) -> tuple[float, list[bool]]:
        """What happens after a second, the time that it took, and who is there."""

        def turn() -> None:
            for call in at_once:
                call()

        self.loop.call_later(1.0, turn)
        self.loop.run_until_complete(until.wait(60))
        assert self.table._observers == ()
        assert self.queue.watchers == []
        return self.loop.now, [until.has(self.a), until.has(self.b)]


@pytest.fixture
def world() -> World:
    return World()


def test_what_changes_before_the_wait_counts(world: World) -> None:
    until = world.until()
    world.a.become(RUNNING), world.b.become(RUNNING), world.a.become(STARTING)
    assert world.wait(until, lambda: world.a.become(RUNNING)) == (1.0, [True, True])


def test_others_are_of_no_interest(world: World) -> None:
    moves = [lambda: world.other.become(RUNNING), lambda: world.other.become(FATAL)]
    assert world.wait(world.until(), *moves) == (60.0, [False, False])


def test_one_that_is_left_stopped_ends_the_waiting(world: World) -> None:
    assert world.wait(world.until(), lambda: world.queue.leave(world.b)) == (1.0, [False, False])


@pytest.mark.parametrize("after", [RUNNING, FATAL])
def test_what_it_was_when_the_waiting_ended_is_what_counts(world: World, after: str) -> None:
    """Changes of the same turn that come after that do not."""
    moves = [lambda: world.a.become(FATAL), lambda: world.b.become(after)]
    assert world.wait(world.until(), *moves) == (1.0, [False, False])


def test_only_a_oneshot_is_completed(world: World) -> None:
    world.a.become(EXITED)
    assert [wanted(world.a) for wanted in WANTED.values()] == [False, False, False]
    job: Any = FakeProcess(ProgramConfig("job", "x", type="oneshot")).become(EXITED)
    assert [wanted(job) for wanted in WANTED.values()] == [True, True, True]
    job.expected = False
    assert [wanted(job) for wanted in WANTED.values()] == [False, False, False]
