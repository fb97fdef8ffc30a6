"""The clerk of one process: feeds what happened into the law, commits the answer, performs the effects.

Nobody else writes the process's state. Inputs that come up while effects are performed are queued, never
nested. What is asked and shown from outside is `process.Process`, which is built on this.
"""

from __future__ import annotations

import time

from supervice import logger
from supervice.lifecycle.states import (
    EXITED,
    KILL,
    UNHEALTHY,
    Announce,
    ChildExited,
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
from supervice.runner.launcher import Launcher
from supervice.runner.monitors import companions
from supervice.runner.policy import policy_of
from supervice.runner.reporting import (
    KEPT_EXITS,
    KEPT_OUTPUT,
    Exit,
    log_change,
    log_health,
    log_readiness,
    publish_change,
    publish_health,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.events import EventBus
    from supervice.lean.loop import Cancellable
    from supervice.lifecycle.states import Input
    from supervice.models import ProgramConfig
    from supervice.output.process_output import ProgramOutput
    from supervice.pid1.runtime import Runtime
    from supervice.runner.monitors import Companions

    # a `Process`; nobody makes a bare clerk
    Watcher = Callable[[Any, Announce], object]


class Clerk:
    """The half of a `Process` that acts."""

    __slots__ = (
        "_busy",
        "_child",
        "_companions",
        "_config",
        "_events",
        "_health_watchers",
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
        "health_time",
        "ready_message",
        "ready_time",
        "restarts",
        "started_at",
        "status_text",
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
        self._companions: Companions | None = None
        self._watchers: tuple[Watcher, ...] = ()
        self._health_watchers: tuple[Callable[[Any], object], ...] = ()
        self.started_at: float | None = None  # seconds since the epoch, of the spawn
        self.exits: tuple[Exit, ...] = ()  # the last ones, the newest last
        self.foreground: list[str] | None = None  # the words of CMD, which has our streams and terminal
        self.expected = True  # whether the last exit was one of exitcodes
        self.health_message = ""  # of the last check, and when it was (seconds since the epoch)
        self.health_time: float | None = None
        self.ready_message = ""  # of the last readiness check
        self.ready_time: float | None = None
        self.status_text = ""  # what the program says of itself (STATUS)
        self.restarts: int = 0  # spawns after the first

    def open_output(self) -> ProgramOutput | None:
        """The output, also of a process that has not been started yet; None for CMD, whose output is ours."""
        launcher = self._launcher
        outputs = launcher.outputs if launcher is not None and self.foreground is None else None
        if self._output is None and outputs is not None:
            self._output = outputs.open(self._config)
        return self._output

    def start_time(self) -> float:
        """Seconds that a start may take, as it is configured."""
        policy = self._policy
        return max(policy.startsecs, policy.ready_timeout or 0.0)

    def stop_time(self) -> float:
        """Seconds that a stop takes at most, up to its SIGKILL."""
        return sum(wait for _, wait in self._policy.stop_ladder)

    def _runtime(self) -> Runtime:
        if self._launcher is None:
            runtime = guest_runtime()
            outputs = OutputRouter(runtime.loop, log=logger.log)
            self._launcher = Launcher(runtime, outputs, is_closed=False)
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
        self.health_message = self.ready_message = self.status_text = ""
        self.health_time = self.ready_time = None
        company = self._companions = companions(self, self._config, self._launcher)
        at = runtime.loop.time()
        try:
            pid = self._spawn_with_output(self._launcher)
        except (SpawnError, OSError, MemoryError) as error:
            from supervice.pid1.spawn_errors import is_shortage

            lacks = is_shortage(error)
            if isinstance(error, SpawnError):
                failed = SpawnFailed(str(error), error.permanent, error.code, at, lacks)
            else:  # no descriptors left, a log file that cannot be opened
                where = getattr(error, "filename", None) or "spawn"
                words = getattr(error, "strerror", None) or error or "out of memory"
                failed = SpawnFailed(f"{where}: {words}", at=at, shortage=lacks)
            self._spawn_failed(failed)
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
            last_words=None if company is None else company.drain,
            moved=self._child_moved,
        )
        if self._output is not None:
            self._output.started(pid)
        if company is not None:
            company.spawned(pid)
        self._feed(Spawned(pid))

    def _spawn_failed(self, event: SpawnFailed) -> None:
        self._end_companions()
        self._feed(event)

    def _end_companions(self) -> None:
        if self._companions is not None:
            self._companions.end()
            self._companions = None

    def _spawn_with_output(self, launcher: Launcher) -> int:
        if self.foreground is not None:
            return launcher.spawn_foreground(self._config, self.foreground)
        env, fds = ({}, ()) if self._companions is None else self._companions.prepare(self._output)
        if self._output is None:
            return launcher.spawn(self._config, 1, 2, env, fds)
        stdout, stderr = self._output.prepare()
        try:
            return launcher.spawn(self._config, stdout, stderr, env, fds)
        except BaseException:
            self._output.abandon()
            raise

    def _child_moved(self, child: Child, old: int) -> None:
        logger.info(f"{self._config.name}: pid {old} has ended, its MAINPID {child.pid} goes on")
        if self._companions is not None:
            self._companions.moved(child.pid)
        self._feed(LeaderChanged(old, child.pid))

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
        event = ChildExited(child.pid, child.returncode, ran_for, self._runtime().loop.time())
        company = self._companions
        self._feed(event)
        if company is not None:
            company.end()
            if self._companions is company:
                self._companions = None

    def _signal(self, effect: SignalGroup) -> None:
        if self._child is not None:
            config = self._config
            group = config.killasgroup if effect.signum == KILL else config.stopasgroup
            self._child.signal(effect.signum, group=group, stop=True)
            logger.debug(f"{config.name}: {signal_name(effect.signum)} sent to pid {self._child.pid}")

    def _set_timer(self, effect: SetTimer) -> None:
        if effect.at_least and self._timer is not None:
            due: Any = self._timer.when  # type: ignore[attr-defined]
            if (due() if callable(due) else due) >= self._runtime().loop.time() + effect.seconds:
                return
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
        if self._companions is not None:
            self._companions.start_health(effect.pid)

    def _stop_health(self, _effect: StopHealthChecks) -> None:
        if self._companions is not None:
            self._companions.stop_health()

    def _start_readiness(self, effect: StartReadiness) -> None:
        if self._companions is not None:
            self._companions.start_readiness(effect.pid)

    def _stop_readiness(self, _effect: StopReadiness) -> None:
        if self._companions is not None:
            self._companions.stop_readiness()

    def _run_pre_stop(self, _effect: RunPreStop) -> None:
        if self._companions is None:  # configured since the start
            self._runtime().loop.call_soon(self.tell, PreStopDone(0.0))
        else:
            self._companions.run_pre_stop()

    def _end_pre_stop(self, _effect: EndPreStop) -> None:
        if self._companions is not None:
            self._companions.end_pre_stop()

    # -- what its companions have seen -------------------------------------------------------------------

    def tell(self, event: Input) -> None:
        """Feeds what a companion has seen, unless the child has ended meanwhile."""
        if self._child is None or self._child.returncode is not None:
            return
        before = self._snapshot
        self._feed(event)
        after = self._snapshot
        # Health and readiness can change while the state does not.
        if after.healthy is not before.healthy or after.ready is not before.ready:
            for watcher in self._health_watchers:
                watcher(self)

    def readiness_checked(self, pid: int, ready: bool, message: str, counts: bool) -> None:
        self.ready_message = message
        self.ready_time = time.time()
        before = self._snapshot.ready
        self.tell(ReadinessChecked(pid, ready, counts))
        log_readiness(self._config.name, before, self._snapshot.ready, message)

    def name_successor(self, pid: int) -> None:
        """MAINPID: which process the run is, should the one that we started end."""
        if self._child is not None:
            self._child.successor = 0 if pid == self._child.pid else pid

    def pinged(self, pid: int, message: str, *, only_if_sick: bool) -> None:
        if self._snapshot.state == UNHEALTHY or not only_if_sick:
            self.health_checked(pid, True, message, True)

    def health_checked(
        self, pid: int, healthy: bool, message: str, counts: bool, *, at_once: bool = False
    ) -> None:
        """A check of the child `pid` says so; `counts`: not in the start period."""
        self.health_message = message
        self.health_time = time.time()
        before = self._snapshot.healthy
        log_health(self._config.name, before, healthy, message, counts)
        if self._events is not None:
            publish_health(self._events, self._config, self._snapshot.pid, healthy, message)
        self.tell(HealthChecked(pid, healthy, message, counts, at_once))

    def _announce(self, effect: Announce) -> None:
        if effect.to_state == EXITED:
            self.expected = effect.expected
        log_change(self._config.name, self._snapshot.pid, effect)
        if self._events is not None:
            publish_change(self._events, self._config, self._snapshot.pid, effect)
        for watcher in self._watchers:
            watcher(self, effect)


_PERFORM: dict[type, Callable[[Clerk, Any], None]] = {
    Spawn: Clerk._spawn,
    SignalGroup: Clerk._signal,
    SetTimer: Clerk._set_timer,
    ClearTimer: Clerk._clear_timer,
    StartHealthChecks: Clerk._start_health,
    StopHealthChecks: Clerk._stop_health,
    StartReadiness: Clerk._start_readiness,
    StopReadiness: Clerk._stop_readiness,
    RunPreStop: Clerk._run_pre_stop,
    EndPreStop: Clerk._end_pre_stop,
    Announce: Clerk._announce,
}
