"""What both servers do: listen, keep account of their clients, and hold the tasks that work for them.

The control socket and HTTP build on it. It does not know what is said on a connection.
"""

from __future__ import annotations

from supervice.net.acceptor import Acceptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any, Protocol

    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.net.acceptor import Listening

    class Client(Protocol):
        """A connection, as its server sees it."""

        def idle_for(self, seconds: float) -> bool: ...
        def close(self) -> None: ...


IDLE_ENOUGH = 5.0  # seconds of silence after which a client may lose its place to another, when all are taken


class ServerBase:
    """A subclass makes a connection in `_welcome` and adds it to `_connections`. `log` gets single lines."""

    most = 0  # connections at once
    title = ""  # what log lines begin with

    def __init__(self, loop: EventLoop, log: Callable[[str], object] | None) -> None:
        self.loop = loop
        self._log = log
        self._acceptors: list[Acceptor] = []
        self._connections: dict[Any, None] = {}  # the oldest first
        self._tasks: set[AnyFuture] = set()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def log(self, line: str) -> None:
        if self._log is not None:
            self._log(line)

    # -- listening ---------------------------------------------------------------------------------------

    def _listen(self, listener: Listening, name: str) -> None:
        self._acceptors.append(Acceptor(self.loop, listener, self._welcome, self._room, self.log, name))

    def _welcome(self, sock: _socket.socket, peer: str) -> None:
        """Makes the connection of a new client. An OSError costs that client its connection."""
        raise NotImplementedError

    def _room(self, waits: bool) -> str:
        """Why there is no place for one more client; "" when there is one.

        With `waits`, a client is in the queue: the oldest connection that is idle gives its place up.
        """
        if len(self._connections) < self.most:
            return ""
        client: Client
        for client in self._connections if waits else ():
            if client.idle_for(IDLE_ENOUGH):
                client.close()
                return ""
        return f"there are {self.most} already"

    def _stop_listening(self) -> None:
        acceptors, self._acceptors = self._acceptors, []
        for acceptor in acceptors:
            acceptor.close()

    def close(self) -> None:
        """Stops listening and ends every connection; what acts for a client runs to its end."""
        self._stop_listening()
        for connection in list(self._connections):
            connection.close()

    # -- for connections ---------------------------------------------------------------------------------

    def forget(self, client: Client) -> None:
        """The connection has ended."""
        self._connections.pop(client, None)
        for acceptor in self._acceptors:
            acceptor.wake()  # a place and a descriptor are free now

    def keep(self, task: AnyFuture) -> None:
        """Holds `task` until it is done: asyncio itself only holds a weak reference."""
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: AnyFuture) -> None:
        self._tasks.discard(task)
        try:
            task.result()
        except Exception as error:
            self.log(f"{self.title}: unexpected {type(error).__name__}: {error}")
        except BaseException as error:
            # cancelled, which has another name on each loop
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
