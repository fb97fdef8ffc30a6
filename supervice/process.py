"""One process and its clerk: feeds what happened into the law, commits the answer, performs the effects.

`Process` is the only writer of its state. Inputs that come up while effects are performed are queued, never
nested. It knows nothing of other processes, of the supervisor or of the doors.
"""

from __future__ import annotations

import time

from supervice import logger
from supervice.child import Child
from supervice.chronicle import KEPT_EXITS, KEPT_OUTPUT, Exit, log_change
from supervice.events import Event, EventBus, EventType
from supervice.health import HealthMonitor, create_health_checker
from supervice.launch import Launcher
from supervice.lean import replace
from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RESTING,
    RUNNING,
    STARTING,
    STATES,
    STOPPED,
    STOPPING,
    UNHEALTHY,
    UP,
    Announce,
    BecameReady,
    ChildExited,
    ClearTimer,
    HealthChecked,
    RestartRequested,
    SetTimer,
    SignalGroup,
    Snapshot,
    Spawn,
    Spawned,
    SpawnFailed,
    StartHealthChecks,
    StartRequested,
    StopHealthChecks,
    StopRequested,
    TimerElapsed,
)
from supervice.lifecycle.transition import transition
from supervice.models import HealthCheckType
from supervice.output.router import OutputRouter
from supervice.pid1.runtime import guest_runtime
from supervice.pid1.signals import name as signal_name
from supervice.pid1.spawn import SpawnError
from supervice.policy import policy_of
from supervice.waiting import Until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.lifecycle.states import Input
    from supervice.loop import Cancellable
    from supervice.models import ProgramConfig
    from supervice.output.program import ProgramOutput
    from supervice.pid1.runtime import Runtime
    from supervice.pid1.spawn import Order

    Watcher = Callable[["Process", Announce], object]

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
KILL = 9

_EVENTS = {state: EventType[f"PROCESS_STATE_{state}"] for state in STATES}


class Process:
    """A program being run. Works under a `Supervisor`, and alone in anybody's event loop."""

    __slots__ = (
        "_busy",
        "_child",
        "_config",
        "_events",
        "_health",
        "_inputs",
        "_launcher",
        "_output",
        "_policy",
        "_snapshot",
        "_timer",
        "_watchers",
        "exits",
        "expected",
        "foreground",
        "health_message",
        "on_health",
        "restarts",
        "started_at",
        "state_since",
    )

    def __init__(
        self,
        config: ProgramConfig,
        event_bus: EventBus | None = None,
        *,
        launcher: Launcher | None = None,
    ) -> None:
        self._config = config
        self._events = event_bus
        self._launcher = launcher
        self._policy = policy_of(config)
        self._snapshot = Snapshot()
        self._inputs: list[Input] = []
        self._busy = False
        self._timer: Cancellable | None = None
        self._child: Child | None = None
        self._output: ProgramOutput | None = None
        self._health: HealthMonitor | None = None
        self._watchers: tuple[Watcher, ...] = ()
        self.started_at: float | None = None  # seconds since the epoch, of the spawn
        self.state_since = time.time()
        self.exits: tuple[Exit, ...] = ()  # the last ones, the newest last
        self.foreground: list[str] | None = None  # the words of CMD, which has our streams and terminal
        self.expected = True  # whether the last exit was one of exitcodes
        self.health_message = ""
        self.on_health: Callable[[Process], object] | None = None  # told when `is_healthy` has changed
        self.restarts = 0  # spawns after the first

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

    def open_output(self) -> ProgramOutput | None:
        """The output, also of a process that has not been started yet; None for CMD, whose output is ours."""
        launcher = self._launcher
        outputs = launcher.outputs if launcher is not None and self.foreground is None else None
        if self._output is None and outputs is not None:
            self._output = outputs.open(self._config)
        return self._output

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Has `watcher(process, announcement)` called after each change of state; returns what ends that."""
        self._watchers = (*self._watchers, watcher)

        def unwatch() -> None:
            self._watchers = tuple(w for w in self._watchers if w is not watcher)

        return unwatch

    # -- what is asked of it; these return at once -------------------------------------------------------

    def request_start(self) -> None:
        self._feed(StartRequested())

    def request_stop(self, *, force: bool = False, within: float | None = None) -> None:
        """`within`: seconds that the whole stop may take, the ladder's waits are shortened to fit."""
        self._feed(StopRequested(force, within))

    def request_restart(self, *, force: bool = False) -> None:
        self._feed(RestartRequested(force))

    def became_ready(self, pid: int) -> None:
        self._feed(BecameReady(pid))

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
        """Starts it; returns when it is RUNNING or has failed, or after 5 seconds (and `startsecs`)."""
        unsettled = Until([self], UP | RESTING)
        self.request_start()
        await unsettled.wait(START_WAIT + self._policy.startsecs)

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

    def stop_time(self) -> float:
        """Seconds that a stop takes at most, up to its SIGKILL."""
        return sum(wait for _, wait in self._policy.stop_ladder)

    # -- the clerk ---------------------------------------------------------------------------------------

    def _runtime(self) -> Runtime:
        if self._launcher is None:
            runtime = guest_runtime()
            self._launcher = Launcher(runtime, OutputRouter(runtime.loop, log=logger.log))
        return self._launcher.runtime

    def _feed(self, event: Input) -> None:
        self._inputs.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inputs:
                self._snapshot, effects = transition(self._snapshot, self._inputs.pop(0), self._policy)
                for effect in effects:
                    _PERFORM[type(effect)](self, effect)
        finally:
            self._busy = False

    def _spawn(self, _effect: Spawn) -> None:
        runtime = self._runtime()
        assert self._launcher is not None
        self.open_output()
        try:
            pid = self._spawn_with_output(self._launcher)
        except SpawnError as error:
            self._feed(SpawnFailed(str(error), error.permanent, error.code))
            return
        except OSError as error:  # no descriptors left, a log file that cannot be opened
            self._feed(SpawnFailed(f"{error.filename or 'spawn'}: {error.strerror or error}"))
            return
        if self.started_at is not None:
            self.restarts += 1
        self.started_at = time.time()
        self._child = Child(
            runtime,
            pid,
            self._child_gone,
            clear_group=self._config.killasgroup,
            grace=self.stop_time(),
        )
        if self._output is not None:
            self._output.started(pid)
        self._feed(Spawned(pid))

    def _spawn_with_output(self, launcher: Launcher) -> int:
        if self.foreground is not None:
            return launcher.spawn_foreground(self._config, self.foreground)
        if self._output is None:
            return launcher.spawn(self._config, 1, 2)
        stdout, stderr = self._output.prepare()
        try:
            return launcher.spawn(self._config, stdout, stderr)
        except BaseException:
            self._output.abandon()
            raise

    def _child_gone(self, child: Child) -> None:
        self._child = None
        if self._output is not None:
            self._output.exited()
        if self.foreground is not None and self._launcher is not None:
            self._launcher.take_terminal_back()
        assert child.returncode is not None
        ran_for = self._runtime().loop.time() - child.spawned_at
        said = self._output.end(KEPT_OUTPUT) if self._output is not None else b""
        one = Exit(time.time(), child.pid, child.returncode, ran_for, said)
        self.exits = (*self.exits, one)[-KEPT_EXITS:]
        self._feed(ChildExited(child.pid, child.returncode, ran_for))

    def _signal(self, effect: SignalGroup) -> None:
        if self._child is not None:
            config = self._config
            group = config.killasgroup if effect.signum == KILL else config.stopasgroup
            self._child.signal(effect.signum, group=group, stop=True)
            logger.debug(f"{config.name}: {signal_name(effect.signum)} sent to pid {self._child.pid}")

    def _set_timer(self, effect: SetTimer) -> None:
        self._clear_timer()
        seconds = effect.seconds
        if effect.jitter:
            # Random enough to spread a hundred programs that crashed together; `random` would cost 1 ms.
            seconds *= 1 + effect.jitter * (time.monotonic_ns() // 1000 % 2001 / 1000 - 1)
        self._timer = self._runtime().loop.call_later(seconds, self._timer_elapsed)

    def _timer_elapsed(self) -> None:
        self._timer = None
        self._feed(TimerElapsed())

    def _clear_timer(self, _effect: ClearTimer | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_health(self, effect: StartHealthChecks) -> None:
        pid = effect.pid
        launcher = self._launcher
        if self._config.healthcheck.type is HealthCheckType.NONE or launcher is None:
            return
        config = self._config

        def prepare(argv: list[str], null: int, output: int) -> Order:
            return launcher.order(config, argv, null, output, output)

        checker = create_health_checker(config.healthcheck, launcher.runtime, prepare)
        if checker is not None:
            self._health = HealthMonitor(
                launcher.runtime.loop,
                checker,
                config.healthcheck,
                lambda healthy, message, counts: self._health_checked(pid, healthy, message, counts),
            )

    def _stop_health(self, _effect: StopHealthChecks) -> None:
        if self._health is not None:
            self._health.stop()
            self._health = None

    def _health_checked(self, pid: int, healthy: bool, message: str, counts: bool) -> None:
        self.health_message = message
        before = self._snapshot.healthy
        if not healthy:
            late = "" if counts else " (in its start period)"
            logger.warning(f"{self._config.name}: unhealthy{late}: {message}")
        elif before is False:
            logger.info(f"{self._config.name}: healthy again")
        if self._events is not None and self._events.has_subscribers:
            kind = EventType.HEALTHCHECK_PASSED if healthy else EventType.HEALTHCHECK_FAILED
            self._events.publish(Event(kind, {**self._payload(), "message": message}))
        self._feed(HealthChecked(pid, healthy, message, counts))
        if self.on_health is not None and self._snapshot.healthy is not before:
            self.on_health(self)

    def _announce(self, effect: Announce) -> None:
        self.state_since = time.time()
        if effect.to_state == EXITED:
            self.expected = effect.expected
        log_change(self._config.name, self._snapshot.pid, effect)
        if self._events is not None and self._events.has_subscribers:
            payload = self._payload()
            payload.update(
                from_state=effect.from_state,
                to_state=effect.to_state,
                reason=effect.reason,
                expected=effect.expected,
            )
            self._events.publish(Event(_EVENTS[effect.to_state], payload))
        for watcher in self._watchers:
            watcher(self, effect)

    def _payload(self) -> dict[str, Any]:
        config = self._config
        group = config.group or config.program or config.name
        return {"processname": config.name, "groupname": group, "pid": self._snapshot.pid}


_PERFORM: dict[type, Callable[[Process, Any], None]] = {
    Spawn: Process._spawn,
    SignalGroup: Process._signal,
    SetTimer: Process._set_timer,
    ClearTimer: Process._clear_timer,
    StartHealthChecks: Process._start_health,
    StopHealthChecks: Process._stop_health,
    Announce: Process._announce,
}
