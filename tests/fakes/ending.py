"""The end of a supervisor among fake processes, on a clock that jumps; what it stops and writes is made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from supervice import logger
from supervice.lean.loop import sleep
from supervice.models import ProgramConfig, SupervisorConfig
from supervice.pid1 import own_process
from supervice.supervision import termination as module
from supervice.supervision.table import ProcessTable
from supervice.supervision.termination import Termination
from tests.fakes.loop import VirtualLoop
from tests.fakes.process import FakeProcess


class Program(FakeProcess):
    def __init__(self, config: ProgramConfig) -> None:
        super().__init__(config)
        self.started_at: float | None = 1.0


class Stopping:
    """In place of the shutdown: it has all programs stopped after some seconds."""

    def __init__(self, world: World, *asked: Any) -> None:
        self.world = world
        self.loop, self.processes, self.timeout, self.find, self.settle, self.why, self.kill_all = asked
        self.begun = world.loop.now
        self.forced: list[float] = []
        self.time_left = world.time_left

    def force(self) -> None:
        self.forced.append(self.world.loop.now)

    async def run(self) -> None:
        self.world.story.append("stop")
        await sleep(self.loop, 2.0)
        for name, (state, how) in self.world.ends.items():
            self.world.become(name, state, **how)
        self.world.story.append("stopped")


class Outputs:
    """All is written `takes` seconds after it was flushed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.takes = 0.5

    def stop_helpers(self) -> None:
        self.world.story.append("no helpers")

    def flush(self) -> None:
        self.world.story.append("flush")

    def on_idle(self, call: Callable[[], object]) -> None:
        for after in (self.takes, self.takes + 0.1):  # it may be idle again
            self.world.loop.call_later(after, call)


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *configs: ProgramConfig, **settings: Any) -> None:
        self.loop = VirtualLoop()
        self.failures: list[BaseException] = []
        self.loop.on_error = self.failures.append
        self.story: list[str] = []
        self.said: list[str] = []
        self.notes: list[tuple[str | None, str, Any]] = []
        self.problem = ""
        self.time_left = 20.0
        self.ends: dict[str, tuple[str, dict[str, Any]]] = {}  # what the programs come to by their stop
        self.shutdowns: list[Stopping] = []
        self.table: Any = ProcessTable({}, Program)  # type: ignore[arg-type]
        self.host: Any = SimpleNamespace(
            config=SupervisorConfig(**settings),
            daemon=True,
            stock=False,
            memory=None,
            event_bus=SimpleNamespace(stop=self.stop_events),
        )
        self.queue: Any = Queue()
        self.termination = Termination(self.table, self.host)
        self.table.observe(self.termination)
        self.table.replace(configs)
        self.outputs: Any = Outputs(self)
        self.termination.arm(self.loop, self.queue)

        def shutdown(*asked: Any) -> Stopping:
            self.shutdowns.append(Stopping(self, *asked))
            return self.shutdowns[-1]

        def note(path: str | None, text: str, culprit: Any) -> str:
            self.notes.append((path, text, culprit))
            return self.problem

        monkeypatch.setattr(module, "running_loop", lambda: self.loop)
        monkeypatch.setattr(module, "Shutdown", shutdown)
        monkeypatch.setattr(module, "write_termination_log", note)
        monkeypatch.setattr(own_process, "is_pid1", lambda: True)
        for level in ("info", "warning"):
            monkeypatch.setattr(logger, level, self.said.append)

    async def stop_events(self) -> None:
        self.story.append("no events")

    def become(self, name: str, state: str, *, expected: bool = True, **snapshot: Any) -> Any:
        process = self.table.processes[name]
        process.expected = expected
        return process.become(state, **snapshot)

    def run(self, *, at: dict[float, Callable[[], object]] | None = None, settle: Any = None) -> int:
        """`at`: what happens meanwhile, and when."""
        for seconds, call in (at or {}).items():
            self.loop.call_later(seconds, call)
        code: int = self.loop.run_until_complete(self.termination.run(self.loop, self.outputs, settle))
        return code


class Queue:
    """The processes that wait, those that were left and the cause of it, and the schedules."""

    def __init__(self) -> None:
        self.plans: Any = None
        self.left: dict[str, tuple[str, str]] = {}
        self.waiting: set[str] = set()

    def why_left(self, process: Any) -> str:
        return self.left.get(process.config.name, ("", ""))[0]

    def cause(self, process: Any) -> str:
        return self.left.get(process.config.name, ("", ""))[1]

    def is_waiting(self, process: Any) -> bool:
        return process.config.name in self.waiting

    def waiting_for(self, _process: Any) -> list[str]:
        return []

    def watch(self, _watcher: Callable[[Any], object]) -> Callable[[], None]:
        return lambda: None


Make = Callable[..., World]


def worlds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """A fixture that makes them; no call of their loops may fail."""
    made: list[World] = []

    def one(*configs: ProgramConfig, **settings: Any) -> World:
        made.append(World(monkeypatch, *configs, **settings))
        return made[-1]

    yield one
    assert [world.failures for world in made] == [[] for _ in made]


def one(name: str, **more: Any) -> ProgramConfig:
    return ProgramConfig(name, "x", **more)
