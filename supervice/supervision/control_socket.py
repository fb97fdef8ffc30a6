"""Opens the daemon's control socket: at the configured path, or at the first default path it can have.

Containers of a pod may share a directory, and other users may write into it. An obstacle at our path neither
keeps the daemon from starting nor deprives it of a control socket: the default paths come next, at last under
names with the container's own mark, and `supervicectl` looks there too.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.control.server import RpcServer, SocketInUse
from supervice.fs.place import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.control.commands import Commands
    from supervice.lean.loop import EventLoop
    from supervice.models import SupervisorConfig


class ControlSocket:
    """The control socket of one run. `path` is None while there is none."""

    def __init__(self, loop: EventLoop, commands: Commands) -> None:
        self._loop = loop
        self._commands = commands
        self._server: RpcServer | None = None
        self.path: str | None = None

    def open(self, config: SupervisorConfig) -> None:
        """Takes a path if there is none yet; logs obstacles. SocketInUse.

        It raises that when a daemon of root or our own user answers there, or root has put something else at
        the configured path.
        """
        if self._server is not None or config.socket_path == "none":
            return
        group = _group(config.socket_group)
        configured = config.socket_path
        if configured:
            why, blocked = self._try(configured, config, group)
            if why and not blocked:
                logger.warning(
                    f"running without a control socket: {configured}: {why}; "
                    "mount or create a directory there that supervice may write into"
                )
            if not blocked:
                return
            logger.warning(f"no control socket at {configured}: {why}; the default places are tried")
        from supervice.control.address import writable_paths

        for path in writable_paths(os.environ):
            why, blocked = self._try(path, config, group, default=True)
            if not why:
                return
            if blocked:
                logger.warning(f"no control socket at {path}: {why}; the next default place is tried")
        logger.warning(
            "running without a control socket: no directory for it can be written; give it one with socket ="
        )

    def _try(
        self, path: str, config: SupervisorConfig, group: int | None, *, default: bool = False
    ) -> tuple[str, bool]:
        """Listens there; ("", False), or why not, and whether the obstacle is one that we leave alone."""
        server = RpcServer(
            self._loop,
            self._commands,
            path=path,
            mode=config.socket_mode,
            group_gid=group,
            log=logger.warning,
        )
        try:
            server.open()
        except SocketInUse as error:
            if error.live or not (error.foreign or default):
                raise
            return error.reason, True
        except OSError as error:
            return error.strerror or str(error), isinstance(error, Refused)
        self._server = server
        self.path = os.path.abspath(path)
        return "", False

    def restore(self) -> list[tuple[str, str]]:
        """Makes the socket file again if it was removed; returns what could not be made, and why."""
        return [] if self._server is None else self._server.restore()

    def give(self, uid: int) -> None:
        """Gives the socket file to the user that we are about to become. OSError."""
        if self._server is not None:
            self._server.give(uid)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()


def _group(name: str | None) -> int | None:
    if name is None:
        return None
    if name.isascii() and name.isdecimal():
        return int(name)
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        logger.warning(f"socket_group: there is no group {name!r} here")
        return None
