"""A startup among fake processes: what it asks of each, on a clock that jumps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from supervice.lean.loop import sleep
from supervice.lifecycle.states import (
    RESTING,
    STARTING,
)
from supervice.models import ProgramConfig
from supervice.supervision.startup import Startup
from supervice.supervision.table import ProcessTable
from tests.fakes.loop import VirtualLoop
from tests.fakes.process import FakeProcess


class Program(FakeProcess):
    def __init__(self, config: ProgramConfig) -> None:
        super().__init__(config)
        self.asked: list[str] = []

    def request_start(self, trigger: str) -> None:
        self.asked.append(trigger)
        World.story.append(self.config.name)
        if self.state in RESTING:
            self.become(STARTING)

    def start_time(self) -> float:
        return self.config.startsecs


class World:
    story: list[str] = []

    def __init__(self, *configs: ProgramConfig) -> None:
        World.story = []
        self.loop = VirtualLoop()
        self.judged = 0
        self.table: Any = ProcessTable({}, Program)  # type: ignore[arg-type]
        self.startup: Any = Startup(self.table, self.judge)
        self.told: list[str] = []
        self.startup.watch(lambda process: self.told.append(process.config.name))
        self.table.observe(self.startup)
        self.table.replace(configs)
        self.table.rebuild()

    def judge(self) -> None:
        self.judged += 1

    def __getitem__(self, name: str) -> Any:
        return self.table.processes[name]

    def do(self, *calls: Callable[[], object]) -> World:
        """Each, and all that it leads to."""

        async def story() -> None:
            for call in calls:
                call()
                for _ in range(4):
                    await sleep(self.loop, 0)

        self.loop.run_until_complete(story())
        return self

    def begin(self) -> World:
        return self.do(self.startup.begin)

    def ask(self, *names: str, by_hand: bool = False) -> World:
        these = [self[name] for name in names]
        how = {"by_hand": True} if by_hand else {}
        return self.do(lambda: self.startup.request(iter(these), "asked", **how))

    def become(self, name: str, state: str, **how: Any) -> World:
        return self.do(lambda: self[name].become(state, **how))

    def waiting(self) -> list[str]:
        return [name for name, process in self.table.processes.items() if self.startup.is_waiting(process)]

    def left(self) -> dict[str, tuple[str, str]]:
        all_of_them = self.table.processes.items()
        return {
            name: (self.startup.why_left(process), self.startup.cause(process))
            for name, process in all_of_them
            if name in self.startup.left()
        }


def one(name: str, *needs: str, **more: Any) -> ProgramConfig:
    """`needs`: `db` or `db:ready`."""
    pairs = tuple((need.partition(":")[0], need.partition(":")[2] or "started") for need in needs)
    return ProgramConfig(name, "x", depends_on=pairs, **more)
