"""Streams: what is told when, what a slow client gets, and that nothing is kept or woken without one."""

from __future__ import annotations

from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

from supervice.lean.json import loads
from supervice.web.rows import Model
from supervice.web.streams import COMMENT_EVERY, GATHER, LOOK, MOST, Streams
from tests.fakes.control import FakeCommands
from tests.fakes.loop import FakeLoop, Timer


class Loop(FakeLoop):
    """Runs a coroutine at once: what streams wait for is there already."""

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            coroutine.send(None)
        except StopIteration:
            return SimpleNamespace(done=lambda: True)
        raise AssertionError("it waits")

    def pending(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.cancelled and not timer.over]

    def run_next(self) -> float:
        """Runs the timer that is due first; its delay."""
        timer = min(self.pending(), key=lambda timer: timer.when)
        self.now = timer.when
        timer.run()
        return timer.delay


class Client:
    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.raw: list[bytes] = []
        self.slow = False
        self.done = False

    def send(self, data: bytes) -> bool:
        if self.slow:
            return False
        self.raw.append(data)
        if data.startswith(b"event: "):
            kind, body = data.decode().removeprefix("event: ").rstrip().split("\ndata: ")
            self.events.append((kind, loads(body)))
        return True

    def end(self) -> None:
        self.done = True

    def kinds(self) -> list[str]:
        kinds, self.events = [kind for kind, _ in self.events], []
        return kinds


class World:
    def __init__(self) -> None:
        self.loop = Loop()
        self.observers: list[Any] = []
        self.model = Model("e")
        self.states = {"db": "RUNNING", "web": "RUNNING"}
        self.asked: list[tuple[list[str] | None, bool]] = []
        table: Any = SimpleNamespace(observe=self.observers.append, unobserve=self.observers.remove)
        self.streams = Streams(self.loop, table, FakeCommands(), self.model, self.refresh)
        self.stops: dict[int, Any] = {}

    async def refresh(self, names: list[str] | None = None, *, usage: bool = False) -> None:
        self.asked.append((names, usage))
        rows = [{"name": name, "state": self.states[name], "ready": True} for name in names or self.states]
        self.model.update(rows, 1000.0, whole=names is None)

    def open(self, position: tuple[str, int] = ("", 0), program: str = "") -> Client:
        self.loop.create_task(self.refresh())  # as the page does before it opens one
        client = Client()

        def end() -> None:
            client.end()
            self.stops[id(client)]()

        self.stops[id(client)] = self.streams.begin(client.send, end, {"token": "t"}, position, program)
        return client

    def becomes(self, name: str, state: str) -> None:
        self.states[name] = state
        process: Any = SimpleNamespace(config=SimpleNamespace(name=name))
        for observer in self.observers:
            observer.changed(process, None)


def test_without_a_stream_nothing_is_kept_or_woken() -> None:
    world = World()
    assert (world.observers, world.loop.pending()) == ([], [])
    first, second = world.open(), world.open()
    assert len(world.observers) == 1
    world.becomes("web", "FATAL")
    world.stops[id(first)]()
    assert world.loop.pending() != []
    world.stops[id(second)]()
    assert (world.observers, world.loop.pending()) == ([], [])
    third = world.open()
    assert third.kinds()[0] == "hello"
    assert len(world.observers) == 1


def test_changes_are_gathered_and_told_once() -> None:
    world = World()
    client = world.open()
    assert client.kinds() == ["hello", "rows"]
    world.asked.clear()
    for state in ("STOPPING", "STOPPED", "STARTING", "FATAL"):
        world.becomes("web", state)
    assert world.loop.run_next() == GATHER
    assert world.asked == [(["web"], False)]
    assert [(kind, [row[:3] for row in data["rows"]]) for kind, data in client.events] == [
        ("rows", [["web", "bad", "FATAL"]])
    ]
    assert [timer.delay for timer in world.loop.pending()] == [LOOK]


def test_what_waits_is_looked_at_along_with_what_changes() -> None:
    world = World()
    world.states["db"] = "STARTING"
    world.open()
    world.asked.clear()
    world.becomes("web", "STOPPED")
    world.loop.run_next()
    assert world.asked == [(["db", "web"], False)]


def test_what_changes_without_a_word_is_looked_at_every_few_seconds() -> None:
    world = World()
    client = world.open()
    client.kinds()
    world.asked.clear()
    world.states["db"] = "EXITED"
    for _ in range(COMMENT_EVERY):
        assert world.loop.run_next() == LOOK
    assert world.asked == [(None, True)] * COMMENT_EVERY
    assert client.kinds() == ["rows"]
    assert client.raw[-1] == b": still here\n\n"


def test_one_that_does_not_keep_up_gets_what_it_missed_in_one_piece() -> None:
    world = World()
    slow, quick = world.open(), world.open()
    slow.kinds(), quick.kinds()
    slow.slow = True
    for state in ("STOPPED", "RUNNING", "FATAL"):
        world.becomes("web", state)
        world.loop.run_next()
    world.becomes("db", "STOPPED")
    world.loop.run_next()
    assert quick.kinds() == ["rows"] * 4
    slow.slow = False
    world.loop.run_next()
    ((kind, data),) = slow.events
    assert (kind, data["all"]) == ("rows", False)
    assert sorted(row[2] for row in data["rows"]) == ["FATAL", "STOPPED"]


def test_one_too_many_ends_the_oldest() -> None:
    world = World()
    clients = [world.open() for _ in range(MOST)]
    assert not any(client.done for client in clients)
    world.open()
    assert [client.done for client in clients] == [True, *[False] * (MOST - 1)]
    assert clients[0].kinds()[-1] == "full"
    assert len(world.streams) == MOST


def test_outcomes_are_told_once_each() -> None:
    world = World()
    kept: list[dict[str, Any]] = [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]
    world.streams.outcomes = lambda after: [told for told in kept if told["id"] > after]
    client = world.open()
    assert client.kinds().count("said") == 2
    kept.append({"id": 3, "text": "three"})
    world.streams.news()
    world.loop.run_next()
    assert [data["id"] for kind, data in client.events if kind == "said"] == [3]


def test_a_tail_ends_with_its_stream() -> None:
    world = World()
    commands: Any = world.streams._commands
    frames: list[Any] = []

    def follow(_request: dict[str, Any], send: Any) -> Any:
        frames.append(send)
        return lambda: frames.append("stopped")

    commands.follow = follow
    client = world.open(program="web")
    assert client.events[-1] == ("log", {"name": "web", "begin": True, "pieces": []})
    assert frames[0]({"name": "web", "stream": "stderr", "data": "<b>\x1b[1mx\n"})
    assert client.events[-1] == ("log", {"name": "web", "pieces": [[1, "<b>x\n"]]})
    client.slow = True
    assert not frames[0]({"name": "web", "stream": "stdout", "data": "lost\n"})
    world.stops[id(client)]()
    assert frames[-1] == "stopped"
