"""The public `Process`: what one process is and what can be asked of it.

Its driver runs it. A process knows nothing of other processes, of the supervisor or of the servers.
"""

from __future__ import annotations

# isort: off
# fmt: off
from supervice.lifecycle.states import (
    BACKOFF, EXITED, FATAL, RESTING, RUNNING, STARTING, STOPPED, STOPPING, UNHEALTHY, UP,
    RestartRequested, RunExpired, StartRequested, StopRequested,
)
# fmt: on
# isort: on
from supervice.pid1.signals import AFTER_KILL
from supervice.runner import reporting
from supervice.runner.driver import Driver
from supervice.runner.waiting import NotReached, Until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.events import EventBus
    from supervice.lifecycle.states import Announce, Policy, Snapshot
    from supervice.models import ProgramConfig
    from supervice.output.process_output import ProgramOutput
    from supervice.pid1.belongings import Belongings
    from supervice.pid1.child import Child
    from supervice.pid1.leftovers import Stat
    from supervice.runner.launcher import Launcher
    from supervice.runner.left_behind import LeftBehind
    from supervice.runner.overlap import Overlap
    from supervice.runner.overlap_attempts import Attempt
    from supervice.runner.reporting import Exit

    Watcher = Callable[["Process", Announce], object]
    ConditionWatcher = Callable[["Process"], object]

# fmt: off
__all__ = [
    "BACKOFF", "EXITED", "FATAL", "RUNNING", "STARTING", "STOPPED", "STOPPING", "UNHEALTHY",
    "NotReached", "Process",
]
# fmt: on

# How long `start_process` waits on top of the program's own startsecs or ready_timeout; seconds.
START_WAIT = 5.0
# The trigger of a request that names none.
APPLICATION = "application"


class Process:
    """A program being run. Works under a `Supervisor`, and alone in the event loop of an application."""

    __slots__ = ("_condition_watchers", "_left", "_watchers", "beside", "driver", "looked_at", "unseen")

    def __init__(
        self, config: ProgramConfig, event_bus: EventBus | None = None, *, launcher: Launcher | None = None
    ) -> None:
        self.driver = Driver(self, config, event_bus, launcher)
        self.beside: Overlap | None = None  # made with the first restart beside the present run
        self._left: LeftBehind | None = None  # made when there is something to find
        self.looked_at, self.unseen = float("-inf"), False  # see `child.Owner`
        self._watchers: tuple[Watcher, ...] = ()
        self._condition_watchers: tuple[ConditionWatcher, ...] = ()

    def __repr__(self) -> str:
        pid = self.pid
        return f"<Process {self.config.name} {self.state}{'' if pid is None else f' pid={pid}'}>"

    # -- what it is --------------------------------------------------------------------------------------

    @property
    def config(self) -> ProgramConfig:
        return self.driver.config

    @property
    def snapshot(self) -> Snapshot:
        return self.driver.snapshot

    @property
    def state(self) -> str:
        return self.driver.snapshot.state

    @property
    def should_run(self) -> bool:
        return self.driver.snapshot.should_run

    @property
    def pid(self) -> int | None:
        return self.driver.snapshot.pid

    @property
    def is_healthy(self) -> bool | None:
        """The result of the last health check; None before the first, and without one."""
        return self.driver.snapshot.healthy

    @property
    def process(self) -> Child | None:
        """The running child, with the methods of `asyncio.subprocess.Process`; None when there is none."""
        return self.driver.child

    @property
    def output(self) -> ProgramOutput | None:
        return self.driver.output

    @property
    def foreground(self) -> list[str] | None:
        """The words of the foreground command, which has our streams and terminal; None for a program."""
        return self.driver.foreground

    @foreground.setter
    def foreground(self, argv: list[str]) -> None:
        self.driver.foreground = argv

    @property
    def obstacle(self) -> str:
        """What a start waits for before its spawn, in words; "" when it waits for nothing."""
        obstacle = self.driver.obstacle
        return f"{obstacle.words} does not answer yet" if obstacle is not None else ""

    @property
    def policy(self) -> Policy:
        """What the configuration says about its life."""
        return self.driver.policy

    @property
    def timer_left(self) -> float:
        """The seconds until its state changes by itself; 0 when it waits for no time."""
        return self.driver.timer_left()

    # -- its runs ----------------------------------------------------------------------------------------

    @property
    def started_at(self) -> float | None:
        """When it was last spawned, in seconds since the epoch; None if it has never run."""
        return self.driver.started_at

    @property
    def uptime(self) -> float | None:
        """Seconds since the spawn, by the monotonic clock; None when there is no child."""
        child = self.driver.child
        return None if child is None else self.driver.runtime().loop.time() - child.spawned_at

    @property
    def restarts(self) -> int:
        """The number of automatic restarts; requested starts and restarts do not count."""
        return self.driver.restarts

    @property
    def oom_kills(self) -> int:
        """How often its main process was killed for want of memory."""
        return self.driver.oom_kills

    @property
    def exits(self) -> tuple[Exit, ...]:
        """The last exits, the newest last."""
        return self.driver.exits

    @property
    def expected(self) -> bool:
        """Whether the last exit was one of `exitcodes`."""
        return self.driver.expected

    @property
    def status_text(self) -> str:
        """What the program says of itself (STATUS= of sd_notify)."""
        return self.driver.status_text

    @property
    def health_message(self) -> str:
        """The message of the last health check."""
        return self.driver.health_message

    @property
    def health_time(self) -> float | None:
        """When the last health check answered, in seconds since the epoch."""
        return self.driver.health_time

    @property
    def ready_message(self) -> str:
        """The message of the last readiness check."""
        return self.driver.ready_message

    @property
    def ready_time(self) -> float | None:
        """When the last readiness check answered, in seconds since the epoch."""
        return self.driver.ready_time

    # -- watchers ----------------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Calls `watcher(process, change)` after each change of state; returns a function that ends it."""
        self._watchers = (*self._watchers, watcher)
        return lambda: self._unwatch(watcher)

    def watch_health(self, watcher: ConditionWatcher) -> Callable[[], None]:
        """Calls `watcher(process)` when health or readiness changes but not the state; as `watch`."""
        self._condition_watchers = (*self._condition_watchers, watcher)
        return lambda: self._unwatch(watcher)

    def _unwatch(self, watcher: object) -> None:
        self._watchers = tuple(w for w in self._watchers if w is not watcher)
        self._condition_watchers = tuple(w for w in self._condition_watchers if w is not watcher)

    def changed(self, change: Announce, *, said: bool = False) -> None:
        """Tells the log, unless `said`, and the watchers about a change of state; the driver calls it."""
        if not said:
            reporting.log_change(self.config.name, self.pid, change, self.timer_left)
        if self.driver.events is not None:
            reporting.publish_change(self.driver.events, self.config, self.pid, change)
        for watcher in self._watchers:
            watcher(self, change)

    def condition_changed(self) -> None:
        """Tells the watchers of health and readiness; the driver calls it."""
        for watcher in self._condition_watchers:
            watcher(self)

    # -- what its leader leaves behind -------------------------------------------------------------------

    def belongings(self) -> Belongings:
        """Returns the object that finds everything the program has started."""
        if self._left is None:
            from supervice.runner.left_behind import LeftBehind

            self._left = LeftBehind(self.driver.runtime(), self.config)
        return self._left.belongings

    def judge(self, child: Child, left: list[Stat]) -> int:
        """Decides what becomes of the processes that the leader has left; the driver asks."""
        assert self._left is not None  # which found them
        if self.beside is not None and self.beside.driver is not None:
            return self.beside.judge(child, left)
        driver = self.driver
        return self._left.judge(driver.config, driver.snapshot, driver.policy, child, left)

    def before_stop(self, child: Child) -> None:
        """Notes what the child started, while parents still tell; the driver is about to signal it."""
        stop = self.snapshot.stop
        if self.config.user is not None and self.config.killasgroup and stop is not None and not stop.bounded:
            self.belongings().find(leader=child.pid)

    @property
    def has_left_any(self) -> bool:
        """Whether earlier runs still live, or have left processes that may live."""
        if self.beside is not None and self.beside.driver is not None:
            return True
        if self.unseen:
            self.unseen = False
            self.belongings().find()
        return self._left is not None and self._left.belongings.any

    async def stop_what_it_left(self, *, force: bool = False) -> bool:
        """Stops what earlier runs have left; returns whether all of it is gone. The process is at rest."""
        if self.beside is not None:
            await self.beside.end(force)
        if not self.has_left_any or self._left is None:
            return True
        return await self._left.stopped_all(self.stop_time(), force=force)

    # -- requests, which return at once ------------------------------------------------------------------

    def request_start(self, trigger: str = APPLICATION) -> None:
        """Begins a start; `trigger` says what caused it, as in `Snapshot.trigger`."""
        self.driver.feed(StartRequested(trigger))

    def request_stop(
        self, *, force: bool = False, within: float | None = None, trigger: str = APPLICATION
    ) -> None:
        """Begins a stop.

        `within`: seconds for the whole of it; the waits of the ladder are shortened to fit.
        """
        request = StopRequested(force, within, trigger)
        if self.beside is not None:
            self.beside.stop(request)
        self.driver.stop(request)

    def request_restart(self, *, force: bool = False, trigger: str = APPLICATION) -> Attempt | None:
        """Begins a restart; returns its progress when the new process starts beside the present one."""
        if not force and self.overlaps:
            from supervice.runner.overlap import overlap_of

            return overlap_of(self).ask(trigger)
        if self.beside is not None:
            self.beside.stop(StopRequested(force, None, trigger))
        self.driver.feed(RestartRequested(force, trigger))
        return None

    @property
    def overlaps(self) -> bool:
        """Whether a restart would start the new process beside the present one."""
        return self.config.overlap and self.state in UP

    def may_end(self, child: Child) -> bool:
        """Returns whether the end of the child counts now; the driver asks."""
        return self.beside is None or self.beside.may_end(child)

    def request_end(self, reason: str) -> None:
        """Stops a run of a schedule, which has failed for that reason."""
        self.driver.feed(RunExpired(reason))

    def signal(self, signum: int, *, group: bool = True, trigger: str = APPLICATION) -> bool:
        """Sends a signal to the process, or to its group; returns False when there is no child."""
        return self.driver.signal(signum, group, trigger)

    def use(self, launcher: Launcher) -> None:
        """Starts the process with `launcher` from now on."""
        self.driver.launcher = launcher

    def reconfigure(self, config: ProgramConfig) -> None:
        """Takes over settings that may change while the process runs."""
        self.driver.reconfigure(config)
        if self.beside is not None:
            self.beside.reconfigure(config)

    def open_output(self) -> ProgramOutput | None:
        """Returns the output, also of a process that has never run; None for the foreground command."""
        return self.driver.open_output()

    def close(self) -> None:
        """Closes the log files; the process must be at rest."""
        self.driver.close()

    def start_time(self) -> float:
        """Returns the seconds that a start may take by its configuration."""
        return self.driver.start_time()

    def stop_time(self) -> float:
        """Returns the seconds from the first stop signal to SIGKILL."""
        return self.driver.stop_time()

    # -- the Python API ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begins supervision: starts the program if it has `autostart`. Returns at once."""
        self.driver.runtime()
        if self.config.autostart:
            self.request_start()

    async def stop(self) -> None:
        """Stops the program, waits until it is gone, and ends supervision."""
        await self.stop_process()
        self.close()

    async def start_process(self) -> None:
        """Starts the program; returns when it is RUNNING or has failed, at the latest after START_WAIT."""
        unsettled = Until([self], UP | RESTING)
        self.request_start()
        await unsettled.wait(START_WAIT + self.start_time())

    async def stop_process(self) -> None:
        """Stops the program with its stop signal and SIGKILL after it; returns when it is gone."""
        unsettled = Until([self], RESTING)
        self.request_stop()
        await unsettled.wait(self.stop_time() + AFTER_KILL)
        await self.stop_what_it_left()

    async def wait_for(self, *states: str, timeout: float | None = None) -> str:
        """Waits until the process is in one of `states`, or has been since the call; returns which.

        `timeout`: seconds; TimeoutError after them. NotReached when it has failed or ended for good instead,
        and nothing will start it again by itself. ValueError for a word that is no state.
        """
        from supervice.runner.wait_for import reach

        return await reach(self, states, timeout)

    async def force_kill(self) -> None:
        """Sends SIGKILL at once and waits until the program is gone; it stays stopped."""
        unsettled = Until([self], RESTING)
        self.request_stop(force=True)
        await unsettled.wait(AFTER_KILL)

    async def kill(self) -> None:
        """Sends the stop signal, SIGKILL after `stopwaitsecs`, and waits; the program stays stopped."""
        await self.stop_process()
