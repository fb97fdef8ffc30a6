"""The control socket's server: accepts connections and decides what each client may do.

`connection.Connection` talks to the client, `Commands` does what it asks. Runs on the daemon's loop and on
asyncio's. Without clients it causes no wake-up; the code that serves one is loaded with the first client.
"""

from __future__ import annotations

import os

from supervice.net.server_base import ServerBase
from supervice.net.unix_listener import Listener, SocketInUse, check_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from supervice.control.access import Level
    from supervice.control.commands import Commands
    from supervice.control.connection import Connection
    from supervice.lean.loop import EventLoop
    from supervice.net.peer import Peer

__all__ = ["RpcServer", "SocketInUse", "check_socket"]


class RpcServer(ServerBase):
    """Serves `commands` at `path`.

    `mode` is that of the socket file, by default 0600, or 0660 with `group_gid`, whose members may read.
    `log` gets one line for each thing an administrator should know.
    """

    most = 512
    title = "control socket"

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
        super().__init__(loop, log)
        self.commands = commands
        self.path = path
        self.mode = mode if mode is not None else 0o600 if group_gid is None else 0o660
        self.group_gid = group_gid
        self._listener: Listener | None = None

    def open(self) -> None:
        """Makes the socket and begins to accept (about 0.2 ms).

        Raises `SocketInUse` when a live daemon answers at `path` or something other than a socket lies there,
        other OSErrors when the socket cannot be made. A dead socket is replaced. `close` removes the file if
        it is still ours.
        """
        if not self._acceptors:
            self._listener = Listener(self.path, self.mode, self.group_gid, self.log)
            self._listen(self._listener, self.title)

    def give(self, uid: int) -> None:
        """Gives the socket file to the user that we are about to become. OSError."""
        if self._listener is not None:
            self._listener.give(uid)

    def _welcome(self, sock: _socket.socket, _endpoint: str, peer: Peer | None) -> Connection:
        from supervice.control.connection import Connection

        assert peer is not None, "this is a Unix socket"
        return Connection(self, sock, self._level(sock, peer))

    def _last_words(self, why: str) -> bytes:
        from supervice.control.protocol import BUSY, encode_reply

        return encode_reply({"status": "error", "code": BUSY, "message": why})

    def _level(self, sock: _socket.socket, peer: Peer) -> Level | None:
        from supervice.control.access import access

        uid = os.geteuid()
        level = access(peer.uid, (), uid, self.group_gid)
        if level is None and self.group_gid is not None:
            from supervice.net.peer import groups_of

            level = access(peer.uid, groups_of(sock, peer), uid, self.group_gid)
        return level
