"""A process as those see it that supervise it: its configuration, its snapshot, and who watches it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from supervice.lifecycle.states import BACKOFF, RESTING, STOPPED, UP, Announce, Run, Snapshot
from supervice.models import ProgramConfig

RUN = set(Run.__annotations__)
WITHOUT_RUN = RESTING | {BACKOFF}


class FakeProcess:
    """It is in the state that the test puts it into by `become`."""

    foreground: list[str] | None = None
    process: Any = None  # its child
    obstacle = ""
    beside: Any = None
    overlaps = False
    has_left_any = False
    health_message = ""
    restarts = 0
    oom_kills = 0
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
        """The new snapshot, ready when the state is one of those that are up; the watchers are told.

        `snapshot`: fields of `Snapshot`, or of the `Run` that it has unless the process is at rest.
        """
        before = self.state
        fields = {name: snapshot.pop(name) for name in RUN & snapshot.keys()}
        run = Run(self.pid or 7, **{"ready": state in UP, **fields}) if state not in WITHOUT_RUN else None
        self.snapshot = Snapshot(state, run=run, **snapshot)
        for watcher in tuple(self.watchers):
            watcher(self, Announce(before, state, ""))
        return self
