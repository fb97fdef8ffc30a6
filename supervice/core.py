"""The supervisor: all processes together, from the first start to the exit code.

It decides nothing about a single process (that is `lifecycle.transition`) and nothing about the end of the
container (`lifecycle.exit_policy`); it connects them with signals, configuration, output and the doors.
"""

from __future__ import annotations

import os
import signal

from supervice import config as configuration
from supervice import logger
from supervice.doors.address import default_socket_path
from supervice.doors.rpc import RpcServer, SocketInUse
from supervice.events import EventBus
from supervice.farewell import write_termination_log
from supervice.forwarding import FORWARDABLE, forwards
from supervice.launch import Launcher
from supervice.lifecycle.exit_policy import Fact, Verdict, told_to_stop, verdict
from supervice.lifecycle.states import RESTING, UP
from supervice.loop import running_loop, wait_for
from supervice.models import ProgramConfig, SupervisorConfig
from supervice.names import groups_of, start_order
from supervice.operations import Operations
from supervice.output.router import OutputRouter
from supervice.pid1 import placement
from supervice.pid1.leftovers import descendants, everyone_else
from supervice.pid1.pidfile import Pidfile, PidfileInUse
from supervice.pid1.runtime import guest_runtime, own_runtime
from supervice.pid1.signals import SignalRouter
from supervice.pid1.signals import name as signal_name
from supervice.pid1.subreaper import become_subreaper
from supervice.process import Process
from supervice.reload import Reloader
from supervice.shutdown import Shutdown
from supervice.waiting import Until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lifecycle.states import Announce
    from supervice.loop import AnyFuture, EventLoop
    from supervice.pid1.leftovers import Stat
    from supervice.pid1.runtime import Runtime

__all__ = ["PidfileInUse", "SocketInUse", "Supervisor"]

# So many are started before timers, signals and clients have their turn again.
BATCH = 16
# The name of the command line's command, and seconds after which it is said what it waits for.
MAIN = "main"
SAY_AFTER = 5.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Supervisor:
    """Runs the programs of one configuration.

    `daemon=True` says that this process is ours alone: every child is collected, leftovers are stopped at the
    end, and what the file leaves open gets the defaults of a container.
    """

    def __init__(self, config: SupervisorConfig | None = None, *, daemon: bool = False) -> None:
        self.config = config or SupervisorConfig()
        self.event_bus = EventBus()
        self.processes: dict[str, Process] = {}
        self.exit_code = 0
        self.stopping = False
        self.held: set[str] = set()  # stopped by an operator, who may want them again
        self.socket_path: str | None = None
        self.daemon = daemon
        self._path: str | None = None
        self._directory = os.getcwd()
        self._warnings: list[configuration.Problem] = []
        self._exclusive = daemon
        self._launcher: Launcher | None = None
        self._signals: SignalRouter | None = None
        self._server: RpcServer | None = None
        self._pidfile: Pidfile | None = None
        self._shutdown: Shutdown | None = None
        self._verdict: Verdict | None = None
        self._told_to_stop = False  # by a signal; the second one forces
        self._forced: Verdict | None = None
        self._command: Process | None = None
        self._forwards: dict[int, list[tuple[Process, int]]] = {}
        self._end: AnyFuture | None = None
        self._finished: AnyFuture | None = None
        self._ended: dict[str, int] = {}
        self._ends = 0
        self._to_start: list[Process] = []
        self._judging = False
        self._reloader = Reloader(self)
        if config is not None:
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
        self._command = self.add(config)
        self._command.foreground = argv

    def add(self, config: ProgramConfig) -> Process:
        """Takes a process into supervision; it is not started."""
        process = Process(config, self.event_bus, launcher=self._launcher)
        process.watch(self._changed)
        self.processes[config.name] = process
        return process

    # -- the run -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Starts everything and returns when it is all over; `exit_code` says how it ended.

        SocketInUse or PidfileInUse when another daemon is there already; then nothing was started.
        """
        loop = running_loop()
        self._end = loop.create_future()
        self._finished = loop.create_future()
        try:
            self._open(loop)
            self._start_all(loop)
            await self._end
            await self._stop_all(loop)
        finally:
            self._close()
            if not self._finished.done():
                self._finished.set_result(None)

    async def shutdown(self) -> None:
        """Stops all processes, then the control socket; returns when `run` is done."""
        self.request_shutdown(Verdict(0, "shutdown was asked for"))
        if self._finished is not None and not self._finished.done():
            done = running_loop().create_future()
            self._finished.add_done_callback(lambda _: done.set_result(None))
            await done

    async def reload_config(self) -> dict[str, list[str]]:
        """Reads the configuration again and applies what changed; nothing changes when it has an error.

        The process names `added`, `removed` and `changed`, sorted, and the settings in `restart_required`.
        """
        return await self._reloader.reload(dry_run=False)

    async def preview_reload(self) -> dict[str, list[str]]:
        """What `reload_config` would do."""
        return await self._reloader.reload(dry_run=True)

    def request_shutdown(self, why: Verdict) -> None:
        """Begins the end; the first reason decides the exit code."""
        if self._verdict is None:
            self._verdict = why
            self.stopping = True
            if self._end is not None and not self._end.done():
                self._end.set_result(None)

    # -- opening and closing -----------------------------------------------------------------------------

    def _open(self, loop: EventLoop) -> None:
        if self.daemon:
            placement.settle_in()
            os.chdir("/")  # so that no file system is held busy by us
        runtime = own_runtime(loop) if self._exclusive else guest_runtime()
        config = self.config
        if config.umask is not None and self.daemon:
            os.umask(config.umask)
        self._open_output(loop, runtime)
        self._take_pidfile()
        self._open_socket(loop)
        assert self._launcher is not None
        if self.socket_path is not None:
            self._launcher.environment.setdefault("SUPERVICE_SOCKET", self.socket_path)
        for process in self.processes.values():
            process.use(self._launcher)
        self._install_signals(loop, runtime)
        self.event_bus.start()

    def _open_output(self, loop: EventLoop, runtime: Runtime) -> None:
        config = self.config
        outputs = OutputRouter(
            loop,
            log_format=config.log_format,
            log_overflow=config.log_overflow,
            log_buffer=config.log_buffer,
            log=logger.log,
        )
        if self.daemon:
            write = outputs.log_stream()
            logger.use_stream(config.loglevel, write, config.log_format)
            if config.logfile:
                try:
                    write = outputs.log_file(config.logfile, config.log_maxbytes, config.log_backups)
                except OSError as error:
                    logger.warning(f"logging to stdout: {config.logfile}: {error.strerror}")
                else:
                    logger.use_stream(config.loglevel, write)
        for problem in self._warnings:
            logger.warning(str(problem))
        self._warnings = []
        self._launcher = Launcher(runtime, outputs, config.environment, self._directory)

    def _take_pidfile(self) -> None:
        path = self.config.pidfile
        if path in ("", "none"):
            return
        try:
            self._pidfile = Pidfile(path)
        except PidfileInUse:
            raise
        except OSError as error:
            logger.warning(f"running without a pid file: {path}: {error.strerror}")

    def _open_socket(self, loop: EventLoop) -> None:
        config = self.config
        if config.socket_path == "none":
            return
        path = config.socket_path or default_socket_path(os.environ)
        if path is None:
            logger.warning("running without a control socket: no directory for it can be written")
            return
        gid: int | None = None
        if config.socket_group is not None:
            import grp

            gid = int(config.socket_group) if config.socket_group.isdecimal() else None
            try:
                gid = grp.getgrnam(config.socket_group).gr_gid if gid is None else gid
            except KeyError:
                logger.warning(f"socket_group: there is no group {config.socket_group!r} here")
        server = RpcServer(
            loop, Operations(self), path=path, mode=config.socket_mode, group_gid=gid, log=logger.warning
        )
        try:
            server.open()
        except SocketInUse:
            raise
        except OSError as error:
            logger.warning(f"running without a control socket: {path}: {error.strerror or error}")
            return
        self._server = server
        self.socket_path = os.path.abspath(path)

    def _install_signals(self, loop: EventLoop, runtime: Runtime) -> None:
        try:
            self._signals = SignalRouter(loop)
        except ValueError:  # not in the main thread of an application: signals are its business
            return
        for signum in STOP_SIGNALS:
            self._signals.handle(signum, self._on_stop_signal)
        if self._exclusive:
            self._signals.handle(signal.SIGCHLD, lambda _signum: runtime.reaper.poll())
        self.update_forwarding()

    def update_forwarding(self) -> None:
        """Handles every signal that some program wants to have forwarded; `main` wants all that are left."""
        if self._signals is None:
            return
        self._forwards = forwards(self.processes.values())
        for signum in FORWARDABLE:
            if signum in self._forwards and signum not in STOP_SIGNALS:
                self._signals.handle(signum, self._forward, every=True)
            elif signum == signal.SIGHUP:
                self._signals.handle(signum, self._on_hangup)
            elif signum == signal.SIGUSR2:
                self._signals.handle(signum, self._on_reopen)
            elif signum not in STOP_SIGNALS:
                self._signals.release(signum)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._signals is not None:
            self._signals.close()
        if self._launcher is not None:
            for process in self.processes.values():
                process.close()
            if self._launcher.outputs is not None:
                self._launcher.outputs.close()
            self._launcher.close()
        if self._pidfile is not None:
            self._pidfile.close()

    # -- starting ----------------------------------------------------------------------------------------

    def _start_all(self, loop: EventLoop) -> None:
        if not self.processes:
            logger.warning("the configuration has no programs; waiting for a reload")
        first = [p for p in self.processes.values() if p.config.autostart]
        first.sort(key=lambda p: start_order(p.config))
        self._to_start = first[::-1]
        self._start_some(loop)
        if self._exclusive and not placement.is_pid1() and not become_subreaper():
            logger.warning("cannot become child subreaper: orphans of programs will not be collected here")

    def _start_some(self, loop: EventLoop) -> None:
        for _ in range(min(BATCH, len(self._to_start))):
            process = self._to_start.pop()
            if process.state in RESTING and process.config.name not in self.held and not self.stopping:
                process.request_start()
        if self._to_start:
            loop.call_soon(self._start_some, loop)
        else:
            if self._command is not None:
                loop.create_task(self._start_command(self._command))
            self._judge_soon()

    async def _start_command(self, command: Process) -> None:
        """CMD comes when every program has got where it is going."""
        first = [p for p in self.processes.values() if p.config.autostart]
        while not await Until(first, UP | RESTING).wait(SAY_AFTER):
            late = ", ".join(p.config.name for p in first if p.state not in UP | RESTING)
            logger.info(f"{command.config.command} waits for {late}")
        if not self.stopping:
            command.request_start()

    # -- the end -----------------------------------------------------------------------------------------

    def _changed(self, process: Process, change: Announce) -> None:
        if process.state in RESTING and change.to_state in RESTING:
            self._ends += 1
            self._ended[process.config.name] = self._ends
            self._judge_soon()

    def _judge_soon(self) -> None:
        if not self._judging and not self.stopping and self._end is not None:
            self._judging = True
            running_loop().call_soon(self._judge)

    def judge(self) -> None:
        """Asks the exit policy whether this is the end."""
        self._judge_soon()

    def _judge(self) -> None:
        self._judging = False
        if self.stopping or self._reloader.busy:
            return
        answer = verdict(
            self._facts(),
            on_fatal_shutdown=self.config.on_fatal == "shutdown",
            exit_when_idle=self.config.exit_when_idle,
        )
        if answer is not None:
            self.request_shutdown(answer)

    def _facts(self) -> list[Fact]:
        waiting = {id(process) for process in self._to_start}
        return [
            Fact(
                name=name,
                state=process.state,
                status=process.snapshot.status,
                expected=process.expected,
                reason=process.snapshot.reason,
                main=process.config.main,
                critical=process.config.critical,
                has_run=process.started_at is not None,
                held=name in self.held,
                pending=id(process) in waiting or (process is self._command and process.started_at is None),
                ended=self._ended.get(name, 0),
            )
            for name, process in self.processes.items()
        ]

    async def _stop_all(self, loop: EventLoop) -> None:
        why = self._verdict or Verdict(0, "the end")
        logger.info(f"shutting down: {why.reason}")
        forced = self._forced is not None
        self._to_start.clear()
        self._shutdown = Shutdown(
            loop,
            self.processes.values(),
            self.config.shutdown_timeout,
            self._leftovers if self._exclusive else None,
        )
        if forced:
            self._shutdown.force()
        await self._shutdown.run()
        if self._forced is not None:
            why = self._forced
        elif why.culprit is None and why.code == 0:
            why = self._final(why)
        self.exit_code = why.code
        logger.info(f"the end: {why.reason}; exit code {why.code}")
        if self.daemon:
            problem = write_termination_log(
                self.config.termination_log, why, self.processes.get(why.culprit or "")
            )
            if problem:
                logger.warning(f"no termination message: {problem}")
        await self.event_bus.stop()
        if self._launcher is not None and self._launcher.outputs is not None:
            await self._flush(loop, self._launcher.outputs, max(1.0, self._shutdown.time_left))

    async def _flush(self, loop: EventLoop, outputs: OutputRouter, seconds: float) -> None:
        """Everything that was written until the last moment, unless nobody reads it any more."""
        outputs.flush()
        written = loop.create_future()
        outputs.on_idle(lambda: None if written.done() else written.set_result(None))
        try:
            await wait_for(loop, written, seconds)
        except TimeoutError:
            pass

    def _final(self, why: Verdict) -> Verdict:
        """Told to stop, the code is main's, or that of a program that was FATAL; known only now."""
        return told_to_stop(self._facts(), why.reason)

    def _leftovers(self) -> list[Stat]:
        me = os.getpid()
        return everyone_else(me) if placement.is_pid1() else descendants(me)

    # -- signals -----------------------------------------------------------------------------------------

    def _on_stop_signal(self, signum: int) -> None:
        name = signal_name(signum)
        self._forward(signum)
        if not self._told_to_stop:
            self._told_to_stop = True
            if self._command is not None:
                self._command.stop_with(signum)
            self.request_shutdown(Verdict(0, f"{name} received"))
        elif self._forced is None:
            logger.warning(f"{name} again: killing everything now")
            self._forced = Verdict(128 + signum, f"forced by a second signal, {name}")
            if self._shutdown is not None:
                self._shutdown.force()

    def _on_hangup(self, _signum: int) -> None:
        async def reload() -> None:
            try:
                await self.reload_config()
            except (OSError, ValueError) as error:
                logger.error(f"nothing was reloaded: {error}")

        logger.info("SIGHUP received: reloading the configuration")
        running_loop().create_task(reload())

    def _on_reopen(self, _signum: int) -> None:
        self.reopen()

    def reopen(self) -> None:
        """Opens every log file anew, for an external rotation."""
        logger.info("reopening log files")
        if self._launcher is not None and self._launcher.outputs is not None:
            self._launcher.outputs.reopen()

    def _forward(self, signum: int) -> None:
        for process, delivered in self._forwards.get(signum, ()):
            process.signal(delivered)
