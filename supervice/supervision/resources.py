"""Opens and closes what a supervisor holds while it runs: output, log, pid file, control socket."""

from __future__ import annotations

import os

from supervice import logger
from supervice.output.router import OutputRouter
from supervice.output.sinks import LOGFILE_MODE
from supervice.pid1 import own_process
from supervice.pid1.identity import CannotSwitch, become, resolve
from supervice.pid1.pidfile import Pidfile, PidfileInUse
from supervice.pid1.runtime import guest_runtime, own_runtime
from supervice.runner.launcher import Launcher
from supervice.supervision.control_socket import ControlSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.control.commands import Commands
    from supervice.lean.loop import EventLoop
    from supervice.models import SupervisorConfig
    from supervice.output.stdout import LogWriter


class Resources:
    """The resources of one run. SocketInUse or PidfileInUse; then nothing is left open.

    `daemon`: this process is ours alone. `directory` is where programs start that name no other.
    """

    def __init__(
        self, loop: EventLoop, config: SupervisorConfig, commands: Commands, *, daemon: bool, directory: str
    ) -> None:
        self._loop = loop
        self._config = config
        self._daemon = daemon
        self._umask = -1  # what we came with, once it was changed
        self._log: LogWriter | None = None  # of our own log file
        self._socket = ControlSocket(loop, commands)
        self._pidfile: Pidfile | None = None
        if daemon:
            own_process.settle_in()
            os.chdir("/")  # so that no file system is held busy by us
            self._set_umask(config.umask)
        short = self._limits() if daemon else ()
        self.runtime = own_runtime(loop) if daemon else guest_runtime()
        self.runtime.spawner.say = logger.warning
        self.outputs = self._open_output(daemon)
        self.launcher = Launcher(self.runtime, self.outputs, config.environment, directory, config.env_file)
        try:
            self._take_pidfile()
            self._socket.open(config)
            for warning in short:
                logger.warning(warning)
            if daemon and config.user is not None:
                self._switch(config.user)
        except BaseException:
            self.close()
            raise
        self._tell_programs()

    @property
    def socket_path(self) -> str | None:
        """The path of the control socket."""
        return self._socket.path

    def _tell_programs(self) -> None:
        if self._socket.path is not None:
            self.launcher.environment.setdefault("SUPERVICE_SOCKET", self._socket.path)

    def reopen(self) -> list[tuple[str, str]]:
        """Reopens every log file, and opens a control socket if there is none yet.

        Returns what could not be opened, and why.
        """
        failed = self.outputs.reopen()
        why = self._take_socket()
        if why:
            failed.append((self._config.socket_path, why))
        return failed

    def _take_socket(self) -> str:
        """Opens the control socket if there is none yet; returns "", or why another daemon has it."""
        try:
            self._socket.open(self._config)
        except OSError as error:
            return str(getattr(error, "reason", error))
        self._tell_programs()
        return ""

    @property
    def has_socket_files(self) -> bool:
        return self._socket.path is not None

    def restore(self) -> list[tuple[str, str]]:
        """Makes the control socket's file again if it was removed; returns failures with reasons."""
        return self._socket.restore()

    def _limits(self) -> list[str]:
        """Raises our limits as the configuration says; returns warnings."""
        asked = (("minfds", "NOFILE", self._config.minfds), ("minprocs", "NPROC", self._config.minprocs))
        said = [
            (name, own_process.at_least(limit, least)) for name, limit, least in asked if least is not None
        ]
        return [f"{name}: {warning}" for name, warning in said if warning]

    def _switch(self, user: str) -> None:
        """Becomes the user. What needs root is open by now: our streams, log, pid file and socket.

        The last two are given to the user, who can then remove them if the directory permits.
        """
        try:
            identity = resolve(user)
        except LookupError as error:
            raise CannotSwitch(f"user = {user}: {error}") from None
        if os.geteuid() not in (0, identity.uid):  # what the option is for is so already
            logger.warning(f"user = {user}: we are not root and stay uid {os.geteuid()}")
            return
        self.launcher.own_identity = identity
        if os.geteuid() == identity.uid:
            return
        self.outputs.own(0)
        self.outputs.own(1)
        try:
            self._socket.give(identity.uid)
            if self._pidfile is not None:
                self._pidfile.give(identity.uid)
        except OSError as error:
            raise CannotSwitch(f"user = {user}: {error.filename}: {error.strerror}") from None
        become(identity)
        logger.info(f"running as {user}, uid {identity.uid}, from here on")

    def _open_output(self, daemon: bool) -> OutputRouter:
        config = self._config
        outputs = OutputRouter(
            self._loop,
            log_format=config.log_format,
            log_overflow=config.log_overflow,
            log_buffer=config.log_buffer,
            logfile_mode=_mode(config),
            log=logger.log,
        )
        if daemon:
            logger.use_stream(config.loglevel, outputs.log_stream(), config.log_format)
            if config.logfile:
                self._open_log(outputs, config)
        return outputs

    def _open_log(self, outputs: OutputRouter, config: SupervisorConfig) -> None:
        try:
            write = outputs.log_file(
                config.logfile,
                config.log_maxbytes,
                config.log_backups,
                config.log_compress,
                (config.log_rotate, config.log_suffix),
            )
        except OSError as error:
            where = "stdout" if self._log is None else "the old file"
            logger.warning(f"logging to {where}: {config.logfile}: {error.strerror}")
            return
        old, self._log = self._log, write
        logger.use_stream(config.loglevel, write)
        if config.log_on_stdout_too:
            logger.also_to(outputs.log_stream(), config.log_format)
        if old is not None:
            outputs.release((old.sink,))

    def _set_umask(self, umask: int | None) -> None:
        if umask is not None:
            before = os.umask(umask)
            self._umask = before if self._umask < 0 else self._umask
        elif self._umask >= 0:
            os.umask(self._umask)

    def apply(self, config: SupervisorConfig) -> None:
        """Applies the settings of a reload that need no new start."""
        old, self._config = self._config, config
        config.strip_ansi = old.strip_ansi  # START in the option table; half of the programs would have it
        if (old.log_format, old.log_overflow, old.log_buffer) != (
            config.log_format,
            config.log_overflow,
            config.log_buffer,
        ):
            self.outputs.settings(config.log_format, config.log_overflow, config.log_buffer)
        self.outputs.logfile_mode = _mode(config)
        self.launcher.env_file = config.env_file
        self.launcher.environment = dict(config.environment)
        self._tell_programs()
        why = self._take_socket()
        if why:
            logger.warning(f"still without a control socket: {config.socket_path}: {why}")
        target = (config.logfile, config.log_maxbytes, config.log_backups)
        moved = _log_of(config) != _log_of(old)
        if not self._daemon:
            if moved or old.loglevel != config.loglevel:
                logger.setup_logger(config.loglevel, *target)
            return
        if old.umask != config.umask:
            self._set_umask(config.umask)
        if config.logfile and moved:
            self._open_log(self.outputs, config)
        elif not config.logfile and (moved or old.log_format != config.log_format):
            logger.use_stream(config.loglevel, self.outputs.log_stream(), config.log_format)
            last, self._log = self._log, None
            if last is not None:
                self.outputs.release((last.sink,))
        logger.set_level(config.loglevel)

    def _take_pidfile(self) -> None:
        path = self._config.pidfile
        if path in ("", "none"):
            return
        try:
            self._pidfile = Pidfile(path, _uids(self._config.user))
        except PidfileInUse:
            raise
        except OSError as error:
            logger.warning(f"running without a pid file: {path}: {error.strerror}")

    def close(self) -> None:
        """Ends every connection and closes every file; output that is still queued is lost."""
        self._socket.close()
        self.outputs.close()
        self.launcher.close()
        self.runtime.reaper.close()
        self.runtime.spawner.close()
        if self._pidfile is not None:
            self._pidfile.close()


def _log_of(config: SupervisorConfig) -> tuple[object, ...]:
    """Returns the settings of the daemon's log file."""
    limits = (config.log_maxbytes, config.log_backups, config.log_compress)
    return config.logfile, *limits, config.log_rotate, config.log_suffix, config.log_on_stdout_too


def _mode(config: SupervisorConfig) -> tuple[int, bool]:
    """Returns the mode of log files, as `OutputRouter` takes it."""
    return LOGFILE_MODE if config.logfile_mode is None else (config.logfile_mode, True)


def _uids(user: str | None) -> tuple[int, ...]:
    """Returns users, besides root and us, who may own the pid file: an earlier run gave it to the user."""
    try:
        return () if user is None else (resolve(user).uid,)
    except LookupError:
        return ()
