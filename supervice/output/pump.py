"""One pipe of one run of a program: read it, cut it into whole lines, hand them on.

The hot path has no work per line: one `readv` into a buffer that all pumps share, one search for the last
newline, one `write` of the same memory. Only the unfinished line at the end is kept. Measured with 1 GiB
into a rotating file: 1.6 GB/s and 0.64 CPU s/GiB while pipe and buffer are small, 2.4 and 0.43 once both
have grown (512 KiB; 256 KiB and 1 MiB are a little slower).

From a full pipe into another one (our stdout), what nobody here has to see goes by `splice`, which moves
pages and copies nothing: all but the last MARGIN bytes of what is there. Those are read, so that a block ends
with a line as ever, and the last lines are known. Measured: 0.21 to 0.36 CPU s/GiB, not 0.45 to 0.50.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.lean.loop import EventLoop
    from supervice.output.formats import Format
    from supervice.output.sinks import Sink

    class Reader(Protocol):
        """What pumps share; the router."""

        @property
        def loop(self) -> EventLoop: ...
        @property
        def buffer(self) -> bytearray: ...
        @property
        def views(self) -> list[memoryview]: ...
        def enlarge(self) -> None: ...
        def busy(self, change: int) -> None: ...

    class Program(Protocol):
        """Whom a pump reads for."""

        spy: Callable[[int, bytes], object] | None

        @property
        def observed(self) -> bool: ...
        def record(
            self, stream: int, head: bytes, data: bytes | bytearray, end: int, gap: bool = False
        ) -> None: ...
        def count_loss(self, nbytes: int, nlines: int) -> None: ...
        def pump_closed(self, pump: Pump) -> None: ...


SMALL_BUFFER = 64 * 1024
BUFFER = 512 * 1024  # once there is a program that fills its pipe
FULL = 60 * 1024  # a read of as much means that the pipe was full: at first it has 16 pages (pipe(7))
MAX_LINE = 64 * 1024  # a longer line flows in parts
TURN = 1024 * 1024  # bytes that one pump moves before others get their turn
BIG_PIPE = 1024 * 1024
# What `splice` leaves in the pipe: more than the longest line, so that its end is seen, or that it has none.
MARGIN = MAX_LINE + 4096
NAMES = ("stdout", "stderr")


class Pump:
    """Reads until end of file, which comes when the last holder of the write end is gone."""

    __slots__ = (
        "_carry",
        "_gap",
        "_grown",
        "_left",
        "_program",
        "_reader",
        "_skip",
        "_watched",
        "fd",
        "format",
        "pid",
        "sink",
        "stream",
    )

    def __init__(
        self, reader: Reader, program: Program, fd: int, stream: int, sink: Sink, fmt: Format | None
    ) -> None:
        os.set_blocking(fd, False)
        self._reader = reader
        self._program = program
        self.fd = fd
        self.stream = stream  # 0: stdout, 1: stderr
        self.sink = sink
        self.format = fmt
        self.pid = 0
        self._carry = b""  # an unfinished line, at most MAX_LINE
        self._watched = False
        self._left = -1  # once the child is gone: how much of it may be in the pipe, read without waiting
        self._grown = False
        self._gap = False  # something was passed on unseen before what is read next
        self._skip = False  # the beginning of the line under way was dropped: so is its rest

    def start(self, pid: int) -> None:
        self.pid = pid
        self._watch(True)

    def _watch(self, on: bool) -> None:
        if on != self._watched:
            self._watched = on
            if on:
                self._reader.loop.add_reader(self.fd, self._readable)
            else:
                self._reader.loop.remove_reader(self.fd)

    def _readable(self, resumed: bool = False) -> None:
        """At most TURN bytes; a short read says that the pipe is empty, so nobody asks a second time."""
        moved = 0
        while moved < TURN:
            if self.sink.blocked:
                self._watch(False)
                # Output of an ended run goes on before that of the next one, which waits behind it.
                self.sink.wait(self, first=resumed or moved > 0)
                return
            views = self._reader.views
            if self._grown and self._left < 0 and self._unseen():
                moved += self._pass_on()
                views = [views[0][: 2 * MARGIN]]
            try:
                size = os.readv(self.fd, views)
            except BlockingIOError:
                break
            except OSError:
                size = 0
            if not size:
                self.close()
                return
            self._feed(size)
            if size >= FULL and not self._grown:
                self._grow()
            if self.fd < 0:
                return  # closed by somebody who was told of the output
            moved += size
            if self._left >= 0:
                self._left = max(0, self._left - size)
                if not self._left:
                    break  # more than a pipe holds: somebody else is writing, see `_read_out`
            elif size < FULL:
                break
        if self._left >= 0:
            self._read_out()

    def _read_out(self) -> None:
        """All that the child had written is read, but somebody (a grandchild) still holds the pipe."""
        self._left = -1
        self._reader.busy(-1)
        self._watch(True)

    def resume(self) -> None:
        if self.fd < 0:
            return
        if self._left >= 0:
            self._readable(True)
        else:
            self._watch(True)

    def finish(self) -> None:
        """The child was reaped, or everything ends: what is in the pipe now is read to its end."""
        if self.fd < 0 or self._left >= 0:
            return
        self._left = BIG_PIPE
        self._reader.busy(1)
        if self._watched:
            self._watch(False)
            self._readable()
        # else it waits for its sink, which calls `resume`

    @property
    def finishing(self) -> bool:
        return self._left >= 0

    def _unseen(self) -> bool:
        """Whether lines may go to another pipe without anybody looking at them."""
        return self.sink.piped and self.format is None and not self._skip and not self._program.observed

    def _pass_on(self) -> int:
        """Moves what there is from pipe to pipe; the number of bytes. What is left is MARGIN or more, and has
        to be read in the same step: until then nobody knows whether the sink ends within a line."""
        import fcntl
        import termios

        moved = 0
        while moved < TURN:
            there = int.from_bytes(fcntl.ioctl(self.fd, termios.FIONREAD, b"\0\0\0\0"), "little")
            if there < 2 * MARGIN:
                break
            if self._carry:
                head, self._carry = self._carry, b""
                self.sink.write(self, head, b"", 0)
                self._gap = True
            done = self.sink.splice(self, self.fd, there - MARGIN)
            if not done:
                break
            self._gap = True
            moved += done
        return moved

    def _feed(self, size: int) -> None:
        if self._skip:
            size = self._skip_line(size)
        buffer = self._reader.buffer
        cut = buffer.rfind(b"\n", 0, size) + 1
        rest = size - cut
        if rest + (0 if cut else len(self._carry)) > MAX_LINE:
            cut = size
            rest = 0
        if not cut:
            self._carry += self._reader.views[0][:size]
            return
        head = self._carry
        self._carry = bytes(self._reader.views[0][cut:size]) if rest else b""
        self._emit(head, buffer, cut)

    def _skip_line(self, size: int) -> int:
        """Moves what follows the end of the dropped line to the front of the buffer."""
        buffer = self._reader.buffer
        begin = buffer.find(b"\n", 0, size) + 1
        if not begin:
            self._program.count_loss(size, 0)
            return 0
        self._program.count_loss(begin, 1)
        self._skip = False
        views = self._reader.views
        views[0][: size - begin] = bytes(views[0][begin:size])
        return size - begin

    def _emit(self, head: bytes, data: bytes | bytearray, end: int) -> None:
        gap, self._gap = self._gap, False
        self._program.record(self.stream, head, data, end, gap)
        if self._program.spy is not None:
            self._program.spy(self.pid, head + data[:end])
        if self.format is not None:
            data = self.format(
                head + data[:end], NAMES[self.stream], self.pid, continued=self.sink.tail is self
            )
            head = b""
            end = len(data)
        self.sink.write(self, head, data, end)

    def _grow(self) -> None:
        """A program that fills its pipe gets a bigger one. Not all from the start: what a user may have in
        big pipes is limited (64 MiB, pipe(7)), and beyond that new pipes of everybody shrink to two pages."""
        import fcntl

        self._grown = True
        self._reader.enlarge()
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, BIG_PIPE)
        except OSError:
            pass

    def lose(self, nbytes: int, nlines: int, torn: bool) -> None:
        """The sink could not take something; `torn`: nor will it the rest of that line."""
        self._skip = torn
        self._program.count_loss(nbytes, nlines)

    def abandoned(self) -> bool:
        """Nobody writes any more, and the sink does not take what is left."""
        import select

        if self._watched:
            return False
        poll = select.poll()
        poll.register(self.fd, 0)
        return any(mask & select.POLLHUP for _, mask in poll.poll(0))

    def discard(self) -> None:
        """Closes although something is left, and counts that as lost."""
        import fcntl
        import termios

        left = fcntl.ioctl(self.fd, termios.FIONREAD, b"\0\0\0\0")
        self._program.count_loss(int.from_bytes(left, "little") + len(self._carry), 0)
        self._carry = b""
        self.close()

    def close(self) -> None:
        """End of file: the last line is written as it is, also without newline."""
        if self.fd < 0:
            return
        self._watch(False)
        os.close(self.fd)
        self.fd = -1
        if self._carry:
            head, self._carry = self._carry, b""
            self._emit(head, b"", 0)
        if self._left >= 0:
            self._left = -1
            self._reader.busy(-1)
        self._program.pump_closed(self)
