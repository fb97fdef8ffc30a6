"""The last output of one program in memory, and its followers.

Bounded in bytes for each program and each follower, whatever a program writes: objects count too. A slow
follower loses its own lines only, and is told how many. Knows nothing of clients.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import EventLoop

NAMES = ("stdout", "stderr")
SMALL = 4096  # pieces are joined up to this size: a short line does not cost an object
MOST = 1 << 30  # positions in a part stay below what 4 bytes hold
TICK = 10  # milliseconds that need no mark of their own
MARK = 12  # bytes of a mark
# What a part, or a piece for a follower, counts beside its bytes. It takes 210 (3.11, 64 bits); with 128 the
# memory is at most 1.7 times the limit, and full parts keep 97 per cent of what they would without.
OVERHEAD = 128


class Part:
    """Output of one stream in one run, as it came.

    `marks` says when: for each moment 4 bytes of position and 8 of milliseconds since the epoch. Output that
    comes within TICK of the last mark has no mark of its own.
    """

    __slots__ = ("cut", "data", "extra", "marks", "run", "stream")

    def __init__(self, stream: int, run: int, extra: int) -> None:
        self.stream = stream  # 0: stdout, 1: stderr
        self.run = run
        self.data = bytearray()
        self.cut = 0  # bytes that are gone from its beginning
        self.extra = extra  # what it counts beside `data`
        self.marks = bytearray()

    def mark(self, now: int) -> None:
        """Notes that the output added next came at `now`. A mark longer than what it is for counts."""
        marks = self.marks
        if not marks or not 0 <= now - int.from_bytes(marks[-8:], "big") < TICK:
            at = self.cut + len(self.data)
            if marks and at - int.from_bytes(marks[-MARK:-8], "big") < MARK:
                self.extra += MARK
            marks += at.to_bytes(4, "big") + now.to_bytes(8, "big")

    def times(self, place: int) -> list[tuple[int, int]]:
        """Returns (position in `data`, milliseconds) for each mark, from that of `place` on.

        The position is below 0 for output that was cut off.
        """
        marks = self.marks
        first = len(marks) - MARK
        while first > 0 and int.from_bytes(marks[first : first + 4], "big") - self.cut > place:
            first -= MARK
        return [
            (
                int.from_bytes(marks[at : at + 4], "big") - self.cut,
                int.from_bytes(marks[at + 4 : at + MARK], "big"),
            )
            for at in range(first, len(marks), MARK)
        ]

    def shorten(self, size: int) -> int:
        """Cuts `size` bytes off the beginning, and the marks that are no longer needed.

        Returns what all of that counted.
        """
        del self.data[:size]  # moves the start, copies nothing
        self.cut += size
        marks = self.marks
        freed = size
        old = 0
        while old + MARK < len(marks):
            following = int.from_bytes(marks[old + MARK : old + MARK + 4], "big")
            if following > self.cut:
                break
            if following - int.from_bytes(marks[old : old + 4], "big") < MARK:
                freed += MARK
            old += MARK
        if old:
            del marks[:old]
            self.extra -= freed - size
        return freed


class Ring:
    """Keeps at most `limit` bytes of both streams in their order, beginning with a whole line.

    A part counts as more than its bytes (`Part.extra`), but for the first of each stream. A chatty stdout
    does not push out the last errors: each stream has half of the room for itself.
    """

    __slots__ = ("_gone", "_limit", "_parts", "_run", "_sizes")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[Part] = []
        self._run = 0
        self._sizes = [0, 0]  # what each stream counts
        self._gone = [0, 0]  # bytes of each stream that were cut off so far

    def append(self, stream: int, head: bytes, piece: memoryview) -> None:
        size = len(head) + len(piece)
        if not size:
            return
        last = self._parts[-1] if self._parts else None
        if (
            last is None
            or last.stream != stream
            or last.run != self._run
            or len(last.data) + last.extra + size > SMALL + OVERHEAD
            or last.cut > MOST
        ):
            last = Part(stream, self._run, OVERHEAD if self._sizes[stream] else 0)
            self._parts.append(last)
            self._sizes[stream] += last.extra
        before = last.extra
        last.mark(time.time_ns() // 1_000_000)
        last.data += head
        last.data += piece
        self._sizes[stream] += size + last.extra - before
        if self._sizes[0] + self._sizes[1] > self._limit:
            self._trim()

    def begin_run(self) -> None:
        """Notes that a new run begins here."""
        self._run += 1

    def resize(self, limit: int) -> None:
        self._limit = limit
        if self._sizes[0] + self._sizes[1] > self._limit:
            self._trim()

    def _trim(self) -> None:
        """Cuts the oldest output: each stream keeps half of the room, and what the other one leaves."""
        sizes = self._sizes
        for stream in (0, 1):
            room = max(self._limit // 2, self._limit - sizes[1 - stream])
            if sizes[stream] > room:
                self._cut(stream, sizes[stream] - room)

    def _cut(self, stream: int, size: int) -> None:
        """Cuts at least `size` from what one stream counts, at its beginning."""
        index = 0
        while size > 0 and index < len(self._parts):
            part = self._parts[index]
            if part.stream != stream:
                index += 1
                continue
            data = part.data
            counted = len(data) + part.extra
            at = max(1, size * len(data) // counted)  # what is cut off takes its share of the marks along
            cut = data.find(b"\n", at - 1) + 1 if size < counted else 0
            if 0 < cut < len(data):
                freed = part.shorten(cut)
            else:
                cut = len(data)
                freed = cut + part.extra
                del self._parts[index]
            size -= freed
            self._sizes[stream] -= freed
            self._gone[stream] += cut

    def kept(self, stream: str) -> tuple[int, bytes]:
        """Returns (bytes before those kept, the bytes kept) of one stream."""
        wanted = NAMES.index(stream)
        kept = [bytes(part.data) for part in self._parts if part.stream == wanted]
        return self._gone[wanted], b"".join(kept)

    def forget(self, stream: int) -> None:
        """Forgets one stream: output that was not read came after it."""
        self._gone[stream] += sum(len(part.data) for part in self._parts if part.stream == stream)
        self._parts = [part for part in self._parts if part.stream != stream]
        self._sizes[stream] = 0

    def end(self, size: int) -> bytes:
        """Returns about the last `size` bytes of both streams of the present run, in whole lines; cheap."""
        text = b""
        for part in reversed(self._parts):
            if part.run != self._run:
                break
            text = bytes(part.data) + text
            if len(text) > size:
                text = text[text.find(b"\n", len(text) - size) + 1 :]
                break
        return text

    def tail(self, lines: int, stream: str | None = None) -> list[tuple[str, bytes]]:
        """Returns the last `lines` lines without newlines, oldest first; `stream` None: of both."""
        return [(name, line) for _, name, line in self.timed(lines, stream)]

    def timed(self, lines: int, stream: str | None = None) -> list[tuple[int, str, bytes]]:
        """Returns the same with the time of each line first: when it began, in ms since the epoch.

        The lines are in the order in which they began, even within a millisecond. Only those asked for are
        made, of however many there are.
        """
        if lines <= 0:
            return []
        found: list[tuple[int, int, str, bytes]] = []  # the first says which began before which
        begun = [(0, 0, bytearray()), (0, 0, bytearray())]  # a very long line comes in parts
        came = 0
        earlier, parts, start = self._last(lines, stream)
        for index, part in enumerate(earlier + parts, -len(earlier)):
            number, data = part.stream, part.data
            begin = data.rfind(b"\n", 0, start if index == 0 else len(data)) + 1 if index <= 0 else 0
            order, when, rest = begun[number]
            if rest and not begin and b"\n" not in data:
                rest += data
                continue
            pieces = bytes(data[begin:]).split(b"\n")
            place = begin
            if rest and not begin:
                found.append((order, when, NAMES[number], bytes(rest) + pieces[0]))
                place += len(pieces.pop(0)) + 1
            times = part.times(place)
            mark = 0
            for piece in pieces:
                while mark + 1 < len(times) and times[mark + 1][0] <= place:
                    mark += 1
                came += 1
                found.append((came, times[mark][1], NAMES[number], piece))
                place += len(piece) + 1
            order, when, _, last = found.pop()
            begun[number] = order, when, bytearray(last)
        for number, (order, when, rest) in enumerate(begun):
            if rest:
                found.append((order, when, NAMES[number], bytes(rest)))
        return [line[1:] for line in sorted(found[-lines:])]

    def _last(self, lines: int, stream: str | None) -> tuple[list[Part], list[Part], int]:
        """Returns earlier parts, in which these lines may begin, and the parts in which they end.

        The third is the place in the first of those where the first of the lines ends.
        """
        wanted = [0, 1] if stream is None else [NAMES.index(stream)]
        first, start = 0, 0
        for index in range(len(self._parts) - 1, -1, -1):
            part = self._parts[index]
            if part.stream not in wanted:
                continue
            count = part.data.count(b"\n")
            if count >= lines:
                first, start = index, len(part.data)
                for _ in range(lines):
                    start = part.data.rfind(b"\n", 0, start)
                break
            lines -= count
        earlier: list[Part] = []
        parts = [part for part in self._parts[first:] if part.stream in wanted]
        for part in reversed(self._parts[:first]):
            if not wanted:
                break
            if part.stream in wanted:
                earlier.append(part)
                if b"\n" in part.data:
                    wanted.remove(part.stream)
        return earlier[::-1], parts, start


class Subscription:
    """One follower: `callback()` is called once when there is output, which `take()` returns."""

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
        """Adds output; `skipped` lines before it did not fit into one turn."""
        if skipped:
            self._lost += skipped + sum(text.count(b"\n") for _, text in self._pieces)
            self._pieces.clear()
            self._size = 0
        name, last = self._pieces[-1] if self._pieces else ("", b"")
        if name == NAMES[stream] and last[-1:] != b"\n" and len(last) + len(piece) <= SMALL:
            self._pieces[-1] = (name, last + piece)  # the rest of a line
        else:
            self._pieces.append((NAMES[stream], piece))
            self._size += OVERHEAD
        self._size += len(piece)
        while self._size > self._bound and len(self._pieces) > 1:
            _, old = self._pieces.pop(0)
            self._size -= len(old) + OVERHEAD
            self._lost += old.count(b"\n")
        if not self._told:
            self._told = True
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        if self._callback is not None:
            self._callback()

    def take(self) -> tuple[int, list[tuple[str, bytes]]]:
        """Returns the number of lines lost since the last call, and later output: (stream, lines)."""
        lost, pieces = self._lost, self._pieces
        self._lost = 0
        self._pieces = []
        self._size = 0
        self._told = False
        return lost, pieces

    def end(self) -> None:
        """Ends the subscription: the program is no longer supervised."""
        ended, self.on_end = self.on_end, None
        if ended is not None:
            ended()
        self.close()

    def close(self) -> None:
        self._callback = self.on_end = None
        if self in self._followers:
            self._followers.remove(self)
