"""The supervisor: makes the parts, connects them, and runs them from the first start to the exit code.

It decides nothing. `lifecycle.transition` decides about one process, `lifecycle.exit_policy` about the end of
the container. `supervision.table` has the set of processes, and the other parts observe it. What exists only
during a run is in `assembly.live_parts`. A caller that needs something done asks the part that does it.
"""

from __future__ import annotations

import os

from supervice import config as configuration
from supervice import logger
from supervice.assembly.live_parts import LiveParts
from supervice.control.server import SocketInUse
from supervice.events import EventBus
from supervice.lean.loop import running_loop
from supervice.lifecycle.exit_policy import Verdict
from supervice.models import SupervisorConfig
from supervice.pid1 import own_process
from supervice.pid1.identity import CannotSwitch
from supervice.pid1.pidfile import PidfileInUse
from supervice.pid1.subreaper import become_subreaper
from supervice.process import Process
from supervice.supervision.configuration_source import ConfigurationSource
from supervice.supervision.journal import Journal
from supervice.supervision.probes import Probes
from supervice.supervision.startup import Startup
from supervice.supervision.table import ProcessTable
from supervice.supervision.termination import Termination

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.lifecycle.reload_plan import ReloadPlan
    from supervice.supervision.memory_watch import MemoryWatch
    from supervice.supervision.reload import Reloader
    from supervice.supervision.sd_notify import ManagerNotifier

__all__ = ["CannotSwitch", "PidfileInUse", "SocketInUse", "Supervisor"]


class Supervisor:
    """Runs the programs of one configuration.

    `daemon=True` says that this process is ours alone: it reaps every child, stops leftovers at the end, and
    uses a container's defaults where the file says nothing.
    """

    def __init__(self, config: SupervisorConfig | None = None, *, daemon: bool = False) -> None:
        self.config = config or SupervisorConfig()
        self.daemon = daemon
        self.exit_code = 0
        self.source = ConfigurationSource(daemon=daemon)

        self.event_bus = EventBus()
        self.processes: dict[str, Process] = {}  # the table's
        self.table = ProcessTable(self.processes, lambda config: Process(config, self.event_bus))
        self.termination = Termination(self.table, self)
        self.startup = Startup(self.table, self.termination.judge)
        self.probes = Probes(self.table)
        self.journal = Journal()
        self.live = LiveParts(self)
        self._reloader: Reloader | None = None
        self._notifier = self._manager_notifier()
        # in this order; the extensions, once made, come first
        self.table.observe(self.live.on_demand, self.journal, self.startup.record, self.startup, self.probes)
        if self._notifier is not None:
            self.table.observe(self._notifier)
        self.table.observe(self.termination)

        # for one run
        self._finished: AnyFuture | None = None
        self._begun: AnyFuture | None = None  # the programs have begun to start
        self._running: AnyFuture | None = None  # for `async with`

        if config is not None:
            configuration.check_config(config)
            self.table.replace(one for program in config.programs for one in configuration.instances(program))

    def _manager_notifier(self) -> ManagerNotifier | None:
        if not self.daemon or not os.environ.get("NOTIFY_SOCKET"):
            return None
        from supervice.notify.manager import manager
        from supervice.supervision.sd_notify import ManagerNotifier

        above = manager(os.environ)
        return None if above is None else ManagerNotifier(self.table, self.probes, above)

    @property
    def groups(self) -> dict[str, list[str]]:
        """The names of its processes by group; a program outside any group is a group of its own."""
        return self.table.groups

    @property
    def memory(self) -> MemoryWatch | None:
        """The watch of the container's memory; None in an application, and before the daemon runs."""
        return self.live.memory

    @property
    def stock(self) -> bool:
        """Whether the configuration is a stock supervisord file."""
        return self.source.stock

    # -- the configuration -------------------------------------------------------------------------------

    def load_config(self, path: str) -> None:
        """Reads the file, sets up logging and creates the processes; starts nothing.

        FileNotFoundError, or ConfigValidationError with every problem of the file.
        """
        loaded = self.source.load(path)
        self.config = loaded.config
        if not self.daemon:
            config = self.config
            logger.setup_logger(config.loglevel, config.logfile, config.log_maxbytes, config.log_backups)
        self.table.offer(loaded.processes)
        self.table.replace(loaded.processes)

    def set_command(self, argv: list[str]) -> None:
        """Makes these words the foreground command.

        It runs as `main` once all programs are up, and the container ends when it does. ValueError when the
        configuration has a main program already.
        """
        from supervice.supervision.foreground import program_of_command

        self.table.add(program_of_command(argv, self.processes)).foreground = argv

    async def reload_config(self) -> dict[str, list[str]]:
        """Reads the configuration again and applies what changed; an error in it changes nothing.

        Returns the process names `added`, `removed` and `changed`, sorted, and the settings in
        `restart_required`.
        """
        plan = await self.reload()
        return {
            "added": plan.added,
            "removed": plan.removed,
            "changed": plan.changed,
            "restart_required": plan.restart_required,
        }

    async def reload(self, *, dry_run: bool = False, force: bool = False) -> ReloadPlan:
        """Does the same; `dry_run` only returns what would change, `force` may remove every program."""
        if self._reloader is None:
            from supervice.supervision.reload import Reloader

            self._reloader = Reloader(self.table, self.startup, self.termination, self.source, self)
        if not dry_run:
            self.live.look_after_sockets()
        return await self._reloader.reload(dry_run=dry_run, force=force)

    def apply(self, loaded: configuration.Loaded) -> None:
        """Takes over the settings and servers of a reload that need no new start."""
        self.config = loaded.config
        self.source.use(loaded)
        self.live.apply(loaded)

    # -- the run -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Starts everything and returns when all of it has ended; `exit_code` says how.

        SocketInUse or PidfileInUse when another daemon runs already; then nothing was started.
        """
        loop = running_loop()
        self._finished = loop.create_future()
        end = self.termination.arm(loop, self.startup)
        try:
            if self.termination.stopping:  # told to stop before it began
                return
            resources = self.live.open(loop)
            if not self.termination.stopping:  # a TERM that came while we started: nothing is spawned then
                self._start(loop)
            if self._begun is not None and not self._begun.done():
                self._begun.set_result(None)
            await end
            extensions = self.live.extensions
            settle = None if extensions is None else extensions.settle
            self.exit_code = await self.termination.run(loop, resources.outputs, settle)
        except BaseException:  # cancelled by an application, or a defect of ours: leave no process behind
            for process in self.processes.values():
                process.request_stop(force=True, trigger="shutdown: supervice failed")
            raise
        finally:
            try:
                self._close()
            finally:  # ready for another run, and no call of shutdown waits for ever
                self.termination.disarm()
                self._finished.set_result(None)

    async def shutdown(self) -> None:
        """Stops all processes, then the control socket; returns when `run` is done."""
        self.termination.request(Verdict(0, "shutdown was asked for"), drain=True)
        if self._finished is not None and not self._finished.done():
            done = running_loop().create_future()
            self._finished.add_done_callback(lambda _: None if done.done() else done.set_result(None))
            await done

    async def __aenter__(self) -> Self:
        """Runs it until the end of the block, which begins when the sockets are open and programs start.

        SocketInUse or PidfileInUse, like `run`.
        """
        loop = running_loop()
        begun = self._begun = loop.create_future()
        running = self._running = loop.create_task(self.run())
        running.add_done_callback(lambda _: None if begun.done() else begun.set_result(None))
        try:
            await begun
        except BaseException:
            running.cancel()
            raise
        if running.done():
            running.result()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stops everything; returns when it has ended."""
        running, self._running = self._running, None
        if running is None:
            return
        try:
            await self.shutdown()
            await running
        except BaseException:
            running.cancel()
            raise

    def __repr__(self) -> str:
        state = "stopping" if self.termination.stopping else "running" if self.live.opened else "not running"
        return f"<Supervisor {state}: {', '.join(map(repr, self.processes.values())) or 'no processes'}>"

    def _start(self, loop: EventLoop) -> None:
        if not self.processes:
            logger.warning(self.source.invitation())
        # before any start: an orphan of a program's first millisecond would never come to us
        if self.daemon and not own_process.is_pid1() and not become_subreaper():
            logger.warning("cannot become child subreaper: orphans of programs will not be collected here")
        self.probes.begin()
        self.live.on_demand.begin()
        self.startup.begin()
        self.live.on_demand.begin_schedules()
        if self.startup.command is not None:
            from supervice.supervision.foreground import start_last

            loop.create_task(start_last(self.table, self.startup))
        if self._notifier is not None:
            self._notifier.begin()
        if self.daemon and own_process.IN_BUNDLE:
            loop.call_later(own_process.START_IS_OVER, own_process.start_is_over)

    def _close(self) -> None:
        for process in self.processes.values():
            process.close()
        self.live.close()
        self.table.use(None)
