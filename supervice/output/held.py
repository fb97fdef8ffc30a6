"""Holds output until the next turns take it, because this turn has used up its time for rotations.

A `FileSink` makes it when it has to rotate more often than a turn allows (`OutputRouter.may_rotate`). It
loses nothing and keeps the order; only the writers of that file have to wait.
"""

from __future__ import annotations

from supervice.lean.builtin import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.output.sinks import Owner, Source

    Take = Callable[[Source, bytes, bytes, int], object]


class Held:
    """Calls `take` with each piece in the next turns, and `over` when all of it is written.

    `take` calls `again` with what it could not write.
    """

    def __init__(self, owner: Owner, take: Take, over: Callable[[], object]) -> None:
        self._owner = owner
        self._take = take
        self._over = over
        self._pieces: deque[tuple[Source, bytes, bytes]] = deque()
        self._waiters: deque[Source] = deque()
        self._closed = False
        owner.busy(1)
        owner.loop.call_soon(self._go_on)

    def add(self, source: Source, head: bytes, data: memoryview) -> None:
        """Adds a piece after all that is held."""
        self._pieces.append((source, head, bytes(data)))

    def again(self, source: Source, head: bytes, data: memoryview) -> None:
        """Adds the rest of the piece just taken, before all that is held."""
        self._pieces.appendleft((source, head, bytes(data)))

    def wait(self, source: Source, first: bool) -> None:
        if first:
            self._waiters.appendleft(source)
        else:
            self._waiters.append(source)

    @property
    def size(self) -> int:
        """The bytes that are held."""
        return sum(len(head) + len(data) for _, head, data in self._pieces)

    def _go_on(self) -> None:
        if self._closed:
            return
        while self._pieces:
            left = len(self._pieces)
            source, head, data = self._pieces.popleft()
            self._take(source, head, data, len(data))
            if len(self._pieces) >= left:
                self._owner.loop.call_soon(self._go_on)
                return
        self.close()

    def close(self) -> None:
        """Has the rest taken at once, whatever the size of the file."""
        if self._closed:
            return
        while self._pieces:
            source, head, data = self._pieces.popleft()
            self._take(source, head, data, len(data))
        self._closed = True
        self._over()
        self._owner.busy(-1)
        while self._waiters:
            self._waiters.popleft().resume()
