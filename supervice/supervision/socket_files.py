"""Looks after the socket files of all servers: makes one that was removed (`rm -f /tmp/*`) again.

It looks at SIGHUP, a reload and `reopen`, and every minute, with one timer for all of them, which runs only
while there is such a file.
"""

from __future__ import annotations

from supervice import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from supervice.lean.loop import Cancellable, EventLoop

    class HasSocketFiles(Protocol):
        @property
        def has_socket_files(self) -> bool: ...
        def restore(self) -> list[tuple[str, str]]:
            """Makes socket files again that were removed; what could not be made, and why."""
            ...


EVERY = 60.0  # seconds


class SocketFiles:
    """The socket files of the servers that `servers` returns."""

    def __init__(self, loop: EventLoop, servers: Callable[[], Iterable[HasSocketFiles]]) -> None:
        self._loop = loop
        self._servers = servers
        self._said: list[tuple[str, str]] = []
        self._timer: Cancellable | None = None
        self._wait()

    def look(self) -> list[tuple[str, str]]:
        """Makes missing files; returns what could not be made and why, after logging what is new."""
        self.close()
        failed = [one for server in self._servers() for one in server.restore()]
        for name, why in failed:
            if (name, why) not in self._said:
                logger.warning(f"{name}: {why}; next attempt in {EVERY:g} s")
        self._said = failed
        self._wait()
        return failed

    def _wait(self) -> None:
        if any(server.has_socket_files for server in self._servers()):
            self._timer = self._loop.call_later(EVERY, self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
