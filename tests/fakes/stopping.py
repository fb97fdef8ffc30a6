"""Programs that take their time to stop, on a clock that jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from supervice import logger
from supervice.lifecycle.states import BACKOFF, RESTING, RUNNING, STOPPED, STOPPING, Policy, Stop
from supervice.models import ProgramConfig
from supervice.supervision.shutdown import Shutdown, stop_in_order
from tests.fakes.loop import VirtualLoop
from tests.fakes.process import FakeProcess

NEVER = 10**6


class Program(FakeProcess):
    """It ends `takes` seconds after it was told to stop; told to stop within a time, it is killed after that."""

    def __init__(self, world: World, config: ProgramConfig, takes: float, state: str) -> None:
        super().__init__(config, state, pid=7)
        self.world = world
        self.takes = takes
        self.asked: list[dict[str, Any]] = []
        self.dies = True  # by SIGKILL
        self.policy, self.timer_left = Policy(), 3.0

    def stop_time(self) -> float:
        return self.config.stopwaitsecs

    def request_stop(self, **how: Any) -> None:
        self.asked.append({**how, "at": self.world.loop.now})
        if self.state == BACKOFF:
            self.become(STOPPED)
        elif self.state not in RESTING:
            self.become(STOPPING, stop=Stop())
            within = 0.0 if how.get("force") else how.get("within", self.stop_time())
            after = min(self.takes, within) if self.dies else self.takes
            self.world.loop.call_later(after, self.become, STOPPED)

    async def stop_what_it_left(self) -> None:
        self.world.looked_after.append(self.config.name)
        self.has_left_any = False


class World:
    """Programs of a chain: each needs the one before it."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.failures: list[BaseException] = []
        self.loop.on_error = self.failures.append
        self.programs: list[Any] = []
        self.looked_after: list[str] = []
        self.said: list[str] = []

    def add(
        self,
        name: str,
        takes: float = 0.5,
        wait: float = 10.0,
        needs: str = "",
        state: str = RUNNING,
    ) -> Any:
        depends = ((needs, "started"),) if needs else ()
        config = ProgramConfig(name, "x", stopwaitsecs=wait, depends_on=depends)
        self.programs.append(Program(self, config, takes, state))
        return self.programs[-1]

    def shutdown(self, timeout: float = 30.0, *rest: Any, **more: Any) -> Shutdown:
        return Shutdown(self.loop, self.programs, timeout, *(rest or (None,)), **more)

    def run(self, coroutine: Any, *, at: dict[float, Callable[[], object]] | None = None) -> Any:
        """`at`: what happens meanwhile, and when."""
        for seconds, call in (at or {}).items():
            self.loop.call_later(seconds, call)
        return self.loop.run_until_complete(coroutine)


def a_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A fixture that makes one; no call of its loop may fail."""
    made = World()
    for level in ("info", "warning", "error"):
        monkeypatch.setattr(logger, level, lambda text, level=level: made.said.append(f"{level}: {text}"))
    yield made
    assert made.failures == []


def stopping(world: World, chosen: list[Any] | None = None, **more: Any) -> Any:
    how = {"wanted": lambda _: True, "trigger": lambda p: f"for {p.config.name}", **more}
    return stop_in_order(world.programs, world.programs if chosen is None else chosen, **how)
