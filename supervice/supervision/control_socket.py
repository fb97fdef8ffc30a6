"""Where the daemon's control socket is: the configured path, or the first default place that can be had.

Containers of a pod may share a directory, and a stranger may write into it. What is in the way at a
default place neither keeps the daemon from starting nor takes its control socket away: a name with the
container's own mark is taken there, or the next place, and `supervicectl` looks there too.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.control.address import marked, writable_paths
from supervice.control.server import RpcServer, SocketInUse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.control.commands import Commands
    from supervice.lean.loop import EventLoop
    from supervice.models import SupervisorConfig


class ControlSocket:
    """Of one run. `path` is None where there is no socket, or none yet."""

    def __init__(self, loop: EventLoop, commands: Commands) -> None:
        self._loop = loop
        self._commands = commands
        self._server: RpcServer | None = None
        self.path: str | None = None

    def open(self, config: SupervisorConfig) -> None:
        """Takes a place. SocketInUse when a daemon of root's or of our own user answers there, or when
        something that is no socket lies at the configured path."""
        if config.socket_path == "none":
            return
        if config.socket_path:
            why = self._take(config.socket_path, config)
            if why:
                logger.warning(f"running without a control socket: {config.socket_path}: {why}")
            return
        why = "no directory for it can be written"
        for place in writable_paths(os.environ):
            for path in (place, marked(place)):
                try:
                    why = self._take(path, config)
                except SocketInUse as error:
                    if not error.foreign:
                        raise
                    why = error.reason
                if not why:
                    return
                logger.warning(f"no control socket at {path}: {why}; the next default place is tried")
        logger.warning(f"running without a control socket: {why}")

    def _take(self, path: str, config: SupervisorConfig) -> str:
        """Listens there; "", or why that cannot be. SocketInUse."""
        server = RpcServer(
            self._loop,
            self._commands,
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
            return error.strerror or str(error)
        self._server = server
        self.path = os.path.abspath(path)
        return ""

    def restore(self) -> list[str]:
        """Makes the socket file again if it was removed; what could not be made, and why."""
        return [] if self._server is None else self._server.restore()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()


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
