"""A supervisor among fake processes whose file a test writes as values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from supervice.lean.loop import running_loop, sleep
from supervice.lifecycle.states import RESTING, RUNNING, STARTING, STOPPING, Policy, Stop
from supervice.models import ProgramConfig, SupervisorConfig
from supervice.supervision.reload import Reloader
from supervice.supervision.startup import Startup
from supervice.supervision.table import ProcessTable
from supervice.supervision.termination import Termination
from tests.fakes.process import FakeProcess


class Program(FakeProcess):
    started_at: float | None = 1.0
    closed = False
    policy, timer_left = Policy(), 1.0

    def request_start(self, trigger: str) -> None:
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
        self.reloader = Reloader(self.table, self.startup, self.termination, self)
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
