"""The control socket's server: accepts connections and keeps account of them.

What is said on a connection is `connection.Connection`'s business, what is done `Commands`'. Runs on the
daemon's loop and on asyncio's. Without clients it costs no wake-up.
"""

from __future__ import annotations

import errno
import os

from supervice.doors.access import access
from supervice.doors.connection import Connection
from supervice.doors.listener import Listener, SocketInUse, check_socket
from supervice.doors.peer import groups_of, peer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from supervice.doors.access import Level
    from supervice.doors.commands import Commands
    from supervice.loop import AnyFuture, Cancellable, EventLoop

__all__ = ["RpcServer", "SocketInUse", "check_socket"]

MAX_CONNECTIONS = 512
ACCEPTS_PER_TURN = 32  # so that a storm of clients does not hold up reaping
FIRST_PAUSE = 0.1  # seconds without accepting when descriptors or memory have run out, then doubled
LONGEST_PAUSE = 5.0
IDLE_ENOUGH = 5.0  # seconds of silence after which a client may lose its place to another, when all are taken

# What accept says when it is we who cannot; anything else is one client's misfortune.
EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class RpcServer:
    """Serves `commands` at `path`.

    `mode` is the socket file's, by default 0600, or 0660 with `group_gid`, whose members may read. `log` gets
    one line for what an administrator should know.
    """

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
        self.loop = loop
        self.commands = commands
        self.path = path
        self.mode = mode if mode is not None else 0o600 if group_gid is None else 0o660
        self.group_gid = group_gid
        self._log = log
        self._listener: Listener | None = None
        self._connections: dict[Connection, None] = {}  # in the order of their coming
        self._tasks: set[AnyFuture] = set()
        self._accepting = False
        self._pause = FIRST_PAUSE
        self._resume: Cancellable | None = None

    def open(self) -> None:
        """Makes the socket and begins to accept (about 0.2 ms).

        Raises `SocketInUse` when a live daemon answers at `path` or something that is no socket lies there,
        other OSErrors when the socket cannot be made. A dead socket is replaced.
        """
        if self._listener is None:
            self._listener = Listener(self.path, self.mode, self.group_gid, self.log)
            self._accept_or_not()

    def close(self) -> None:
        """Ends every connection, stops listening and removes the socket file if it is still ours."""
        listener, self._listener = self._listener, None
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        if listener is not None:
            if self._accepting:
                self.loop.remove_reader(listener.fd)
                self._accepting = False
            listener.close()
        for connection in list(self._connections):
            connection.close()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    # Accepting ----------------------------------------------------------------------------------------

    def _accept_or_not(self) -> None:
        """Watches the listening socket, unless we rest."""
        listener = self._listener
        wanted = self._resume is None
        if listener is None or wanted == self._accepting:
            return
        self._accepting = wanted
        if wanted:
            self.loop.add_reader(listener.fd, self._on_connect, listener)
        else:
            self.loop.remove_reader(listener.fd)

    def _on_connect(self, listener: Listener) -> None:
        for turn in range(ACCEPTS_PER_TURN):
            if self._listener is not listener:
                return
            if len(self._connections) >= MAX_CONNECTIONS:
                if turn:
                    break  # only the first look is sure that somebody waits
                if not self._drop_idle():
                    self._rest(f"there are {MAX_CONNECTIONS} already")
                    break
            try:
                sock = listener.accept()
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._rest(error.strerror or str(error))
                    break
                continue
            self._pause = FIRST_PAUSE
            self._welcome(sock)
        self._accept_or_not()

    def _welcome(self, sock: _socket.socket) -> None:
        try:
            connection = Connection(self, sock, self._level(sock))
        except OSError:
            sock.close()  # gone before we looked, or it cannot be watched
            return
        self._connections[connection] = None

    def _level(self, sock: _socket.socket) -> Level | None:
        peer = peer_of(sock)
        uid = os.geteuid()
        level = access(peer.uid, (), uid, self.group_gid)
        if level is None and self.group_gid is not None:
            level = access(peer.uid, groups_of(sock, peer), uid, self.group_gid)
        return level

    def _rest(self, why: str) -> None:
        # The client stays in the queue and would wake us at once, again and again.
        self.log(f"control socket: no new connection for {self._pause:g} s: {why}")
        self._resume = self.loop.call_later(self._pause, self._rested)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _rested(self) -> None:
        self._resume = None
        self._accept_or_not()

    def _drop_idle(self) -> bool:
        """Makes room: the client that came first of those that want nothing just now has to go."""
        for connection in self._connections:
            if connection.idle_for(IDLE_ENOUGH):
                connection.close()
                return True
        return False

    # For connections ----------------------------------------------------------------------------------

    def log(self, line: str) -> None:
        if self._log is not None:
            self._log(line)

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
        if self._resume is not None:  # a place and a descriptor are free now
            self._resume.cancel()
            self._rested()
