"""The HTTP server: listens on Unix and internet sockets and hands whole requests to a handler.

What is said on a connection is `http_connection`'s business, and that module's `h11`'s; both are loaded when
the first socket is opened, so a daemon without HTTP pays nothing. Runs on the daemon's loop and on asyncio's.
Without clients it costs no wake-up.
"""

from __future__ import annotations

from supervice.http.messages import Request, Response, text
from supervice.net.acceptor import Acceptor
from supervice.net.peer import peer_of
from supervice.net.server_base import Clients
from supervice.net.unix_listener import Listener, SocketInUse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from supervice.http.connection import HttpConnection
    from supervice.http.messages import Guard, Handler, Stream
    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.net.inet_listener import InetListener

__all__ = ["MISSING", "HttpServer", "HttpUnavailable", "Request", "Response", "SocketInUse", "Stream", "text"]

MISSING = "HTTP needs the library h11: pip install 'supervice[http]'"
MAX_TASKS = 256  # requests being worked on, those of clients that left among them


class HttpUnavailable(OSError):
    """h11 is not installed. The message is one line and says what to do."""


def require_h11() -> None:
    """Raises HttpUnavailable when there is no h11."""
    try:
        import h11  # noqa: F401
    except ImportError:
        raise HttpUnavailable(MISSING) from None


class HttpServer(Clients):
    """Answers requests with what `handler` returns: a Response, or an awaitable of one.

    The handler may raise: the client gets a 500 and `log` a line. `guard` is asked when the head of a request
    has come, before its body is read; a Response of it is the answer. One server may listen at many places.
    """

    most = 256

    def __init__(
        self,
        loop: EventLoop,
        handler: Handler,
        *,
        log: Callable[[str], object] | None = None,
        guard: Guard | None = None,
    ) -> None:
        super().__init__(log)
        self.loop = loop
        self.handler = handler
        self.guard = guard
        self._acceptors: list[Acceptor] = []

    def open_unix(self, path: str, mode: int = 0o700, uid: int | None = None, gid: int | None = None) -> None:
        """Listens at `path` (mode and owner are in place before anybody can connect).

        `HttpUnavailable`; `SocketInUse` when a live daemon answers there or something that is no socket lies
        there; other OSErrors when it cannot be made. A dead socket is replaced.
        """
        require_h11()
        self._listen(Listener(path, mode, gid, self.log, uid=uid), path)

    def open_inet(self, host: str, port: int) -> None:
        """Listens at `host` (an address, a name, or "" or "*" for all interfaces, IPv6 included) and `port`.

        `HttpUnavailable`, or an OSError whose `strerror` says where and why. Port 0: see `ports`.
        """
        require_h11()
        from supervice.net.inet_listener import listen

        for listener in listen(host, port):
            self._listen(listener, listener.name)

    def _listen(self, listener: Listener | InetListener, name: str) -> None:
        self._acceptors.append(
            Acceptor(self.loop, listener, self._welcome, self._room, self.log, f"http {name}")
        )

    @property
    def ports(self) -> list[int]:
        """The ports of the internet sockets."""
        return [acceptor.listener.port for acceptor in self._acceptors if acceptor.listener.port]

    def close(self) -> None:
        """Ends every connection and stops listening; what handlers are doing runs to its end."""
        acceptors, self._acceptors = self._acceptors, []
        for acceptor in acceptors:
            acceptor.close()
        for connection in list(self._connections):
            connection.close()

    def close_soon(self) -> None:
        """Stops listening; a client that is being answered gets its answer whole first."""
        acceptors, self._acceptors = self._acceptors, []
        for acceptor in acceptors:
            acceptor.close()
        for connection in list(self._connections):
            connection.close_soon()

    # Clients ------------------------------------------------------------------------------------------

    def _welcome(self, sock: _socket.socket, peer: str) -> None:
        from supervice.http.connection import HttpConnection

        if not peer:
            who = peer_of(sock)
            peer = f"unix:uid={who.uid},pid={who.pid}"
        self._connections[HttpConnection(self, sock, peer)] = None

    # For connections ----------------------------------------------------------------------------------

    @property
    def overloaded(self) -> bool:
        return len(self._tasks) >= MAX_TASKS

    def keep(self, task: AnyFuture) -> None:
        """Holds `task` until it is done: asyncio itself only holds a weak reference."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, connection: HttpConnection) -> None:
        self._connections.pop(connection, None)
        for acceptor in self._acceptors:
            acceptor.wake()  # a place and a descriptor are free now
