"""What both servers keep of their clients: who is connected, and whether there is room for one more."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from supervice.lean.loop import AnyFuture

    class Client(Protocol):
        def idle_for(self, seconds: float) -> bool: ...
        def close(self) -> None: ...


IDLE_ENOUGH = 5.0  # seconds of silence after which a client may lose its place to another, when all are taken


class Clients:
    """The base of a server. `log` gets one line at a time."""

    most = 0  # connections at once

    def __init__(self, log: Callable[[str], object] | None) -> None:
        self._log = log
        self._connections: dict[Any, None] = {}  # in the order of their coming
        self._tasks: set[AnyFuture] = set()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def log(self, line: str) -> None:
        if self._log is not None:
            self._log(line)

    def _room(self, waits: bool) -> str:
        """Why there is no place for one more client; "" when there is one.

        When one more waits, the client that came first of those that want nothing just now has to go.
        """
        if len(self._connections) < self.most:
            return ""
        connection: Client
        for connection in self._connections if waits else ():
            if connection.idle_for(IDLE_ENOUGH):
                connection.close()
                return ""
        return f"there are {self.most} already"
