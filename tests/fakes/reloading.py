"""A supervisor among fake processes whose file a test writes as values."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from supervice.lean.dataclasses import replace
from supervice.lean.loop import running_loop, sleep
from supervice.lifecycle.states import RESTING, RUNNING, STARTING, STOPPED, STOPPING, Policy, Stop
from supervice.models import ProgramConfig, SupervisorConfig
from supervice.supervision.reload import Reloader
from supervice.supervision.startup import Startup
from supervice.supervision.table import ProcessTable
from supervice.supervision.termination import Termination
from tests.fakes.loop import VirtualLoop
from tests.fakes.process import FakeProcess


class Program(FakeProcess):
    started_at: float | None = 1.0
    closed = False
    policy, timer_left = Policy(), 1.0
    trigger = ""  # of the last start

    def request_start(self, trigger: str) -> None:
        self.trigger = trigger
        if self.state in RESTING:
            self.become(STARTING)

    def request_stop(self, *, force: bool = False, within: float | None = None, trigger: str = "") -> None:
        self.become(STOPPING, stop=Stop())

    def stop_time(self) -> float:
        return 1.0

    def reconfigure(self, config: ProgramConfig) -> None:
        self.config = config

    def close(self) -> None:
        self.closed = True


class World:
    """A supervisor whose file a test writes as values."""

    def __init__(self, *configs: ProgramConfig) -> None:
        self.config = SupervisorConfig()
        self.daemon = self.stock = False
        self.event_bus: Any = None
        self.memory = None
        self.table: Any = ProcessTable({}, Program)  # type: ignore[arg-type]
        self.termination = Termination(self.table, self)
        self.startup = Startup(self.table, self.termination.judge)
        self.reloader = Reloader(self.table, self.startup, self.termination, self, self)
        self.table.observe(self.startup.record, self.startup, self.termination)
        self.table.replace(configs)
        self.file = list(configs)
        self.applied: list[list[str]] = []

    def read(self) -> Any:
        return SimpleNamespace(config=SupervisorConfig(), processes=list(self.file), servers=[])

    def apply(self, loaded: Any) -> None:
        self.config = loaded.config
        self.applied.append([config.name for config in loaded.processes])

    def begin(self) -> None:
        self.termination.arm(running_loop(), self.startup)
        self.startup.begin()
        for process in self.table.processes.values():
            process.become(RUNNING, should_run=True)

    def reload(self, *, force: bool = False) -> Any:
        return running_loop().create_task(self.reloader.reload(dry_run=False, force=force))


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await sleep(running_loop(), 0)


def one(name: str, **more: Any) -> ProgramConfig:
    return ProgramConfig(name, "x", **more)


class Quick(Program):
    """It stops and starts within a tenth of a second each."""

    def __init__(self, config: ProgramConfig) -> None:
        super().__init__(config)
        self.said: list[str] = []
        self.stops = self.comes_up = True

    def start_time(self) -> float:
        return 1.0

    def request_start(self, trigger: str) -> None:
        self.said.append(f"start: {trigger}")
        self.become(STARTING, should_run=True)
        if self.comes_up:
            running_loop().call_later(0.1, self.up)

    def up(self) -> None:
        self.become(RUNNING, should_run=True)

    def request_stop(self, *, force: bool = False, within: float | None = None, trigger: str = "") -> None:
        self.said.append(f"stop: {trigger}")
        super().request_stop(trigger=trigger)
        if self.stops:
            running_loop().call_later(0.1, self.become, STOPPED)


class Story:
    """A world of quick programs on a clock that jumps."""

    def __init__(self, *configs: ProgramConfig) -> None:
        self.loop = VirtualLoop()
        self.failures: list[BaseException] = []
        self.loop.on_error = self.failures.append
        self.it = World()
        self.it.table._make = Quick
        self.it.table.replace(configs)
        self.it.file = list(configs)
        self.lines: list[str] = []

    def __getitem__(self, name: str) -> Any:
        return self.it.table.processes[name]

    def change(self, name: str, **more: Any) -> None:
        """Another command in the file, or what `more` says."""
        self.it.file = [
            replace(config, **(more or {"command": "y"})) if config.name == name else config
            for config in self.it.file
        ]

    def reload(
        self,
        before: Callable[[], object] = lambda: None,
        meanwhile: Callable[[], object] = lambda: None,
        **how: Any,
    ) -> Any:
        """`before`: once all runs, and nothing was said. `meanwhile`: while the first one stops."""

        async def story() -> Any:
            self.it.begin()
            await sleep(self.loop, 1.0)
            before()
            for process in self.it.table.processes.values():
                process.said.clear()
            self.lines.clear()
            self.loop.call_later(0.05, meanwhile)
            return await self.it.reloader.reload(**{"dry_run": False, "force": False, **how})

        try:
            return self.loop.run_until_complete(story())
        finally:
            self.settle()

    def settle(self) -> None:
        self.loop.run_until_complete(sleep(self.loop, 5.0))
        assert self.failures == []

    def told(self) -> dict[str, list[str]]:
        return {name: process.said for name, process in self.it.table.processes.items() if process.said}
