"""Opens the address of an HTTP server, trying again with growing pauses for as long as it takes.

A thread looks up names. An address that cannot be had holds up no program; each failure is reported.
"""

from __future__ import annotations

from supervice.net.resolver import at_once, look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.http.server import HttpServer
    from supervice.lean.loop import Cancellable, EventLoop
    from supervice.net.resolver import Answer

# Seconds until the next try, doubled each time up to the longest.
FIRST_RETRY = 1.0
LONGEST_RETRY = 30.0
# Seconds without an answer of a name server after which that is reported.
SAY_AFTER = 2.0


class Opening:
    """One address. It calls `say(words)` with each obstacle, and `opened()` once it listens."""

    def __init__(
        self,
        loop: EventLoop,
        server: HttpServer,
        say: Callable[[str], object],
        opened: Callable[[], object] | None = None,
    ) -> None:
        self._loop = loop
        self.server = server
        self._say = say
        self._opened = opened
        self._pause = FIRST_RETRY
        self._timer: Cancellable | None = None
        self._stop_asking: Callable[[], None] | None = None
        self.is_open = False

    @property
    def is_asking(self) -> bool:
        """Returns whether a name server is being asked now."""
        return self._stop_asking is not None

    def inet(self, host: str, port: int) -> None:
        """Listens at the address of `host`, a name or in numbers."""
        name = host.strip("[]")
        if name in ("", "*") or at_once(name, port) is not None:
            self._try(lambda: self.server.open_inet(host, port), lambda: self.inet(host, port))
            return

        def answered(answer: Answer) -> None:
            self._rest()

            def open() -> None:
                if isinstance(answer, OSError):
                    raise OSError(answer.errno, f"{name}: {answer.strerror or answer}")
                self.server.open_inet(host, port, answer)

            self._try(open, lambda: self.inet(host, port))

        def ask() -> None:
            self._stop_asking = look_up(self._loop, name, port, 0, answered)
            self._timer = self._loop.call_later(SAY_AFTER, self._still_asking, name)

        try:
            ask()
        except OSError as error:
            self._failed(error, lambda: self.inet(host, port))

    def unix(self, path: str, mode: int, uid: int | None = None, gid: int | None = None) -> None:
        """Listens at the path, with this mode and these owners."""
        self._try(
            lambda: self.server.open_unix(path, mode, uid, gid), lambda: self.unix(path, mode, uid, gid)
        )

    def _still_asking(self, name: str) -> None:
        self._timer = None
        self._say(f"no name server has told the address of {name} yet; it is waited for")

    def _try(self, open: Callable[[], None], again: Callable[[], None]) -> None:
        try:
            open()
        except OSError as error:
            self._failed(error, again)
        else:
            self.is_open = True
            if self._opened is not None:
                self._opened()

    def _failed(self, error: OSError, again: Callable[[], None]) -> None:
        self._say(f"{error.strerror or error}; next attempt in {self._pause:g} s")
        self._timer = self._loop.call_later(self._pause, again)
        self._pause = min(self._pause * 2, LONGEST_RETRY)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._stop_asking = None

    def give_up(self) -> None:
        """Stops trying; the caller closes the server."""
        if self._stop_asking is not None:
            self._stop_asking()
        self._rest()
