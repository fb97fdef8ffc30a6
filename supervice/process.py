"""One process as others see it: what it is, what is asked of it, and the public Python API.

What happens to it is its clerk's business. It knows nothing of other processes, of the supervisor or of the
doors.
"""

from __future__ import annotations

from supervice.lean.dataclasses import replace
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
    RunExpired,
    StartRequested,
    StopRequested,
)
from supervice.runner.driver import Clerk
from supervice.runner.policy import policy_of
from supervice.runner.waiting import Until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lifecycle.states import Snapshot
    from supervice.models import ProgramConfig
    from supervice.output.process_output import ProgramOutput
    from supervice.pid1.child import Child
    from supervice.runner.driver import Watcher
    from supervice.runner.launcher import Launcher

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
# A stop ends in SIGKILL; this much later the kernel is not going to let go of the child.
AFTER_KILL = 5.0


class Process(Clerk):
    """A program being run. Works under a `Supervisor`, and alone in anybody's event loop."""

    __slots__ = ()

    # -- what it is --------------------------------------------------------------------------------------

    @property
    def config(self) -> ProgramConfig:
        return self._config

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    @property
    def state(self) -> str:
        return self._snapshot.state

    @property
    def should_run(self) -> bool:
        return self._snapshot.should_run

    @property
    def pid(self) -> int | None:
        return self._snapshot.pid

    @property
    def uptime(self) -> float | None:
        """Seconds since the spawn, whatever became of the clock on the wall; None when nothing runs."""
        return None if self._child is None else self._runtime().loop.time() - self._child.spawned_at

    @property
    def is_healthy(self) -> bool | None:
        """None while nobody has asked (no health check, or none that has answered yet)."""
        return self._snapshot.healthy

    @property
    def process(self) -> Child | None:
        """The running child, with the methods of `asyncio.subprocess.Process`; None when there is none."""
        return self._child

    @property
    def output(self) -> ProgramOutput | None:
        return self._output

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Has `watcher(process, announcement)` called after each change of state; returns what ends that."""
        self._watchers = (*self._watchers, watcher)

        def unwatch() -> None:
            self._watchers = tuple(w for w in self._watchers if w is not watcher)

        return unwatch

    def watch_health(self, watcher: Callable[[Process], object]) -> Callable[[], None]:
        """The same for `is_healthy` and `snapshot.ready`, which can change in an unchanged state."""
        self._health_watchers = (*self._health_watchers, watcher)

        def unwatch() -> None:
            self._health_watchers = tuple(w for w in self._health_watchers if w is not watcher)

        return unwatch

    # -- what is asked of it; these return at once -------------------------------------------------------

    def request_start(self) -> None:
        self._feed(StartRequested())

    def request_stop(self, *, force: bool = False, within: float | None = None) -> None:
        """`within`: seconds that the whole stop may take, the ladder's waits are shortened to fit."""
        self._feed(StopRequested(force, within))

    def request_restart(self, *, force: bool = False) -> None:
        self._feed(RestartRequested(force))

    def request_end(self, reason: str) -> None:
        """Stops a run of a schedule, which has failed for that reason."""
        self._feed(RunExpired(reason))

    def signal(self, signum: int, *, group: bool = True) -> bool:
        """Sends a signal to the process group; False when no process is running."""
        return self._child is not None and self._child.signal(signum, group=group)

    def stop_with(self, signum: int) -> None:
        """Makes `signum` the first signal of the next stop."""
        (_, wait), *rest = self._policy.stop_ladder
        self._policy = replace(self._policy, stop_ladder=((signum, wait), *rest))

    def use(self, launcher: Launcher) -> None:
        """Says what the next start is made with."""
        self._launcher = launcher

    def reconfigure(self, config: ProgramConfig) -> None:
        """Takes over settings that a running process can have changed under it."""
        self._config = config
        self._policy = policy_of(config)
        if self._output is not None:
            self._output.reconfigure(config)

    def close(self) -> None:
        """Lets go of log files; the process must be at rest."""
        if self._output is not None:
            self._output.close()
            self._output = None

    # -- the Python API ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Takes up supervision: with `autostart` the program is started. Returns at once."""
        self._runtime()
        if self._config.autostart:
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
