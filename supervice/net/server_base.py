"""What both servers share: they listen, count their clients, and hold the tasks that work for them.

The control socket and HTTP build on it. It knows no protocol.
"""

from __future__ import annotations

import os

from supervice.net.acceptor import Acceptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any, Protocol

    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.net.acceptor import Listening
    from supervice.net.connection_limits import ConnectionLimits, Owner
    from supervice.net.peer import Peer

    class Client(Protocol):
        """A connection, as its server sees it."""

        def idle_for(self, seconds: float) -> bool: ...
        def close(self) -> None: ...


SPARE = 64  # descriptors that connections leave to programs that are to be started; root's leave half of it
QUIET = 60.0  # seconds between two log lines about refused clients

IDLE_ENOUGH = 5.0  # seconds of silence after which a client may lose its place to another, when all are taken


class ServerBase:
    """A subclass makes connections in `_welcome`. `log` gets single lines."""

    most = 0  # connections at once
    title = ""  # what log lines begin with

    def __init__(self, loop: EventLoop, log: Callable[[str], object] | None) -> None:
        self.loop = loop
        self._log = log
        self._acceptors: list[Acceptor] = []
        self._connections: dict[Any, Owner] = {}  # the oldest first
        self._places: ConnectionLimits | None = None  # made with the first client
        self._complained = -QUIET
        self._tasks: set[AnyFuture] = set()

    @property
    def connections(self) -> int:
        """The number of connected clients."""
        return len(self._connections)

    def log(self, line: str) -> None:
        if self._log is not None:
            self._log(line)

    # -- listening ---------------------------------------------------------------------------------------

    def _listen(self, listener: Listening, name: str) -> None:
        self._acceptors.append(Acceptor(self.loop, listener, self._arrived, self._room, self.log, name))

    def _welcome(self, sock: _socket.socket, endpoint: str, peer: Peer | None) -> Client:
        """Returns the connection of a new client: `peer` is set for a Unix socket, `endpoint` for another.

        An OSError costs that client its connection.
        """
        raise NotImplementedError

    def _last_words(self, why: str) -> bytes:
        """Returns what a client is told that gets no place."""
        raise NotImplementedError

    def _arrived(self, sock: _socket.socket, endpoint: str) -> None:
        from supervice.net.connection_limits import ConnectionLimits, owner_of_address
        from supervice.net.peer import peer_of

        if self._places is None:
            self._places = ConnectionLimits()
        peer = None if endpoint else peer_of(sock)
        owner = owner_of_address(endpoint) if peer is None else peer.uid
        why = self._short_of_descriptors(sock, owner) or self._places.refusal(owner, self.most, os.geteuid())
        if why and not self._evict(owner):
            self._refuse(sock, owner, why)
            return
        self._connections[self._welcome(sock, endpoint, peer)] = owner
        self._places.take(owner)

    def _short_of_descriptors(self, sock: _socket.socket, owner: Owner) -> str:
        """Returns whether few descriptors are free: a new one has the lowest free number."""
        limit = os.sysconf("SC_OPEN_MAX")
        spare = min(SPARE, limit // 8) // (2 if owner == 0 else 1)
        return "" if limit < 0 or sock.fileno() < limit - spare else "too few descriptors are left"

    def _evict(self, owner: Owner) -> bool:
        """Returns whether the oldest idle connection of `owner` has given up its place."""
        client: Client
        for client, its_owner in self._connections.items():
            if its_owner == owner and client.idle_for(IDLE_ENOUGH):
                client.close()
                return True
        return False

    def _refuse(self, sock: _socket.socket, owner: Owner, why: str) -> None:
        try:
            sock.send(self._last_words(why))  # into an empty buffer: all of it or nothing
        except OSError:
            pass
        sock.close()
        now = self.loop.time()
        if now - self._complained >= QUIET:
            from supervice.net.connection_limits import describe

            self._complained = now
            self.log(f"{self.title}: a connection of {describe(owner)} was refused: {why}")

    def _room(self, waits: bool) -> str:
        """Returns why there is no place for one more client; "" when there is one.

        With `waits`, a client is in the queue: the oldest idle connection gives up its place.
        """
        if len(self._connections) < self.most:
            return ""
        client: Client
        for client in self._connections if waits else ():
            if client.idle_for(IDLE_ENOUGH):
                client.close()
                return ""
        return f"there are {self.most} already"

    def restore(self) -> list[tuple[str, str]]:
        """Makes removed socket files again; returns what could not be made, and why."""
        failed: list[tuple[str, str]] = []
        for acceptor in self._acceptors:
            try:
                if acceptor.restore():
                    self.log(f"{acceptor.name}: its socket file was removed; it is made again")
            except OSError as error:
                why = getattr(error, "reason", error.strerror or str(error))
                failed.append((acceptor.name, f"its socket file was removed: {why}"))
        return failed

    def _stop_listening(self) -> None:
        acceptors, self._acceptors = self._acceptors, []
        for acceptor in acceptors:
            acceptor.close()

    def close(self) -> None:
        """Stops listening and closes every connection; commands that change something run to their end."""
        self._stop_listening()
        for connection in list(self._connections):
            connection.close()

    # -- for connections ---------------------------------------------------------------------------------

    def forget(self, client: Client) -> None:
        """Forgets a connection that has ended."""
        owner = self._connections.pop(client, None)
        if owner is not None and self._places is not None:
            self._places.give_back(owner)
        for acceptor in self._acceptors:
            acceptor.wake()  # a place and a descriptor are free now

    def keep(self, task: AnyFuture) -> None:
        """Holds `task` until it is done: asyncio itself holds only a weak reference."""
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: AnyFuture) -> None:
        self._tasks.discard(task)
        try:
            task.result()
        except Exception as error:
            self.log(f"{self.title}: unexpected {type(error).__name__}: {error}")
        except BaseException as error:
            # cancelled, an exception of another name on each loop
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
