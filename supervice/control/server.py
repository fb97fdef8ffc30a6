"""The control socket's server: accepts connections and keeps account of them.

What is said on a connection is `connection.Connection`'s business, what is done `Commands`'. Runs on the
daemon's loop and on asyncio's. Without clients it costs no wake-up.
"""

from __future__ import annotations

import os

from supervice.control.access import access
from supervice.control.connection import Connection
from supervice.net.acceptor import Acceptor
from supervice.net.peer import groups_of, peer_of
from supervice.net.server_base import Clients
from supervice.net.unix_listener import Listener, SocketInUse, check_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from supervice.control.access import Level
    from supervice.control.commands import Commands
    from supervice.lean.loop import AnyFuture, EventLoop

__all__ = ["RpcServer", "SocketInUse", "check_socket"]


class RpcServer(Clients):
    """Serves `commands` at `path`.

    `mode` is the socket file's, by default 0600, or 0660 with `group_gid`, whose members may read. `log` gets
    one line for what an administrator should know.
    """

    most = 512

    def __init__(
        self,
        loop: EventLoop,
        commands: Commands,
        *,
        path: str,
        mode: int | None = None,
        group_gid: int | None = None,
        log: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(log)
        self.loop = loop
        self.commands = commands
        self.path = path
        self.mode = mode if mode is not None else 0o600 if group_gid is None else 0o660
        self.group_gid = group_gid
        self._acceptor: Acceptor | None = None
        self._listener: Listener | None = None

    def open(self) -> None:
        """Makes the socket and begins to accept (about 0.2 ms).

        Raises `SocketInUse` when a live daemon answers at `path` or something that is no socket lies there,
        other OSErrors when the socket cannot be made. A dead socket is replaced.
        """
        if self._acceptor is None:
            self._listener = Listener(self.path, self.mode, self.group_gid, self.log)
            self._acceptor = Acceptor(
                self.loop, self._listener, self._welcome, self._room, self.log, "control socket"
            )

    def give(self, uid: int) -> None:
        """Makes the socket file that of the user that we are about to become."""
        if self._listener is not None:
            self._listener.give(uid)

    def close(self) -> None:
        """Ends every connection, stops listening and removes the socket file if it is still ours."""
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is not None:
            acceptor.close()
        for connection in list(self._connections):
            connection.close()

    # Clients ------------------------------------------------------------------------------------------

    def _welcome(self, sock: _socket.socket, _peer: str) -> None:
        self._connections[Connection(self, sock, self._level(sock))] = None

    def _level(self, sock: _socket.socket) -> Level | None:
        peer = peer_of(sock)
        uid = os.geteuid()
        level = access(peer.uid, (), uid, self.group_gid)
        if level is None and self.group_gid is not None:
            level = access(peer.uid, groups_of(sock, peer), uid, self.group_gid)
        return level

    # For connections ----------------------------------------------------------------------------------

    def keep(self, task: AnyFuture) -> None:
        """Holds `task` until it is done: asyncio itself only holds a weak reference."""
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: AnyFuture) -> None:
        self._tasks.discard(task)
        try:
            task.result()
        except Exception as error:
            self.log(f"control socket: unexpected {type(error).__name__}: {error}")
        except BaseException as error:
            # cancelled, which has another name on each loop
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise

    def forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        if self._acceptor is not None:
            self._acceptor.wake()  # a place and a descriptor are free now
