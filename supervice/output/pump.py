"""Reads one pipe of one run of a program, cuts its output into whole lines and writes them to a sink.

The hot path has no work per line: one `readv` into a buffer that all pumps share, one search for the last
newline, one `write` of the same memory. It keeps only the unfinished line at the end, and passes that on when
it stays unfinished (`unfinished.py`); a log file that no other process writes gets it at once. With 1 GiB
into a rotating file: 1.6 GB/s and 0.64 CPU s/GiB while pipe and buffer are small, 2.4 and 0.43 with 512 KiB.

From a full pipe into another one (our stdout), output that need not be seen here goes by `splice`, which
moves pages and copies nothing: all but the last MARGIN bytes. The pump reads those, so that a block ends with
a line and the last lines are known. Measured: 0.21 to 0.36 CPU s/GiB, not 0.45 to 0.50.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.output.formats import Format
    from supervice.output.interface import Program, Reader
    from supervice.output.paced_reader import PacedReader
    from supervice.output.sinks import Sink


SMALL_BUFFER = 64 * 1024
BUFFER = 512 * 1024  # from the first program on that fills its pipe
FULL = 60 * 1024  # a read of this size means a full pipe: it has 16 pages at first (pipe(7))
MAX_LINE = 64 * 1024  # a longer line goes out in parts
TURN = 1024 * 1024  # bytes that one pump moves in a turn of the loop
BIG_PIPE = 1024 * 1024
# What `splice` leaves in the pipe: more than the longest line, to see whether and where the line ends.
MARGIN = MAX_LINE + 4096
NAMES = ("stdout", "stderr")
NEVER = -1.0
BRISK = 0.002  # seconds between short reads that would better be one
MANY = 16
TRICKLE = 1024  # bytes of a line that is written by hand or dot by dot, and not cut by the end of a block


class Pump:
    """Reads until end of file, which comes when the last holder of the write end has closed it."""

    # fmt: off
    __slots__ = (
        "_ahead", "_brisk", "_carry", "_gap", "_grown", "_last", "_left", "_paced", "_program", "_reader",
        "_said", "_skip", "_watched", "fd", "flowed", "format", "pid", "since", "sink", "stream",
    )
    # fmt: on

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
        self._ahead = 0  # bytes of it that the sink has
        self._said = b""  # what the spy has seen of the line that goes on
        self.since = NEVER  # when the wait for the end of the line began, by the loop's clock
        self.flowed = NEVER  # when more than a TRICKLE came at once
        self._watched = False
        self._paced: PacedReader | None = None  # it is read at times of its own, not when something has come
        self._brisk, self._last = 0, 0.0  # short reads, each soon after the one before; when the last was
        self._left = -1  # after the exit of the child: how much of its output may be in the pipe
        self._grown = False
        self._gap = False  # unseen output went out before what is read next
        self._skip = False  # the beginning of this line was dropped, so its rest is too

    def start(self, pid: int) -> None:
        self.pid = pid
        self._watch(True)

    def _watch(self, on: bool) -> None:
        if on != self._watched:
            self._watched = on
            if self._paced is not None:
                self._paced.end()
            elif on:
                self._reader.loop.add_reader(self.fd, self._readable)
            else:
                self._reader.loop.remove_reader(self.fd)

    def _readable(self, resumed: bool = False) -> int:
        waits = self.since != NEVER
        moved = self._move(resumed)
        if moved > TRICKLE:
            self.flowed = self._reader.loop.time()
        if self._carry:
            self._line_waits()
        elif waits:
            self.since = NEVER
            self._reader.line_ends(self)
        if self._paced is None and self._watched:
            self._look_at_pace(moved)
        return moved

    def _look_at_pace(self, moved: int) -> None:
        """Has many small pieces read in larger ones, see `paced_reader.py`."""
        now = self._reader.loop.time()
        self._brisk = self._brisk + 1 if moved < FULL and now - self._last < BRISK else 0
        self._last = now
        if self._brisk > MANY:
            from supervice.output.paced_reader import MOST, PacedReader

            self._brisk = 0
            if self._grow() > MOST:
                self._reader.loop.remove_reader(self.fd)
                self._paced = PacedReader(self._reader.loop, self._readable, self._unpaced)

    def _unpaced(self) -> None:
        self._paced = None
        if self._watched:
            self._reader.loop.add_reader(self.fd, self._readable)

    def _move(self, resumed: bool) -> int:
        """Moves at most TURN bytes. A short read means that the pipe is empty, so it does not ask again."""
        moved = 0
        while moved < TURN:
            if self.sink.blocked:
                self._watch(False)
                # Output of an ended run goes before that of the next one, which waits.
                self.sink.wait(self, first=resumed or moved > 0)
                return moved
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
                return moved
            self._feed(size)
            if size >= FULL and not self._grown:
                self._grow()
            if self.fd < 0:
                return moved  # a receiver of the output has closed the pump
            moved += size
            if self._left >= 0:
                self._left = max(0, self._left - size)
                if not self._left:
                    break  # more than a pipe holds: another process writes, see `_read_out`
            elif size < FULL:
                break
        if self._left >= 0:
            self._read_out()
        return moved

    def _read_out(self) -> None:
        """Continues after all output of the child, while another process (a grandchild) holds the pipe."""
        self._left = -1
        self._reader.busy(-1)
        self._watch(True)

    def resume(self) -> None:
        if self.fd < 0:
            return
        if self.since != NEVER:  # a line that a block has cut stays one
            self.flowed += self._reader.loop.time() - self.since
            self.since = NEVER
        if self._left >= 0:
            self._readable(True)
        else:
            self._watch(True)
            if self._carry:
                self._line_waits()

    def finish(self) -> None:
        """Reads what is in the pipe now, or once the sink is free: the child was reaped, or all ends."""
        if self.fd < 0 or self._left >= 0:
            return
        self._left = BIG_PIPE
        self._reader.busy(1)
        if self._watched:
            self._watch(False)
            self._readable()

    @property
    def finishing(self) -> bool:
        return self._left >= 0

    def _unseen(self) -> bool:
        """Returns whether lines may go to another pipe without being read here."""
        return self.sink.piped and self.format is None and not self._skip and not self._program.observed

    def _pass_on(self) -> int:
        """Moves output from pipe to pipe; returns the number of bytes.

        It leaves MARGIN bytes or more, which have to be read in the same step: until then it is unknown
        whether the sink ends within a line.
        """
        import fcntl
        import termios

        moved = 0
        while moved < TURN:
            there = int.from_bytes(fcntl.ioctl(self.fd, termios.FIONREAD, b"\0\0\0\0"), "little")
            if there < 2 * MARGIN:
                break
            if self._carry:
                head, self._carry = self._carry[self._ahead :], b""
                self._ahead = 0
                self.since = NEVER
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
            cut, rest = size, 0
        if not cut:
            self._carry += self._reader.views[0][:size]
            return
        self.since = NEVER
        head = self._carry
        self._carry = bytes(self._reader.views[0][cut:size]) if rest else b""
        self._emit(head, buffer, cut)

    def _skip_line(self, size: int) -> int:
        """Moves the bytes after the dropped line to the front of the buffer."""
        buffer = self._reader.buffer
        begin = buffer.find(b"\n", 0, size) + 1
        if not begin:
            self._program.count_loss(size, 0)
            return 0
        self._program.count_loss(begin, 1)
        self._skip = False
        self._reader.views[0][: size - begin] = bytes(self._reader.views[0][begin:size])
        return size - begin

    def _emit(self, head: bytes, data: bytes | bytearray, end: int, partial: bool = False) -> None:
        """Records and writes `head + data[:end]`; `partial`: it ends in an unfinished line."""
        if not (partial and self._gap):
            gap, self._gap = self._gap, False
            self._program.record(self, head, data, end, gap)
        if self._program.spy is not None:
            self._tell_spy(self._program.spy, head + data[:end])
        if self._ahead:
            head, self._ahead = head[self._ahead :], max(0, self._ahead - len(head))
            if not (head or end):
                return
        self._write(head, data, end, partial)

    def _write(self, head: bytes, data: bytes | bytearray, end: int, partial: bool) -> None:
        if self.format is not None:
            data = self.format(
                head + data[:end],
                NAMES[self.stream],
                self.pid,
                continued=self.sink.tail is self,
                partial=partial,
            )
            head = b""
            end = len(data)
        self.sink.write(self, head, data, end)

    def _tell_spy(self, spy: Callable[[int, bytes], object], text: bytes) -> None:
        """Shows a line that goes on from its beginning, however often parts of it were passed on."""
        text = self._said + text
        self._said = text[text.rfind(b"\n") + 1 :][-MAX_LINE:]
        spy(self.pid, text)

    # -- a line that stays unfinished --------------------------------------------------------------------

    def _line_waits(self) -> None:
        """Has the unfinished line passed on after a while; at once where nothing can interrupt it."""
        if self.since == NEVER:
            self.since = self._reader.loop.time()
            self._reader.line_begins(self)
        if (
            self._ahead < len(self._carry) < TRICKLE
            and self.sink.takes_parts
            and not self.sink.blocked
            and self._program.alone
            and (self.format is None or self.format.joins)
        ):
            ahead, self._ahead = self._ahead, len(self._carry)
            self._write(self._carry[ahead:], b"", 0, True)

    def pass_on(self, since: float) -> None:
        """Passes on the unfinished line that began at `since`: it has waited long enough."""
        if self.since != since:
            return  # it has ended meanwhile
        if self.sink.blocked:
            if self._watched:  # else it waits already; what comes when the sink is free may end the line
                self._watch(False)
                self.sink.wait(self, first=False)
            return
        if self._watched:
            self._readable()  # its end may have come, and we were late
        if self._carry and self.since == since and not self.sink.blocked:
            from supervice.output.unfinished import torn_character

            part = self._carry[: len(self._carry) - torn_character(self._carry)]
            self._carry = self._carry[len(part) :]
            self.since = NEVER
            self._emit(part, b"", 0, partial=True)
            if self._carry:
                self._line_waits()

    def _grow(self) -> int:
        """Gives a bigger pipe to a program that fills its own, and returns its size.

        Not to all from the start: a user may have 64 MiB in big pipes, and beyond that all new pipes of the
        user shrink to two pages (pipe(7)).
        """
        import fcntl

        self._grown = True
        self._reader.enlarge()
        try:
            return fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, BIG_PIPE)
        except OSError:
            return fcntl.fcntl(self.fd, fcntl.F_GETPIPE_SZ)

    def lose(self, nbytes: int, nlines: int, torn: bool) -> None:
        """Counts what the sink could not take; `torn`: it does not want the rest of that line either."""
        self._skip = torn
        if torn:
            self._carry = self._said = b""
            self._ahead = 0
            self._program.break_line(self)
        self._program.count_loss(nbytes, nlines)

    def abandoned(self) -> bool:
        """Returns whether no process writes any more and the sink does not take the rest."""
        import select

        if self._watched:
            return False
        poll = select.poll()
        poll.register(self.fd, 0)
        return any(mask & select.POLLHUP for _, mask in poll.poll(0))

    def discard(self) -> None:
        """Closes the pipe, and counts the rest as lost."""
        import fcntl
        import termios

        left = fcntl.ioctl(self.fd, termios.FIONREAD, b"\0\0\0\0")
        self._program.count_loss(int.from_bytes(left, "little") + len(self._carry) - self._ahead, 0)
        self._carry, self._ahead = b"", 0
        self.close()

    def close(self) -> None:
        """Ends at the end of file; writes the last line as it is, even without a newline."""
        if self.fd < 0:
            return
        self._watch(False)
        os.close(self.fd)
        self.fd = -1
        self._reader.line_ends(self)
        if self._carry:
            head, self._carry = self._carry, b""
            self._emit(head, b"", 0)
        if self._left >= 0:
            self._left = -1
            self._reader.busy(-1)
        self._program.pump_closed(self)
