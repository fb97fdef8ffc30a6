"""Accompanies one run of a program: health and readiness checks, watchdog, notifications, `pre_stop`.

The driver makes a `Monitors` for each run of a program that needs any of these, and imports only those that
it needs. The monitors watch the run and report to the driver; they decide nothing.
"""

from __future__ import annotations

from supervice import logger
from supervice.lean.dataclasses import replace
from supervice.lifecycle.states import (
    BecameReady,
    EndPreStop,
    LostReady,
    PreStopDone,
    RunPreStop,
    StartHealthChecks,
    StartReadiness,
    StopHealthChecks,
    StopReadiness,
    TimeExtended,
)
from supervice.models import HealthCheckType
from supervice.runner.reporting import log_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from supervice.checks.readiness import Way
    from supervice.checks.script import ScriptRun
    from supervice.checks.watchdog import Watchdog
    from supervice.health import HealthMonitor
    from supervice.lean.loop import AnyFuture
    from supervice.lifecycle.states import Effect, Input
    from supervice.models import ProgramConfig
    from supervice.notify.protocol import Message
    from supervice.notify.server import NotifySocket
    from supervice.output.process_output import ProgramOutput
    from supervice.pid1.spawn import Order
    from supervice.runner.launcher import Launcher
    from supervice.runner.memory_limit import MemoryLimit

    class Reports(Protocol):
        """What the monitors of a run report to: its driver."""

        status_text: str
        health_message: str
        ready_message: str

        def tell(self, event: Input) -> None: ...
        def readiness_checked(self, pid: int, ready: bool, message: str, counts: bool) -> None: ...
        def health_checked(
            self,
            pid: int,
            healthy: bool,
            message: str,
            counts: bool,
            *,
            at_once: bool = False,
            by: str = "health check",
        ) -> None: ...
        def pinged(self, pid: int, message: str, *, only_if_sick: bool) -> None: ...
        def name_successor(self, pid: int) -> None: ...


class Monitors:
    """The monitors of one run.

    The driver calls `prepare`, then `spawned` or `end`, and `end` when it is over.
    """

    __slots__ = (
        "_config",
        "_health",
        "_launcher",
        "_memory",
        "_moving",
        "_notify",
        "_pid",
        "_pre_stop",
        "_readiness",
        "_reports",
        "_spawned_at",
        "_up",
        "_watchdog",
        "_watchdog_time",
        "_way",
    )

    def __init__(self, reports: Reports, config: ProgramConfig, launcher: Launcher) -> None:
        self._reports = reports
        self._config = config
        self._launcher = launcher
        self._pid = 0
        self._moving = False
        self._spawned_at = 0.0
        self._up = False  # health is watched
        self._health: HealthMonitor | None = None
        self._readiness: HealthMonitor | None = None
        self._way: Way | None = None
        self._notify: NotifySocket | None = None
        self._watchdog: Watchdog | None = None
        self._memory: MemoryLimit | None = None
        self._watchdog_time = float(config.watchdog or 0)
        self._pre_stop: tuple[ScriptRun, AnyFuture] | None = None

    # -- the run -----------------------------------------------------------------------------------------

    def prepare(self, output: ProgramOutput | None) -> tuple[dict[str, str], tuple[tuple[int, int], ...]]:
        """Returns variables and descriptors for the child. OSError when a descriptor cannot be opened."""
        config = self._config
        env = self._launcher.notify_variables(config)
        if env:
            self._notify = self._launcher.notify_socket()
        if config.ready in ("started", "notify", "check"):
            return env, ()
        from supervice.checks.readiness import way_to_be_ready

        loop = self._launcher.runtime.loop
        self._way = way_to_be_ready(config.ready, loop, self._became_ready, output, self._launcher.beside)
        return env, () if self._way is None else self._way.prepare()

    def spawned(self, pid: int) -> None:
        """Begins to listen to the child `pid`, in the turn that spawned it, so nothing is missed."""
        self._pid = pid
        self._spawned_at = self._launcher.runtime.loop.time()
        if self._notify is not None:
            self._notify.register(pid, self._message)
        if self._way is not None:
            self._way.begin(pid)

    def drain(self) -> None:
        """Reads the last notifications of a child that has exited and is not reaped yet."""
        if self._notify is not None:
            self._notify.drain()

    def moved(self, pid: int) -> None:
        """Continues the run, and the watch for its readiness, under another pid."""
        self._pid = pid
        self._moving = True
        if self._notify is not None:
            self._notify.register(pid, self._message)

    def end(self) -> None:
        """Ends everything that still goes on: the run is over, or never began."""
        self._moving = False
        self._stop_health()
        self._stop_readiness()
        self._end_pre_stop()
        if self._notify is not None:
            self._notify.forget(self._message)
            self._notify = None
            self._launcher.release_notify_socket()

    def perform(self, effect: Effect) -> None:
        """Performs an effect of the state machine that concerns monitors."""
        _PERFORM[type(effect)](self, effect)

    # -- readiness ---------------------------------------------------------------------------------------

    def _became_ready(self) -> None:
        self._reports.tell(BecameReady(self._pid))

    def _start_readiness(self, effect: StartReadiness) -> None:
        config, pid = self._config, effect.pid
        self._moving = False
        if config.readiness.type is HealthCheckType.NONE:
            return
        reports = self._reports
        gate = config.ready == "check"

        def report(ready: bool, message: str, counts: bool) -> None:
            reports.readiness_checked(pid, ready, message, counts)
            if ready and gate:
                reports.tell(BecameReady(pid))

        from supervice.health import HealthMonitor, create_health_checker

        checker = create_health_checker(config.readiness, self._launcher.runtime, self._order)
        if checker is not None:
            loop = self._launcher.runtime.loop
            self._readiness = HealthMonitor(
                loop, checker, config.readiness, report, unknown=self._readiness_unknown, eager=True
            )

    def _readiness_unknown(self, message: str) -> None:
        self._reports.ready_message = message
        log_unknown(self._config.name, "ready", message)

    def _stop_readiness(self, _effect: StopReadiness | None = None) -> None:
        if self._way is not None and not self._moving:
            self._way.end()
            self._way = None
        if self._readiness is not None:
            self._readiness.stop()
            self._readiness = None

    # -- health ------------------------------------------------------------------------------------------

    def _start_health(self, effect: StartHealthChecks) -> None:
        config, reports, loop = self._config, self._reports, self._launcher.runtime.loop
        pid = effect.pid
        self._up = True
        if self._watchdog_time:
            self._start_watchdog()
        if config.memory_limit is not None:
            from supervice.runner.memory_limit import MemoryLimit

            self._memory = MemoryLimit(loop, config, pid, reports.tell, turns=self._launcher.turns)
        if config.healthcheck.type is HealthCheckType.NONE:
            return
        from supervice.health import HealthMonitor, create_health_checker

        checker = create_health_checker(config.healthcheck, self._launcher.runtime, self._order)
        if checker is not None:
            self._health = HealthMonitor(
                loop,
                checker,
                config.healthcheck,
                lambda healthy, message, counts: reports.health_checked(pid, healthy, message, counts),
                unknown=self._health_unknown,
            )

    def _start_watchdog(self) -> None:
        from supervice.checks.watchdog import Watchdog

        reports, pid = self._reports, self._pid
        checked = self._config.healthcheck.type is not HealthCheckType.NONE
        self._watchdog = Watchdog(
            self._launcher.runtime.loop,
            self._watchdog_time,
            self._missed_ping,
            # with health checks, a ping only undoes a missed ping
            lambda: reports.pinged(pid, "the watchdog was pinged", only_if_sick=checked),
        )

    def _missed_ping(self, message: str) -> None:
        self._reports.health_checked(self._pid, False, message, True, at_once=True, by="watchdog")

    def _health_unknown(self, message: str) -> None:
        self._reports.health_message = message
        log_unknown(self._config.name, "healthy", message)

    def _stop_health(self, _effect: StopHealthChecks | None = None) -> None:
        self._up = False
        if self._health is not None:
            self._health.stop()
            self._health = None
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None
        if self._memory is not None:
            self._memory.stop()
            self._memory = None

    def _order(self, argv: list[str], null: int, output: int) -> Order:
        return self._launcher.order(self._config, argv, null, output, output)

    # -- notifications -----------------------------------------------------------------------------------

    def _message(self, sender: int, message: Message) -> None:
        reports, pid = self._reports, self._pid
        if message.status is not None:
            reports.status_text = message.status
        if message.mainpid is not None:
            reports.name_successor(message.mainpid)
        if message.extend is not None:
            ran_for = self._launcher.runtime.loop.time() - self._spawned_at
            reports.tell(TimeExtended(pid, message.extend, ran_for))
        if self._config.ready == "notify":
            if message.stopping:
                reports.tell(LostReady(pid))
            elif message.ready:
                reports.tell(BecameReady(pid))
        if message.watchdog_time is not None:  # as with systemd, whatever the configuration says
            self._watchdog_time = message.watchdog_time
            if self._watchdog is not None:
                self._watchdog.change(message.watchdog_time)
            elif self._up:
                self._start_watchdog()
        if self._watchdog is not None and message.ping:
            self._watchdog.ping()
        if message.trigger:
            missed = self._missed_ping if self._watchdog is None else self._watchdog.miss
            missed("the program reports that it is unhealthy (WATCHDOG=trigger)")

    # -- pre_stop ----------------------------------------------------------------------------------------

    def _run_pre_stop(self, _effect: RunPreStop) -> None:
        """Runs the command and tells the driver when it has ended, with whatever exit code."""
        from supervice.checks.script import ScriptRun, check_words

        pid, name = self._pid, self._config.name

        def order(argv: list[str], null: int, output: int) -> Order:
            made = self._order(argv, null, output)
            return replace(made, env={**made.env, "MAINPID": str(pid)})

        runtime = self._launcher.runtime
        began = runtime.loop.time()
        try:
            run = ScriptRun(runtime, check_words(self._config.pre_stop or ""), order)
        except Exception as error:  # the user, a file or the command does not exist (any more)
            logger.error(f"{name}: pre_stop cannot run: {error}; the stop goes on without it")
            runtime.loop.call_soon(self._reports.tell, PreStopDone(0.0))
            return

        async def wait() -> None:
            status = await run.exited
            if status:
                how = f"exit code {status}" if status > 0 else f"signal {-status}"
                logger.warning(f"{name}: pre_stop failed ({how}){run.said()}; the stop goes on")
            self._pre_stop = None
            run.end()
            self._reports.tell(PreStopDone(runtime.loop.time() - began))

        self._pre_stop = run, runtime.loop.create_task(wait())

    def _end_pre_stop(self, _effect: EndPreStop | None = None) -> None:
        if self._pre_stop is not None:
            run, task = self._pre_stop
            self._pre_stop = None
            task.cancel()
            logger.warning(
                f"{self._config.name}: pre_stop was running and was killed{run.said()}; the stop goes on"
            )
            run.end()


_PERFORM: dict[type, Callable[[Monitors, Any], None]] = {
    StartHealthChecks: Monitors._start_health,
    StopHealthChecks: Monitors._stop_health,
    StartReadiness: Monitors._start_readiness,
    StopReadiness: Monitors._stop_readiness,
    RunPreStop: Monitors._run_pre_stop,
    EndPreStop: Monitors._end_pre_stop,
}
