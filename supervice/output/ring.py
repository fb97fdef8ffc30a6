"""The last output of one program in memory, and its followers.

Bounded in bytes for each program and each follower: a slow follower loses its own lines only, and hears how
many. Knows nothing of readers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import EventLoop

NAMES = ("stdout", "stderr")
SMALL = 4096  # pieces are joined up to this size: a short line does not cost an object


class Ring:
    """Keeps at most `limit` bytes of both streams in their order, with whole lines at the old end.

    A chatty stdout does not push out the last errors: each stream has half of the room for itself.
    """

    __slots__ = ("_gone", "_limit", "_parts", "_sizes")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[tuple[int, bytearray]] = []  # 0: stdout, 1: stderr
        self._sizes = [0, 0]
        self._gone = [0, 0]  # bytes of each stream that were cut off so far

    def append(self, stream: int, head: bytes, piece: memoryview) -> None:
        size = len(head) + len(piece)
        if self._parts and self._parts[-1][0] == stream and len(self._parts[-1][1]) + size <= SMALL:
            last = self._parts[-1][1]
        else:
            last = bytearray()
            self._parts.append((stream, last))
        last += head
        last += piece
        self._sizes[stream] += size
        if self._sizes[0] + self._sizes[1] > self._limit:
            self._trim()

    def resize(self, limit: int) -> None:
        self._limit = limit
        if self._sizes[0] + self._sizes[1] > limit:
            self._trim()

    def _trim(self) -> None:
        """Cuts the old end: each stream keeps half of the room, and what the other one leaves."""
        sizes = self._sizes
        for stream in (0, 1):
            room = max(self._limit // 2, self._limit - sizes[1 - stream])
            if sizes[stream] > room:
                self._cut(stream, sizes[stream] - room)

    def _cut(self, stream: int, size: int) -> None:
        """Takes at least `size` bytes from the old end of one stream."""
        index = 0
        while size > 0 and index < len(self._parts):
            number, part = self._parts[index]
            if number != stream:
                index += 1
                continue
            cut = part.find(b"\n", size - 1) + 1 if size < len(part) else 0
            if 0 < cut < len(part):
                del part[:cut]  # moves the start, copies nothing
            else:
                cut = len(part)
                del self._parts[index]
            size -= cut
            self._sizes[stream] -= cut
            self._gone[stream] += cut

    def kept(self, stream: str) -> tuple[int, bytes]:
        """Returns (bytes before what is kept, what is kept) of one stream."""
        wanted = NAMES.index(stream)
        return self._gone[wanted], b"".join([bytes(part) for number, part in self._parts if number == wanted])

    def forget(self, stream: int) -> None:
        """Forgets one stream: unknown output came after it."""
        self._parts = [part for part in self._parts if part[0] != stream]
        self._sizes[stream] = 0

    def end(self, size: int) -> bytes:
        """Returns about the last `size` bytes of both streams, in whole lines; cheap."""
        text = b""
        for _, part in reversed(self._parts):
            text = bytes(part) + text
            if len(text) > size:
                text = text[text.find(b"\n", len(text) - size) + 1 :]
                break
        return text

    def tail(self, lines: int, stream: str | None = None) -> list[tuple[str, bytes]]:
        """Returns the last `lines` lines without newlines, oldest first; `stream` None: of both."""
        found: list[tuple[str, bytes]] = []
        begun = [b"", b""]  # a very long line comes in parts
        for number, part in self._parts:
            if stream is not None and stream != NAMES[number]:
                continue
            pieces = (begun[number] + part).split(b"\n")
            begun[number] = bytes(pieces.pop())
            found += [(NAMES[number], bytes(piece)) for piece in pieces]
        found += [(NAMES[number], rest) for number, rest in enumerate(begun) if rest]
        return found[-lines:] if lines > 0 else []


class Subscription:
    """One follower: `callback()` is called once when there is output, `take()` returns it."""

    __slots__ = ("_bound", "_callback", "_followers", "_loop", "_lost", "_pieces", "_size", "_told", "on_end")

    def __init__(
        self,
        loop: EventLoop,
        callback: Callable[[], object],
        bound: int,
        followers: list[Subscription],
    ) -> None:
        self._loop = loop
        self._callback: Callable[[], object] | None = callback
        self._bound = bound
        self._followers = followers
        self._pieces: list[tuple[str, bytes]] = []
        self._size = 0
        self._lost = 0
        self._told = False
        self.on_end: Callable[[], object] | None = None  # called when nothing will come any more
        followers.append(self)

    def offer(self, stream: int, piece: bytes, skipped: int) -> None:
        """Adds output; `skipped` lines before it were too many for one turn."""
        if skipped:
            self._lost += skipped + sum(text.count(b"\n") for _, text in self._pieces)
            self._pieces.clear()
            self._size = 0
        self._pieces.append((NAMES[stream], piece))
        self._size += len(piece)
        while self._size > self._bound and len(self._pieces) > 1:
            _, old = self._pieces.pop(0)
            self._size -= len(old)
            self._lost += old.count(b"\n")
        if not self._told:
            self._told = True
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        if self._callback is not None:
            self._callback()

    def take(self) -> tuple[int, list[tuple[str, bytes]]]:
        """Returns the number of lines lost since the last call, and what came after them: (stream, lines)."""
        lost, pieces = self._lost, self._pieces
        self._lost = 0
        self._pieces = []
        self._size = 0
        self._told = False
        return lost, pieces

    def end(self) -> None:
        """Ends the subscription: the program is supervised no more."""
        ended, self.on_end = self.on_end, None
        if ended is not None:
            ended()
        self.close()

    def close(self) -> None:
        self._callback = self.on_end = None
        if self in self._followers:
            self._followers.remove(self)
