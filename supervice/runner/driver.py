"""The driver of one process: feeds inputs to the state machine, commits the answer, performs the effects.

Only the driver writes the state of a process. Inputs that come up while it performs effects are queued, never
nested. Each `process.Process` has one driver.
"""

from __future__ import annotations

import time

from supervice import logger
from supervice.lean.builtin import signal
from supervice.lean.dataclasses import replace
from supervice.lifecycle.states import (
    CHECK,
    EXITED,
    UNHEALTHY,
    Announce,
    ClearTimer,
    EndPreStop,
    HealthChecked,
    LeaderChanged,
    PreStopDone,
    ReadinessChecked,
    RunPreStop,
    SetTimer,
    SignalGroup,
    Snapshot,
    Spawn,
    Spawned,
    SpawnFailed,
    StartHealthChecks,
    StartReadiness,
    StopHealthChecks,
    StopReadiness,
    TimerElapsed,
)
from supervice.lifecycle.transition import transition
from supervice.output.router import OutputRouter
from supervice.pid1.child import Child
from supervice.pid1.runtime import guest_runtime
from supervice.pid1.signals import name as signal_name
from supervice.pid1.spawn import SpawnError
from supervice.runner import reporting
from supervice.runner.launcher import Launcher
from supervice.runner.policy import monitors_for, policy_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from supervice.events import EventBus
    from supervice.lean.loop import Cancellable
    from supervice.lifecycle.states import Effect, Input, StopRequested
    from supervice.models import ProgramConfig
    from supervice.output.process_output import ProgramOutput
    from supervice.pid1.child import Owner as Judge
    from supervice.pid1.runtime import Runtime
    from supervice.runner.monitors import Monitors
    from supervice.runner.obstacle import Obstacle
    from supervice.runner.reporting import Exit

    class Owner(Judge, Protocol):
        """What the driver reports changes to: its `Process`."""

        def changed(self, change: Announce) -> None: ...
        def condition_changed(self) -> None: ...
        def before_stop(self, child: Child) -> None: ...
        def may_end(self, child: Child) -> bool: ...


class Driver:
    """Runs one process for its `owner`."""

    # fmt: off
    __slots__ = (
        "_automatic", "_busy", "_inputs", "_monitors", "_timer", "child", "config", "events", "exits",
        "expected", "foreground", "health_message", "health_time", "launcher", "obstacle", "oom_kills",
        "output", "owner", "policy", "ready_message", "ready_time", "restarts", "signalled", "snapshot",
        "started_at", "status_text",
    )
    # fmt: on

    def __init__(
        self, owner: Owner, config: ProgramConfig, event_bus: EventBus | None, launcher: Launcher | None
    ) -> None:
        self.owner = owner
        self.config = config
        self.events = event_bus
        self.launcher = launcher
        self.policy = policy_of(config)
        self.snapshot = Snapshot()
        self._inputs: list[Input] = []
        self._busy = False
        self._timer: Cancellable | None = None
        self.child: Child | None = None
        self.output: ProgramOutput | None = None
        self._monitors: Monitors | None = None
        self.started_at: float | None = None  # of the last spawn, in seconds since the epoch
        self.exits: tuple[Exit, ...] = ()  # the newest last
        self.foreground: list[str] | None = None  # the words of the foreground command
        self.obstacle: Obstacle | None = None  # what a start waits for before its spawn
        self.expected = True  # whether the last exit was one of exitcodes
        self.status_text = self.health_message = self.ready_message = ""  # of the program, of the last checks
        self.health_time: float | None = None
        self.ready_time: float | None = None
        self.restarts: int = 0  # automatic ones
        self.oom_kills = 0
        self._automatic = False  # whether the start under way is such a one
        self.signalled: tuple[int, str] | None = None  # the last signal that was asked for, and by what

    def open_output(self) -> ProgramOutput | None:
        """Returns the output, also of a process that has never run; None for the foreground command."""
        launcher = self.launcher
        outputs = launcher.outputs if launcher is not None and self.foreground is None else None
        if self.output is None and outputs is not None:
            self.output = outputs.open(self.config)
        return self.output

    def start_time(self) -> float:
        """Returns the seconds that a start may take by its configuration."""
        policy = self.policy
        return max(policy.startsecs, policy.ready_timeout or 0.0)

    def stop_time(self) -> float:
        """Returns the seconds from the first stop signal to SIGKILL."""
        return sum(wait for _, wait in self.policy.stop_ladder)

    def reconfigure(self, config: ProgramConfig) -> None:
        """Takes over settings that may change while the process runs."""
        self.config = config
        self.policy = policy_of(config)
        if self.output is not None:
            self.output.reconfigure(config)

    def signal(self, signum: int, group: bool, trigger: str) -> bool:
        """Returns False when there is no child."""
        if self.child is None or not self.child.signal(signum, group=group):
            return False
        self.signalled = (signum, trigger)
        return True

    def stop_with(self, signum: int) -> None:
        """Makes `signum` the first signal of the next stop."""
        (_, wait), *rest = self.policy.stop_ladder
        self.policy = replace(self.policy, stop_ladder=((signum, wait), *rest))

    def close(self) -> None:
        """Closes the log files; the process must be at rest."""
        if self.output is not None:
            self.output.close()
            self.output = None

    def runtime(self) -> Runtime:
        """Returns loop, reaper and spawner; without a launcher, those of the application's running loop."""
        if self.launcher is None:
            runtime = guest_runtime()
            outputs = OutputRouter(runtime.loop, log=logger.log)
            self.launcher = Launcher(runtime, outputs, is_closed=False)
        return self.launcher.runtime

    def feed(self, event: Input) -> None:
        """Handles an input: commits the next snapshot, then performs the effects; queues it when nested."""
        self._inputs.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inputs:
                self.snapshot, effects = transition(self.snapshot, self._inputs.pop(0), self.policy)
                for effect in effects:
                    _PERFORM[type(effect)](self, effect)
        finally:
            self._busy = False
            if self._inputs:  # an effect has raised; what came during it is answered all the same
                self.runtime().loop.call_soon(self.feed, self._inputs.pop())

    def stop(self, request: StopRequested) -> None:
        """Feeds the request, and cancels a start that still waits to spawn."""
        self.feed(request)
        if self.obstacle is not None and not self.snapshot.should_run:
            self.obstacle.cancel("stopped while the start waited")

    def _spawn(self, effect: Spawn) -> None:
        self.runtime()
        self._automatic = effect.automatic
        assert self.launcher is not None
        self.obstacle = self.launcher.obstacle(self.config, self._spawn_now)
        if self.obstacle is None:
            self._spawn_now()

    def _spawn_now(self, problem: str = "") -> None:
        launcher, self.obstacle = self.launcher, None
        assert launcher is not None
        at = launcher.runtime.loop.time()
        if problem:
            return self.feed(SpawnFailed(problem, at=at))
        self.open_output()
        self.health_message = self.ready_message = self.status_text = ""
        self.health_time = self.ready_time = None
        monitors = self._monitors = monitors_for(self, self.config, launcher)
        try:
            pid = self._spawn_with_output(launcher)
        except (SpawnError, OSError, MemoryError) as error:
            from supervice.pid1.spawn_errors import failure

            if self._monitors is not None:
                self._monitors.end()
                self._monitors = None
            return self.feed(SpawnFailed(*failure(error, at)))
        if self._automatic and self.started_at is not None:
            self.restarts += 1
        self.started_at = time.time()
        self.signalled = None
        self.child = Child(
            launcher.runtime,
            pid,
            self.child_gone,
            owner=self.owner if self.config.killasgroup else None,
            grace=self.stop_time(),
            last_words=None if monitors is None else monitors.drain,
            moved=self._child_moved,
        )
        if self.output is not None:
            self.output.started(pid)
        if monitors is not None:
            monitors.spawned(pid)
        self.feed(Spawned(pid))

    def _spawn_with_output(self, launcher: Launcher) -> int:
        if self.foreground is not None:
            return launcher.spawn_foreground(self.config, self.foreground)
        env, fds = ({}, ()) if self._monitors is None else self._monitors.prepare(self.output)
        if self.output is None:
            return launcher.spawn(self.config, 1, 2, env, fds)
        stdout, stderr = self.output.prepare()
        try:
            return launcher.spawn(self.config, stdout, stderr, env, fds)
        except BaseException:
            self.output.abandon()
            raise

    def _child_moved(self, child: Child, old: int) -> None:
        logger.info(f"{self.config.name}: pid {old} exited; its successor goes on, pid {child.pid} (MAINPID)")
        if self._monitors is not None:
            self._monitors.moved(child.pid)
        self.feed(LeaderChanged(old, child.pid))

    def child_gone(self, child: Child) -> None:
        """Handles the end of the child; the owner may delay it, and calls this again then."""
        if not self.owner.may_end(child):
            return
        self.child = None
        if self.output is not None:
            self.output.exited()
        if self.launcher is not None:
            self.launcher.ended(self.config, self.foreground is not None)
        event = reporting.exit_of(child, self.runtime().loop.time())
        self.oom_kills += bool(event.blame)
        trigger = reporting.trigger_of(self.snapshot.stop, self.signalled, event.status)
        self.exits = reporting.with_exit(self.exits, event, self.output, trigger)
        monitors = self._monitors
        self.feed(event)
        if monitors is not None:
            monitors.end()
            if self._monitors is monitors:
                self._monitors = None

    def _signal(self, effect: SignalGroup) -> None:
        if (child := self.child) is not None:
            config = self.config
            group = config.killasgroup if effect.signum == signal.SIGKILL else config.stopasgroup
            self.owner.before_stop(child)
            child.signal(effect.signum, group=group, stop=True)  # may be its end
            logger.debug(f"{config.name}: sent {signal_name(effect.signum)} to pid {child.pid}")

    def _set_timer(self, effect: SetTimer) -> None:
        if effect.at_least and self.timer_left() >= effect.seconds:
            return
        self._clear_timer()
        seconds = effect.seconds
        if effect.jitter:
            # Random enough to spread a hundred programs that crash together; importing `random` would take 1
            # ms.
            seconds *= 1 + effect.jitter * (time.monotonic_ns() // 1000 % 2001 / 1000 - 1)
        self._timer = self.runtime().loop.call_later(seconds, self._timer_elapsed)

    def timer_left(self) -> float:
        """Returns the seconds until the timer elapses; 0 when none is set."""
        if self._timer is None:
            return 0.0
        when: Any = self._timer.when  # type: ignore[attr-defined]  # asyncio's is a method
        return float(when() if callable(when) else when) - self.runtime().loop.time()

    def _timer_elapsed(self) -> None:
        self._timer = None
        self.feed(TimerElapsed())

    def _clear_timer(self, _effect: ClearTimer | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _monitor(self, effect: Effect) -> None:
        if self._monitors is not None:
            self._monitors.perform(effect)
        elif isinstance(effect, RunPreStop):  # a reload has brought `pre_stop` since the start
            self.runtime().loop.call_soon(self.tell, PreStopDone(0.0))

    # -- reports of the monitors -------------------------------------------------------------------------

    def tell(self, event: Input) -> None:
        """Feeds what a monitor has seen, unless the child has exited meanwhile."""
        if self.child is None or self.child.returncode is not None:
            return
        before = self.snapshot
        self.feed(event)
        after = self.snapshot
        # Health and readiness can change without a change of state.
        if after.healthy is not before.healthy or after.ready is not before.ready:
            self.owner.condition_changed()

    def readiness_checked(self, pid: int, ready: bool, message: str, counts: bool) -> None:
        self.ready_message = message
        self.ready_time = time.time()
        before = self.snapshot.ready
        self.tell(ReadinessChecked(pid, ready, counts))
        reporting.log_readiness(self.config.name, before, self.snapshot.ready, message)

    def name_successor(self, pid: int) -> None:
        """Notes the process that continues the run when the present child exits (MAINPID=)."""
        if self.child is not None:
            self.child.name_successor(pid)

    def pinged(self, pid: int, message: str, *, only_if_sick: bool) -> None:
        if self.snapshot.state == UNHEALTHY or not only_if_sick:
            self.health_checked(pid, True, message, True)

    def health_checked(
        self, pid: int, healthy: bool, message: str, counts: bool, *, at_once: bool = False, by: str = CHECK
    ) -> None:
        """Feeds the result of a health check of the child `pid`; `counts`: it is outside the start period."""
        self.health_message = message
        self.health_time = time.time()
        before = self.snapshot.healthy
        reporting.log_health(self.config.name, before, healthy, message, counts)
        if self.events is not None:
            reporting.publish_health(self.events, self.config, self.snapshot.pid, healthy, message)
        self.tell(HealthChecked(pid, healthy, message, counts, at_once, by))

    def _announce(self, effect: Announce) -> None:
        if effect.to_state == EXITED:
            self.expected = effect.expected
        self.owner.changed(effect)


_PERFORM: dict[type, Callable[[Driver, Any], None]] = {
    Spawn: Driver._spawn,
    SignalGroup: Driver._signal,
    SetTimer: Driver._set_timer,
    ClearTimer: Driver._clear_timer,
    StartHealthChecks: Driver._monitor,
    StopHealthChecks: Driver._monitor,
    StartReadiness: Driver._monitor,
    StopReadiness: Driver._monitor,
    RunPreStop: Driver._monitor,
    EndPreStop: Driver._monitor,
    Announce: Driver._announce,
}
