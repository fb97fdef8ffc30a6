"""A process as those see it that supervise it: its configuration, its snapshot, and who watches it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from supervice.lifecycle.states import STOPPED, UP, Announce, Snapshot
from supervice.models import ProgramConfig


class FakeProcess:
    """It is in the state that the test puts it into by `become`."""

    foreground: list[str] | None = None
    health_message = ""
    restarts = 0
    exits: tuple[Any, ...] = ()
    output: Any = None
    uptime: float | None = None

    def __init__(self, config: ProgramConfig, state: str = STOPPED, *, pid: int | None = None) -> None:
        self.config = config
        self.snapshot = Snapshot(state)
        self.pid = pid
        self.expected = True
        self.watchers: list[Callable[[Any, Announce], object]] = []

    @property
    def state(self) -> str:
        return self.snapshot.state

    @property
    def should_run(self) -> bool:
        return self.snapshot.should_run

    @property
    def is_healthy(self) -> bool | None:
        return self.snapshot.healthy

    def watch(self, watcher: Callable[[Any, Announce], object]) -> Callable[[], None]:
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)

    def watch_health(self, _watcher: Callable[[Any], object]) -> Callable[[], None]:
        """Health changes with `become` only, which tells the other watchers."""
        return lambda: None

    def close(self) -> None:
        pass

    def become(self, state: str, **snapshot: Any) -> Self:
        """The new snapshot, ready when the state is one of those that are up; the watchers are told."""
        before = self.state
        self.snapshot = Snapshot(state, **{"ready": state in UP, **snapshot})
        for watcher in tuple(self.watchers):
            watcher(self, Announce(before, state, ""))
        return self
