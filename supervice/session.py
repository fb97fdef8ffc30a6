"""What a supervisor holds open while it runs: output, log, pid file, control socket."""

from __future__ import annotations

import os

from supervice import logger
from supervice.doors.address import default_socket_path
from supervice.doors.rpc import RpcServer, SocketInUse
from supervice.launch import Launcher
from supervice.output.router import OutputRouter
from supervice.pid1 import placement
from supervice.pid1.pidfile import Pidfile, PidfileInUse
from supervice.pid1.runtime import guest_runtime, own_runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.doors.commands import Commands
    from supervice.loop import EventLoop
    from supervice.models import SupervisorConfig


class Session:
    """`daemon`: this process is ours alone. `directory` is where programs start that name no other.

    Making one may raise SocketInUse or PidfileInUse; then nothing is left open.
    """

    def __init__(
        self, loop: EventLoop, config: SupervisorConfig, commands: Commands, *, daemon: bool, directory: str
    ) -> None:
        self._loop = loop
        self._config = config
        self._server: RpcServer | None = None
        self._pidfile: Pidfile | None = None
        self.socket_path: str | None = None
        if daemon:
            placement.settle_in()
            os.chdir("/")  # so that no file system is held busy by us
            if config.umask is not None:
                os.umask(config.umask)
        self.runtime = own_runtime(loop) if daemon else guest_runtime()
        self.outputs = self._open_output(daemon)
        self.launcher = Launcher(self.runtime, self.outputs, config.environment, directory, config.env_file)
        try:
            self._take_pidfile()
            self._open_socket(commands)
        except BaseException:
            self.close()
            raise
        if self.socket_path is not None:
            self.launcher.environment.setdefault("SUPERVICE_SOCKET", self.socket_path)

    def _open_output(self, daemon: bool) -> OutputRouter:
        config = self._config
        outputs = OutputRouter(
            self._loop,
            log_format=config.log_format,
            log_overflow=config.log_overflow,
            log_buffer=config.log_buffer,
            log=logger.log,
        )
        if daemon:
            logger.use_stream(config.loglevel, outputs.log_stream(), config.log_format)
            if config.logfile:
                try:
                    write = outputs.log_file(
                        config.logfile, config.log_maxbytes, config.log_backups, config.log_compress
                    )
                except OSError as error:
                    logger.warning(f"logging to stdout: {config.logfile}: {error.strerror}")
                else:
                    logger.use_stream(config.loglevel, write)
        return outputs

    def _take_pidfile(self) -> None:
        path = self._config.pidfile
        if path in ("", "none"):
            return
        try:
            self._pidfile = Pidfile(path)
        except PidfileInUse:
            raise
        except OSError as error:
            logger.warning(f"running without a pid file: {path}: {error.strerror}")

    def _open_socket(self, commands: Commands) -> None:
        config = self._config
        if config.socket_path == "none":
            return
        path = config.socket_path or default_socket_path(os.environ)
        if path is None:
            logger.warning("running without a control socket: no directory for it can be written")
            return
        server = RpcServer(
            self._loop,
            commands,
            path=path,
            mode=config.socket_mode,
            group_gid=_group(config.socket_group),
            log=logger.warning,
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

    def close(self) -> None:
        """Ends every connection and lets go of every file; what is still queued for output is lost."""
        if self._server is not None:
            self._server.close()
        self.outputs.close()
        self.launcher.close()
        self.runtime.reaper.close()
        if self._pidfile is not None:
            self._pidfile.close()


def _group(name: str | None) -> int | None:
    if name is None:
        return None
    if name.isdecimal():
        return int(name)
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        logger.warning(f"socket_group: there is no group {name!r} here")
        return None
