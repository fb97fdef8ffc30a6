"""One process as others see it: what it is, what is asked of it, and the public Python API.

Its driver runs it. A process knows nothing of other processes, of the supervisor or of the servers.
"""

from __future__ import annotations

from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RESTING,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    UNHEALTHY,
    UP,
    RestartRequested,
    StartRequested,
    StopRequested,
)
from supervice.pid1.signals import AFTER_KILL
from supervice.runner.driver import Driver
from supervice.runner.waiting import Until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.events import EventBus
    from supervice.lifecycle.states import Announce, Snapshot
    from supervice.models import ProgramConfig
    from supervice.output.process_output import ProgramOutput
    from supervice.pid1.child import Child
    from supervice.runner.launcher import Launcher
    from supervice.runner.reporting import Exit

    Watcher = Callable[["Process", Announce], object]
    ConditionWatcher = Callable[["Process"], object]

__all__ = [
    "BACKOFF",
    "EXITED",
    "FATAL",
    "RUNNING",
    "STARTING",
    "STOPPED",
    "STOPPING",
    "UNHEALTHY",
    "Process",
]

# How long `start_process` waits, beyond what the program itself asks for (the API reference's 5 seconds).
START_WAIT = 5.0


class Process:
    """A program being run. Works under a `Supervisor`, and alone in the event loop of an application."""

    __slots__ = ("_condition_watchers", "_driver", "_watchers")

    def __init__(
        self, config: ProgramConfig, event_bus: EventBus | None = None, *, launcher: Launcher | None = None
    ) -> None:
        self._driver = Driver(self, config, event_bus, launcher)
        self._watchers: tuple[Watcher, ...] = ()
        self._condition_watchers: tuple[ConditionWatcher, ...] = ()

    # -- what it is --------------------------------------------------------------------------------------

    @property
    def config(self) -> ProgramConfig:
        return self._driver.config

    @property
    def snapshot(self) -> Snapshot:
        return self._driver.snapshot

    @property
    def state(self) -> str:
        return self._driver.snapshot.state

    @property
    def should_run(self) -> bool:
        return self._driver.snapshot.should_run

    @property
    def pid(self) -> int | None:
        return self._driver.snapshot.pid

    @property
    def is_healthy(self) -> bool | None:
        """None until a health check has answered, and without one."""
        return self._driver.snapshot.healthy

    @property
    def process(self) -> Child | None:
        """The running child, with the methods of `asyncio.subprocess.Process`; None when there is none."""
        return self._driver.child

    @property
    def output(self) -> ProgramOutput | None:
        return self._driver.output

    @property
    def foreground(self) -> list[str] | None:
        """The words of the foreground command, which has our streams and our terminal; None for a program."""
        return self._driver.foreground

    @foreground.setter
    def foreground(self, argv: list[str]) -> None:
        self._driver.foreground = argv

    # -- what is remembered of its runs ------------------------------------------------------------------

    @property
    def started_at(self) -> float | None:
        """When it was spawned last, in seconds since the epoch; None when it has never run."""
        return self._driver.started_at

    @property
    def uptime(self) -> float | None:
        """Seconds since the spawn, whatever became of the clock on the wall; None when nothing runs."""
        child = self._driver.child
        return None if child is None else self._driver.runtime().loop.time() - child.spawned_at

    @property
    def restarts(self) -> int:
        """Spawns after the first."""
        return self._driver.restarts

    @property
    def exits(self) -> tuple[Exit, ...]:
        """The last exits, the newest last."""
        return self._driver.exits

    @property
    def expected(self) -> bool:
        """Whether the last exit was one of `exitcodes`."""
        return self._driver.expected

    @property
    def status_text(self) -> str:
        """What the program says of itself (STATUS)."""
        return self._driver.status_text

    @property
    def health_message(self) -> str:
        """The message of the last health check."""
        return self._driver.health_message

    @property
    def health_time(self) -> float | None:
        """When the last health check answered, in seconds since the epoch."""
        return self._driver.health_time

    @property
    def ready_message(self) -> str:
        """The message of the last readiness check."""
        return self._driver.ready_message

    @property
    def ready_time(self) -> float | None:
        """When the last readiness check answered, in seconds since the epoch."""
        return self._driver.ready_time

    # -- who watches it ----------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Calls `watcher(process, announcement)` after each change of state; returns what ends that."""
        self._watchers = (*self._watchers, watcher)

        def unwatch() -> None:
            self._watchers = tuple(w for w in self._watchers if w is not watcher)

        return unwatch

    def watch_health(self, watcher: ConditionWatcher) -> Callable[[], None]:
        """The same for `is_healthy` and `snapshot.ready`, which can change in an unchanged state."""
        self._condition_watchers = (*self._condition_watchers, watcher)

        def unwatch() -> None:
            self._condition_watchers = tuple(w for w in self._condition_watchers if w is not watcher)

        return unwatch

    def changed(self, change: Announce) -> None:
        """The driver reports a change of state."""
        for watcher in self._watchers:
            watcher(self, change)

    def condition_changed(self) -> None:
        """The driver reports that health or readiness changed in an unchanged state."""
        for watcher in self._condition_watchers:
            watcher(self)

    # -- what is asked of it; these return at once -------------------------------------------------------

    def request_start(self) -> None:
        self._driver.feed(StartRequested())

    def request_stop(self, *, force: bool = False, within: float | None = None) -> None:
        """`within`: seconds that the whole stop may take, the ladder's waits are shortened to fit."""
        self._driver.feed(StopRequested(force, within))

    def request_restart(self, *, force: bool = False) -> None:
        self._driver.feed(RestartRequested(force))

    def signal(self, signum: int, *, group: bool = True) -> bool:
        """Sends a signal to the process group; False when no process is running."""
        child = self._driver.child
        return child is not None and child.signal(signum, group=group)

    def stop_with(self, signum: int) -> None:
        """Makes `signum` the first signal of the next stop."""
        self._driver.stop_with(signum)

    def use(self, launcher: Launcher) -> None:
        """Makes the next start with `launcher`."""
        self._driver.use(launcher)

    def reconfigure(self, config: ProgramConfig) -> None:
        """Takes over settings that can change while the process runs."""
        self._driver.reconfigure(config)

    def open_output(self) -> ProgramOutput | None:
        """The output, also of a process that has never run; None for the foreground command."""
        return self._driver.open_output()

    def close(self) -> None:
        """Lets go of log files; the process must be at rest."""
        self._driver.close()

    def start_time(self) -> float:
        """Seconds that a start may take, as it is configured."""
        return self._driver.start_time()

    def stop_time(self) -> float:
        """Seconds that a stop takes at most, up to its SIGKILL."""
        return self._driver.stop_time()

    # -- the Python API ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Takes up supervision: with `autostart` the program is started. Returns at once."""
        self._driver.runtime()
        if self.config.autostart:
            self.request_start()

    async def stop(self) -> None:
        """Stops the program, waits until it is gone, and ends supervision."""
        await self.stop_process()
        self.close()

    async def start_process(self) -> None:
        """Starts it; returns when it is RUNNING or has failed, or after 5 seconds and what it asks for."""
        unsettled = Until([self], UP | RESTING)
        self.request_start()
        await unsettled.wait(START_WAIT + self.start_time())

    async def stop_process(self) -> None:
        """Stops the program with its stop signal and SIGKILL after it; returns when it is gone."""
        unsettled = Until([self], RESTING)
        self.request_stop()
        await unsettled.wait(self.stop_time() + AFTER_KILL)

    async def force_kill(self) -> None:
        """SIGKILL, at once; the program stays stopped."""
        unsettled = Until([self], RESTING)
        self.request_stop(force=True)
        await unsettled.wait(AFTER_KILL)

    async def kill(self) -> None:
        """The stop signal to the whole group, SIGKILL after `stopwaitsecs`; the program stays stopped."""
        await self.stop_process()
