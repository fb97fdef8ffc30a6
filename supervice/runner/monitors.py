"""What accompanies one run of a program: checks, readiness, watchdog, notifications, and `pre_stop`.

Made by the clerk for each run of a program that needs any of it, and for no other; what a program does not
use is not even imported. It watches and reports to the clerk; it decides nothing.
"""

from __future__ import annotations

from supervice import logger
from supervice.lean.dataclasses import replace
from supervice.lifecycle.states import BecameReady, LostReady, PreStopDone, TimeExtended
from supervice.models import HealthCheckType
from supervice.runner.reporting import log_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.checks.readiness import Way
    from supervice.checks.script import ScriptRun
    from supervice.checks.watchdog import Watchdog
    from supervice.health import HealthMonitor
    from supervice.lean.loop import AnyFuture
    from supervice.models import ProgramConfig
    from supervice.notify.protocol import Message
    from supervice.notify.server import NotifySocket
    from supervice.output.process_output import ProgramOutput
    from supervice.pid1.spawn import Order
    from supervice.runner.driver import Clerk
    from supervice.runner.launcher import Launcher


class Companions:
    """Of one run, in this order: `prepare`, `spawned` or `end`; at last `end`."""

    __slots__ = (
        "_clerk",
        "_config",
        "_health",
        "_launcher",
        "_moving",
        "_notify",
        "_pid",
        "_pre_stop",
        "_readiness",
        "_spawned_at",
        "_watchdog",
        "_watchdog_time",
        "_way",
    )

    def __init__(self, clerk: Clerk, config: ProgramConfig, launcher: Launcher) -> None:
        self._clerk = clerk
        self._config = config
        self._launcher = launcher
        self._pid = 0
        self._moving = False
        self._spawned_at = 0.0
        self._health: HealthMonitor | None = None
        self._readiness: HealthMonitor | None = None
        self._way: Way | None = None
        self._notify: NotifySocket | None = None
        self._watchdog: Watchdog | None = None
        self._watchdog_time = float(config.watchdog or 0)
        self._pre_stop: tuple[ScriptRun, AnyFuture] | None = None

    # -- the run -----------------------------------------------------------------------------------------

    def prepare(self, output: ProgramOutput | None) -> tuple[dict[str, str], tuple[tuple[int, int], ...]]:
        """Variables and descriptors for the child. OSError when there are none to be had."""
        config = self._config
        env: dict[str, str] = {}
        if config.ready == "notify" or config.watchdog:
            self._notify = self._launcher.notify_socket()
            env["NOTIFY_SOCKET"] = self._notify.address
            if config.watchdog:
                env["WATCHDOG_USEC"] = str(int(config.watchdog * 1_000_000))
        if config.ready in ("started", "notify", "check"):
            return env, ()
        from supervice.checks.readiness import way_to_be_ready

        loop = self._launcher.runtime.loop
        self._way = way_to_be_ready(config.ready, loop, self._became_ready, output)
        return env, () if self._way is None else self._way.prepare()

    def spawned(self, pid: int) -> None:
        """The child runs; nothing that it says can be missed from here on."""
        self._pid = pid
        self._spawned_at = self._launcher.runtime.loop.time()
        if self._notify is not None:
            self._notify.register(pid, self._message)
        if self._way is not None:
            self._way.begin(pid)

    def drain(self) -> None:
        """The child has ended and is not reaped yet: its last words first."""
        if self._notify is not None:
            self._notify.drain()

    def moved(self, pid: int) -> None:
        """The run goes on under another pid, and so does the search for its readiness."""
        self._pid = pid
        self._moving = True
        if self._notify is not None:
            self._notify.register(pid, self._message)

    def end(self) -> None:
        """The run is over, or never began."""
        self._moving = False
        self.stop_health()
        self.stop_readiness()
        self.end_pre_stop()
        if self._notify is not None:
            self._notify.forget(self._message)
            self._notify = None
            self._launcher.release_notify_socket()

    # -- is it ready? ------------------------------------------------------------------------------------

    def _became_ready(self) -> None:
        self._clerk.tell(BecameReady(self._pid))

    def start_readiness(self, pid: int) -> None:
        config = self._config
        self._moving = False
        if config.readiness.type is HealthCheckType.NONE:
            return
        clerk = self._clerk
        gate = config.ready == "check"

        def report(ready: bool, message: str, counts: bool) -> None:
            clerk.readiness_checked(pid, ready, message, counts)
            if ready and gate:
                clerk.tell(BecameReady(pid))

        from supervice.health import HealthMonitor, create_health_checker

        checker = create_health_checker(config.readiness, self._launcher.runtime, self._order)
        if checker is not None:
            loop = self._launcher.runtime.loop
            self._readiness = HealthMonitor(
                loop, checker, config.readiness, report, unknown=self._readiness_unknown, eager=True
            )

    def _readiness_unknown(self, message: str) -> None:
        self._clerk.ready_message = message
        log_unknown(self._config.name, "ready", message)

    def stop_readiness(self) -> None:
        if self._way is not None and not self._moving:
            self._way.end()
            self._way = None
        if self._readiness is not None:
            self._readiness.stop()
            self._readiness = None

    # -- is it well? -------------------------------------------------------------------------------------

    def start_health(self, pid: int) -> None:
        """Asks whether it is well, from now on."""
        config, clerk, loop = self._config, self._clerk, self._launcher.runtime.loop
        if self._watchdog_time:
            from supervice.checks.watchdog import Watchdog

            checked = config.healthcheck.type is not HealthCheckType.NONE
            self._watchdog = Watchdog(
                loop,
                self._watchdog_time,
                lambda message: clerk.health_checked(pid, False, message, True, at_once=True),
                # where there are checks, a ping only ends what a missing ping began
                lambda: clerk.pinged(pid, "the watchdog was pinged", only_if_sick=checked),
            )
        if config.healthcheck.type is HealthCheckType.NONE:
            return
        from supervice.health import HealthMonitor, create_health_checker

        checker = create_health_checker(config.healthcheck, self._launcher.runtime, self._order)
        if checker is not None:
            self._health = HealthMonitor(
                loop,
                checker,
                config.healthcheck,
                lambda healthy, message, counts: clerk.health_checked(pid, healthy, message, counts),
                unknown=self._health_unknown,
            )

    def _health_unknown(self, message: str) -> None:
        self._clerk.health_message = message
        log_unknown(self._config.name, "healthy", message)

    def stop_health(self) -> None:
        if self._health is not None:
            self._health.stop()
            self._health = None
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None

    def _order(self, argv: list[str], null: int, output: int) -> Order:
        return self._launcher.order(self._config, argv, null, output, output)

    # -- what it says ------------------------------------------------------------------------------------

    def _message(self, sender: int, message: Message) -> None:
        clerk, pid = self._clerk, self._pid
        if message.status is not None:
            clerk.status_text = message.status
        if message.mainpid is not None:
            clerk.name_successor(message.mainpid)
        if message.extend is not None:
            ran_for = self._launcher.runtime.loop.time() - self._spawned_at
            clerk.tell(TimeExtended(pid, message.extend, ran_for))
        if self._config.ready == "notify":
            if message.stopping:
                clerk.tell(LostReady(pid))
            elif message.ready:
                clerk.tell(BecameReady(pid))
        if message.watchdog_time is not None and self._config.watchdog:
            self._watchdog_time = message.watchdog_time
            if self._watchdog is not None:
                self._watchdog.change(message.watchdog_time)
        if self._watchdog is not None:
            if message.ping:
                self._watchdog.ping()
            if message.trigger:
                self._watchdog.miss("the program itself says that it is sick (WATCHDOG=trigger)")

    # -- before it is stopped ----------------------------------------------------------------------------

    def run_pre_stop(self) -> None:
        """Tells the clerk when the command has ended, however it did."""
        from supervice.checks.script import ScriptRun, check_words

        pid, name = self._pid, self._config.name

        def order(argv: list[str], null: int, output: int) -> Order:
            made = self._order(argv, null, output)
            return replace(made, env={**made.env, "MAINPID": str(pid)})

        runtime = self._launcher.runtime
        began = runtime.loop.time()
        try:
            run = ScriptRun(runtime, check_words(self._config.pre_stop or ""), order)
        except Exception as error:  # a user, a file or a program that is not there (any more)
            logger.error(f"{name}: pre_stop could not be run: {error}")
            runtime.loop.call_soon(self._clerk.tell, PreStopDone(0.0))
            return

        async def wait() -> None:
            status = await run.exited
            if status:
                how = f"exit code {status}" if status > 0 else f"signal {-status}"
                logger.warning(f"{name}: pre_stop failed with {how}{run.said()}")
            self._pre_stop = None
            run.end()
            self._clerk.tell(PreStopDone(runtime.loop.time() - began))

        self._pre_stop = run, runtime.loop.create_task(wait())

    def end_pre_stop(self) -> None:
        if self._pre_stop is not None:
            run, task = self._pre_stop
            self._pre_stop = None
            task.cancel()
            logger.warning(f"{self._config.name}: pre_stop was still running and was killed{run.said()}")
            run.end()


def companions(clerk: Clerk, config: ProgramConfig, launcher: Launcher) -> Companions | None:
    """None for a program that asks for nothing of this."""
    if (
        config.healthcheck.type is HealthCheckType.NONE
        and config.ready == "started"
        and config.readiness.type is HealthCheckType.NONE
        and not config.watchdog
        and config.pre_stop is None
    ):
        return None
    return Companions(clerk, config, launcher)
