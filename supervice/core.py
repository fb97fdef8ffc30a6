"""The supervisor: all processes together, from the first start to the exit code.

It decides nothing about a single process (that is `lifecycle.transition`) and nothing about the end of the
container (`lifecycle.exit_policy`); it connects them with signals, configuration, output and the doors.
"""

from __future__ import annotations

import os

from supervice import config as configuration
from supervice import logger
from supervice.api.dispatch import Dispatcher
from supervice.api.logs import Journal
from supervice.control.server import SocketInUse
from supervice.events import EventBus
from supervice.lean.loop import running_loop
from supervice.lifecycle.exit_policy import Verdict
from supervice.models import ProgramConfig, SupervisorConfig
from supervice.pid1 import own_process
from supervice.pid1.identity import CannotSwitch
from supervice.pid1.pidfile import PidfileInUse
from supervice.pid1.signals import clean_dispositions
from supervice.pid1.subreaper import become_subreaper
from supervice.process import Process
from supervice.supervision.probes import Probes
from supervice.supervision.process_names import groups_of
from supervice.supervision.reload import Reloader
from supervice.supervision.resources import Session
from supervice.supervision.signal_actions import SignalDesk
from supervice.supervision.startup import Startup
from supervice.supervision.termination import Ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.api.endpoints import Endpoints
    from supervice.config.supervisord_sections import Server
    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.lifecycle.states import Announce
    from supervice.output.router import OutputRouter
    from supervice.runner.launcher import Launcher
    from supervice.supervision.sd_notify import Herald
    from supervice.supervisord.extensions import Attachments
    from supervice.supervisord.rpc.servers import Servers

__all__ = ["CannotSwitch", "PidfileInUse", "SocketInUse", "Supervisor"]

# The name of the command line's command.
MAIN = "main"


class Supervisor:
    """Runs the programs of one configuration.

    `daemon=True` says that this process is ours alone: every child is collected, leftovers are stopped at the
    end, and what the file leaves open gets the defaults of a container.
    """

    def __init__(self, config: SupervisorConfig | None = None, *, daemon: bool = False) -> None:
        self.config = config or SupervisorConfig()
        self.event_bus = EventBus()
        self.journal = Journal()
        self.processes: dict[str, Process] = {}
        self.exit_code = 0
        self.stopping = False
        self.held: set[str] = set()  # stopped by an operator, who may want them again
        self.daemon = daemon
        # What the command line says beats the file, now and after every reload.
        self.overrides: dict[str, str | float] = {}
        self.available: list[ProgramConfig] = []  # one a process: the configuration that was read last
        self._wanted_servers: list[Server] = []
        self._servers: Servers | None = None
        self._path: str | None = None
        self._directory = os.getcwd()
        self._warnings: list[configuration.Problem] = []
        self._session: Session | None = None
        self._signals: SignalDesk | None = None
        self._endpoints: Endpoints | None = None
        self._finished: AnyFuture | None = None
        self._ending = Ending(self)
        self._herald: Herald | None = None
        if daemon and os.environ.get("NOTIFY_SOCKET"):
            from supervice.notify.manager import manager
            from supervice.supervision.sd_notify import Herald

            above = manager(os.environ)
            self._herald = None if above is None else Herald(self, above)
        self._reloader = Reloader(self)
        self.startup = Startup(self)
        self.probes = Probes()
        self.attachments: Attachments | None = None
        if config is not None:
            configuration.check_dependencies(config.programs)
            self._adopt([one for program in config.programs for one in configuration.instances(program)])

    @property
    def groups(self) -> dict[str, list[str]]:
        """Group name to the names of its processes; a program outside any group is its own."""
        return groups_of(self.processes)

    def load_config(self, path: str) -> None:
        """Reads the file, sets up logging and creates the processes; starts nothing.

        FileNotFoundError, or ConfigValidationError with every problem of the file.
        """
        loaded = self.read(path)
        self._path = os.path.abspath(path)
        self.config = loaded.config
        self.available = loaded.processes
        self._wanted_servers = loaded.servers
        if not self.daemon:
            config = self.config
            logger.setup_logger(config.loglevel, config.logfile, config.log_maxbytes, config.log_backups)
        self.processes.clear()
        self._adopt(loaded.processes)

    def read(self, path: str | None = None) -> configuration.Loaded:
        """The configuration as the file says now. ConfigValidationError with all of its errors."""
        loaded = configuration.load(
            path or self._path or "", daemon_defaults=self.daemon, cwd=self._directory
        )
        errors = [problem for problem in loaded.problems if problem.severity == "error"]
        if errors:
            raise configuration.ConfigValidationError(errors)
        for name, value in self.overrides.items():
            setattr(loaded.config, name, value)
        self._warnings = loaded.problems
        return loaded

    def _adopt(self, configs: list[ProgramConfig]) -> None:
        for config in configs:
            self.add(config)

    def set_command(self, argv: list[str]) -> None:
        """Has the words run as `main` once all programs are up; the container ends when it does.

        ValueError when the configuration has a main program already.
        """
        taken = next((name for name, p in self.processes.items() if p.config.main or name == MAIN), None)
        if taken is not None:
            raise ValueError(f"a command cannot be run beside [program:{taken}]: there is one main program")
        config = ProgramConfig(
            MAIN, " ".join(argv), autostart=False, autorestart=False, startsecs=0, startretries=0, main=True
        )
        self.add(config).foreground = argv

    def add(self, config: ProgramConfig) -> Process:
        """Takes a process into supervision; it is not started."""
        process = Process(config, self.event_bus, launcher=self.launcher)
        process.watch(self._changed)
        process.watch_health(self._condition_changed)
        self.processes[config.name] = process
        return process

    # -- the run -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Starts everything and returns when it is all over; `exit_code` says how it ended.

        SocketInUse or PidfileInUse when another daemon is there already; then nothing was started.
        """
        loop = running_loop()
        self._finished = loop.create_future()
        end = self._ending.arm(loop)
        try:
            if self._ending.decided:  # told to stop before it began
                return
            self._open(loop)
            if not self._ending.decided:  # a TERM that came while we started: nothing is spawned then
                self._start_all()
            await end
            self.exit_code = await self._ending.run(loop, self._outputs)
        except BaseException:  # cancelled by an application, or a defect of ours: leave nobody behind
            for process in self.processes.values():
                process.request_stop(force=True)
            raise
        finally:
            try:
                self._close()
            finally:  # ready for another run, and nobody waits for ever
                self._ending.disarm()
                self.stopping = False
                self._finished.set_result(None)

    async def shutdown(self) -> None:
        """Stops all processes, then the control socket; returns when `run` is done."""
        self.request_shutdown(Verdict(0, "shutdown was asked for"), drain=True)
        if self._finished is not None and not self._finished.done():
            done = running_loop().create_future()
            self._finished.add_done_callback(lambda _: None if done.done() else done.set_result(None))
            await done

    async def reload_config(self) -> dict[str, list[str]]:
        """Reads the configuration again and applies what changed; nothing changes when it has an error.

        The process names `added`, `removed` and `changed`, sorted, and the settings in `restart_required`.
        """
        return await self._reloader.reload(dry_run=False)

    @property
    def launcher(self) -> Launcher | None:
        """What processes are started with; None when not running."""
        return self._session.launcher if self._session is not None else None

    @property
    def _outputs(self) -> OutputRouter | None:
        return self._session.outputs if self._session is not None else None

    @property
    def reloading(self) -> bool:
        return self._reloader.busy

    @property
    def leaving(self) -> frozenset[str]:
        """The processes that a reload is stopping, to remove or to change them."""
        return self._reloader.outgoing

    async def preview_reload(self) -> dict[str, list[str]]:
        """What `reload_config` would do."""
        return await self._reloader.reload(dry_run=True)

    def request_shutdown(self, why: Verdict, *, drain: bool = False) -> None:
        """Begins the end; the first reason decides the exit code.

        `drain`: somebody asked for it, so that programs still work for `drain_delay` while readiness fails.
        """
        if self._ending.request(why, drain=drain):
            self.stopping = self.probes.stopping = True
            self.startup.stop()
            if self.attachments is not None:
                self.attachments.stopping()
            if self._herald is not None:
                self._herald.stopping(why.reason)

    def _open(self, loop: EventLoop) -> None:
        session = Session(loop, self.config, Dispatcher(self), daemon=self.daemon, directory=self._directory)
        self._session = session
        for problem in self._warnings:
            logger.warning(str(problem))
        self._warnings = []
        for process in self.processes.values():
            process.use(session.launcher)
        self._update_attachments()
        self._signals = SignalDesk(loop, self, session.runtime)
        self.serve(self._wanted_servers)
        if self.daemon:
            clean_dispositions()  # only now: what came while we started finds its handler
            self._signals.catch_up()
        self.event_bus.start()
        if self.config.http:
            from supervice.api.endpoints import Endpoints  # and with it h11, for those who want it

            self._endpoints = Endpoints(loop, self)
            self._endpoints.open(self.config.http)

    def _start_all(self) -> None:
        if not self.processes:
            logger.warning("the configuration has no programs; waiting for a reload")
        # first, or what a program abandons in its first millisecond would go to somebody else for ever
        if self.daemon and not own_process.is_pid1() and not become_subreaper():
            logger.warning("cannot become child subreaper: orphans of programs will not be collected here")
        self.probes.begin(self.processes)
        if self.attachments is not None:
            self.attachments.running()
        self.startup.begin()
        if self._herald is not None:
            self._herald.changed()  # there may be nobody to wait for

    def _close(self) -> None:
        for process in self.processes.values():
            process.close()
        if self._signals is not None:
            self._signals.close()
        if self._endpoints is not None:
            self._endpoints.close()
            self._endpoints = None
        if self._servers is not None:
            self._servers.close()
            self._servers = None
        if self.attachments is not None:
            self.attachments.close()
            self.attachments = None
        if self._session is not None:
            self._session.close()
            self._session = None

    def _changed(self, process: Process, change: Announce) -> None:
        self.journal.note(process, change)
        self._condition_changed(process)
        if self.attachments is not None:
            self.attachments.changed(process, change)
        self._ending.changed(process, change)

    def _condition_changed(self, process: Process) -> None:
        """Its state, its health or its readiness is another one."""
        self.startup.changed(process)
        self.probes.changed(process)
        if self._herald is not None:
            self._herald.changed()

    def judge(self) -> None:
        """Asks the exit policy whether this is the end."""
        if not self.stopping:
            self._ending.judge()

    # -- signals and doors -------------------------------------------------------------------------------

    def stop_for_signal(self, signum: int, why: Verdict) -> None:
        """The orderly end; CMD is stopped with the very signal that we got."""
        for process in self.processes.values():
            if process.foreground is not None:
                process.stop_with(signum)
        self.request_shutdown(why, drain=True)

    def force_shutdown(self, why: Verdict) -> None:
        """No more waiting: SIGKILL for everything that is left."""
        self._ending.force(why)

    def serve(self, servers: list[Server]) -> None:
        """Opens the HTTP servers of supervisord's dialect, and closes those that are not among them."""
        self._wanted_servers = servers
        if self._session is None or not (servers or self._servers):
            return
        if self._servers is None:
            from supervice.supervisord.rpc.servers import Servers

            self._servers = Servers(self, running_loop())
        self._servers.apply(servers)
        self._session.launcher.server_url = self._servers.url

    def _update_attachments(self) -> None:
        """Event listeners, FastCGI sockets and taps."""
        session, processes = self._session, self.processes.values()
        if session is None:
            return
        if self.attachments is None and (
            self.config.strip_ansi or any(p.config.needs_attachments for p in processes)
        ):
            from supervice.supervisord.extensions import Attachments

            self.attachments = Attachments(session.launcher, session.outputs, self.config)
        if self.attachments is not None:
            self.attachments.update(processes, self.config.identifier)

    def processes_changed(self) -> None:
        """Processes have come, gone or changed: everybody who keeps something by process follows."""
        if self._signals is not None:
            self._signals.update()
        self._update_attachments()
        self.startup.rebuild()
        self.probes.rebuild(self.processes)
        if self._herald is not None:
            self._herald.changed()  # who was late may be gone

    def use_settings(self, config: SupervisorConfig) -> None:
        """After a reload: what `[supervice]` says now, as far as it needs no new start."""
        if self._session is not None:
            self._session.apply(config)
        self.config = config

    def empty_log(self, path: str) -> None:
        """A new, empty file in place of the one at `path`, also for who writes it. OSError."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        if self._session is not None:
            self._session.outputs.reopen(path)

    def reopen(self) -> None:
        """Opens every log file anew, for an external rotation."""
        logger.info("reopening log files")
        if self._session is not None:
            self._session.outputs.reopen()
