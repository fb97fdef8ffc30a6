"""The open streams (Server-Sent Events): which client is told what, and when. Without any, nothing runs.

A stream carries differences; a client that does not keep up gets what it missed in one piece later. A tab has
one stream, which may also follow the output of one program.
"""

from __future__ import annotations

from supervice.lean.json import dumps
from supervice.supervision.table import Observer
from supervice.web.tail import Tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, Protocol

    from supervice.control.commands import Commands
    from supervice.lean.loop import AnyFuture, Cancellable, EventLoop
    from supervice.lifecycle.states import Announce
    from supervice.process import Process
    from supervice.supervision.table import ProcessTable
    from supervice.web.rows import Model

    class Refresh(Protocol):
        """Brings the model up to date: see `Streams`."""

        def __call__(self, names: list[str] | None = None, *, usage: bool = False) -> Awaitable[None]: ...


MOST = 32
GATHER = 0.2  # seconds in which changes are gathered
LOOK = 5.0  # seconds between looks at what changes without a word: resources, STATUS=
COMMENT_EVERY = 3  # looks: a proxy drops what is silent for long

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class Stream:
    """The stream of one client. `send` returns False when the client does not keep up; `done` ends it."""

    def __init__(
        self, send: Callable[[bytes], bool], done: Callable[[], None], position: tuple[str, int]
    ) -> None:
        self.send = send
        self.done = done
        self.position = position
        self.tail: Tail | None = None
        self.said = 0  # the number of the last outcome it was told

    def event(self, kind: str, data: object) -> bool:
        return self.send(_event(kind, data))


class Streams(Observer):
    """All open streams.

    `refresh(names)` updates the model for these processes, for all with None; with `usage` also what they
    use.
    """

    def __init__(
        self, loop: EventLoop, table: ProcessTable, commands: Commands, model: Model, refresh: Refresh
    ) -> None:
        self._loop = loop
        self._table = table
        self._commands = commands
        self._model = model
        self._refresh = refresh
        self._open: dict[Stream, None] = {}  # the oldest first
        self._changed: set[str] = set()
        self._whole = False
        self._soon: Cancellable | None = None
        self._next_look: Cancellable | None = None
        self._looks = 0
        self._task: AnyFuture | None = None
        self.outcomes: Callable[[int], list[dict[str, Any]]] = lambda after: []

    def __len__(self) -> int:
        return len(self._open)

    # -- one stream --------------------------------------------------------------------------------------

    def begin(
        self,
        send: Callable[[bytes], bool],
        done: Callable[[], None],
        hello: dict[str, Any],
        position: tuple[str, int],
        program: str,
    ) -> Callable[[], None]:
        """Opens a stream for a client that knows `position`; returns a function that ends it."""
        if len(self._open) >= MOST:
            oldest = next(iter(self._open))
            oldest.event("full", {})
            oldest.done()
        if not self._open:
            self._table.observe(self)
            self._next_look = self._loop.call_later(LOOK, self._look)
        stream = Stream(send, done, position)
        self._open[stream] = None
        stream.event("hello", hello)
        self._tell(stream, {})
        if len(self._open) == 1:
            self._begin(None, usage=True)
        if program:
            stream.tail = Tail(self._loop, self._commands, program, stream.event)
        return lambda: self._end(stream)

    def _end(self, stream: Stream) -> None:
        self._open.pop(stream, None)
        if stream.tail is not None:
            stream.tail.stop()
        if not self._open:
            self._rest()

    def _rest(self) -> None:
        self._table.unobserve(self)
        for timer in (self._soon, self._next_look):
            if timer is not None:
                timer.cancel()
        self._soon = self._next_look = None
        self._changed.clear()
        self._whole = False

    def close(self) -> None:
        """Ends them all."""
        for stream in list(self._open):
            stream.done()

    def _tell(self, stream: Stream, written: dict[tuple[str, int], bytes | None]) -> None:
        """Sends a stream what it lacks; `written` caches that for streams that lack the same."""
        for outcome in self.outcomes(stream.said):
            if stream.send(_event("said", outcome)):
                stream.said = outcome["id"]
        position = stream.position
        if position not in written:
            news = self._model.since(*position)
            written[position] = None if news is None else _event("rows", news)
        data = written[position]
        if data is not None and stream.send(data):
            stream.position = self._model.epoch, self._model.version

    # -- what the table says -----------------------------------------------------------------------------

    def changed(self, process: Process, change: Announce | None) -> None:
        self._changed.add(process.config.name)
        self.news()

    def rebuild(self) -> None:
        self._whole = True
        self.news()

    def shutting_down(self, reason: str) -> None:
        self.rebuild()

    # -- when it is passed on ----------------------------------------------------------------------------

    def news(self) -> None:
        """Tells every stream the news, soon."""
        if self._soon is None and self._open:
            self._soon = self._loop.call_later(GATHER, self._gathered)

    def _gathered(self) -> None:
        self._soon = None
        names = sorted(self._changed.union(self._model.unsettled))
        whole, self._whole = self._whole, False
        self._changed.clear()
        self._begin(None if whole else names)

    def _look(self) -> None:
        self._next_look = self._loop.call_later(LOOK, self._look)
        self._looks += 1
        if self._looks % COMMENT_EVERY == 0:
            for stream in list(self._open):
                stream.send(b": still here\n\n")
        self._begin(None, usage=True)

    def _begin(self, names: list[str] | None, *, usage: bool = False) -> None:
        if self._task is not None and not self._task.done():
            self._whole = self._whole or names is None  # the look before this one is not over
            self._changed.update(names or ())
            self.news()
            return
        self._task = self._loop.create_task(self._pass_on(names, usage))

    async def _pass_on(self, names: list[str] | None, usage: bool) -> None:
        if names is None or names:
            await self._refresh(names, usage=usage)
        written: dict[tuple[str, int], bytes | None] = {}
        for stream in list(self._open):
            self._tell(stream, written)


def _event(kind: str, data: object) -> bytes:
    return f"event: {kind}\ndata: {dumps(data)}\n\n".encode()
