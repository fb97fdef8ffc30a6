"""Opens the place of an HTTP server, however long that takes: again and again, with growing pauses.

A name is looked up beside the loop. What cannot be had costs no program anything; it is said each time.
"""

from __future__ import annotations

from supervice.net.resolver import at_once, look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.http.server import HttpServer
    from supervice.lean.loop import Cancellable, EventLoop
    from supervice.net.resolver import Answer

# Seconds until a place that could not be had is tried again, doubled each time up to the longest.
FIRST_RETRY = 1.0
LONGEST_RETRY = 30.0
# After so many without an answer of a name server that is said.
SAY_AFTER = 2.0


class Opening:
    """Of one place. `say(words)` is called with what is in the way, `opened()` once it is there."""

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
        """Whether a name server is asked now."""
        return self._stop_asking is not None

    def inet(self, host: str, port: int) -> None:
        """At the address of `host`, a name or in numbers."""
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
        """At the path, with this mode and these owners."""
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
        """Tries no more; the server is the caller's to close."""
        if self._stop_asking is not None:
            self._stop_asking()
        self._rest()
