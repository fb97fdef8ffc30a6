"""The HTTP server: listens on Unix and internet sockets and gives whole requests to a handler.

`connection.HttpConnection` talks to each client, and h11 knows HTTP. Imported only when a configuration asks
for HTTP: h11 is the largest thing that the daemon can load. Runs on the daemon's loop and on asyncio's.
Without clients it causes no wake-up.
"""

from __future__ import annotations

from supervice.http.connection import LITTLE, MAX_BODY, HttpConnection
from supervice.http.messages import Request, Response, text
from supervice.net.server_base import QUIET, ServerBase
from supervice.net.unix_listener import Listener, SocketInUse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any

    from supervice.http.messages import Guard, Handler, Stream
    from supervice.lean.loop import EventLoop
    from supervice.net.peer import Peer

__all__ = ["HttpServer", "Request", "Response", "SocketInUse", "Stream", "text"]

MAX_TASKS = 256  # requests being worked on, those of clients that left among them
# Bytes that all connections together keep of answers and requests before one more of some size is begun; as
# many of streams. An answer may be larger by itself: that of XML-RPC has up to 16 MiB.
ROOM = 8 * 1024 * 1024
PATIENCE = 1.0  # seconds that a client has for reading while others need the room


class HttpServer(ServerBase):
    """Answers requests with what `handler` returns: a Response, or an awaitable of one.

    The handler may raise: the client gets a 500, and `log` a line. `guard` sees the head of a request before
    its body is read; if it returns a Response, that is the answer. One server may listen at many addresses.
    A handler that returns an awaitable has read the body before.
    """

    most = 256
    title = "http"

    def __init__(
        self,
        loop: EventLoop,
        handler: Handler,
        *,
        log: Callable[[str], object] | None = None,
        guard: Guard | None = None,
        large: tuple[str, int] | None = None,
    ) -> None:
        super().__init__(loop, log)
        self.handler = handler
        self.guard = guard
        self._large = large  # a path, and how many bytes a body may have there and below
        self._dropped = -QUIET

    def open_unix(self, path: str, mode: int = 0o700, uid: int | None = None, gid: int | None = None) -> None:
        """Listens at `path`; mode and owner are set before a client can connect.

        `SocketInUse` when a live daemon answers there or something other than a socket lies there; other
        OSErrors when it cannot be made. A dead socket is replaced.
        """
        self._listen(Listener(path, mode, gid, self.log, uid=uid), f"http {path}")

    def open_inet(self, host: str, port: int, found: list[tuple[Any, ...]] | None = None) -> None:
        """Listens at `host` (an address, or "" or "*" for all interfaces, IPv6 included) and `port`.

        For a name, `found` has its addresses: `opening.Opening` looks them up. An OSError's `strerror` says
        where and why. Port 0: see `ports`.
        """
        from supervice.net.inet_listener import listen

        for listener in listen(host, port, found):
            self._listen(listener, f"http {listener.name}")

    @property
    def ports(self) -> list[int]:
        """Returns the ports of the internet sockets."""
        return [acceptor.listener.port for acceptor in self._acceptors if acceptor.listener.port]

    def close_soon(self) -> None:
        """Stops listening; a client that is being answered gets its whole answer first."""
        self._stop_listening()
        for connection in list(self._connections):
            connection.close_soon()

    def _welcome(self, sock: _socket.socket, endpoint: str, peer: Peer | None) -> HttpConnection:
        where = endpoint if peer is None else f"unix:uid={peer.uid},pid={peer.pid}"
        return HttpConnection(self, sock, where)

    def _last_words(self, why: str) -> bytes:
        body = f"{why}\n".encode()
        head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
        return (
            f"{head}Content-Length: {len(body)}\r\nRetry-After: 5\r\nConnection: close\r\n\r\n".encode()
            + body
        )

    @property
    def overloaded(self) -> bool:
        """Returns whether no further request may begin; for connections."""
        return len(self._tasks) >= MAX_TASKS

    def most_body(self, request: Request) -> int:
        """Returns how many bytes the body of a request may have; for connections."""
        return self._large[1] if self._large and request.path.startswith(self._large[0]) else MAX_BODY

    def has_room(self, asking: HttpConnection) -> bool:
        """Returns whether a connection may keep more than a little; for connections.

        For an answer or a request, those that take longest give up theirs. Streams lose pieces instead.
        """
        clients: list[HttpConnection] = [
            client
            for client in self._connections
            if client.held > LITTLE and client.streams == asking.streams
        ]
        kept = sum(client.held for client in clients)
        if kept > ROOM and not asking.streams:
            latest = self.loop.time() - PATIENCE
            for client in sorted(clients, key=lambda client: client.since):
                if kept <= ROOM or client.since > latest:
                    break
                if client is not asking:
                    kept -= client.held
                    client.close()
                    self._say_dropped()
        return kept <= ROOM

    def _say_dropped(self) -> None:
        now = self.loop.time()
        if now - self._dropped >= QUIET:
            self._dropped = now
            self.log("http: clients that do not read their answers were dropped")
