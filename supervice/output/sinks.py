"""Targets that can stall: our own stdout and stderr, FIFOs, terminals, sockets, character devices.

A sink takes blocks of whole lines from many sources and never mixes two sources within a line. When its
reader is behind, accepted output waits in a queue and `blocked` tells the sources to stop reading their
pipes, so that only the writing program waits; or with `drop` the sink drops whole lines and counts them.
Pumps and the daemon's log write to it; it must not know of programs.
"""

from __future__ import annotations

import os
import stat

from supervice.lean.builtin import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.output.archive import Log
    from supervice.output.losses import Losses, Reporter

    class Source(Protocol):
        """Writes into a sink. A sink compares sources by identity."""

        def lose(self, nbytes: int, nlines: int, torn: bool) -> None:
            """Hears what could not be written; `torn`: the sink does not want the rest of that line."""

        def resume(self) -> None:
            """Hears that the sink takes output again, once for each `wait`."""

    class Owner(Reporter, Protocol):
        """What a sink needs of the router."""

        def busy(self, change: int) -> None: ...
        def compress(self, log: Log) -> None: ...
        def may_rotate(self) -> bool: ...

    class Sink(Protocol):
        blocked: bool
        label: str
        piped: bool
        users: int
        tail: object

        @property
        def takes_parts(self) -> bool: ...

        def write(self, source: Source, head: bytes, data: bytes | bytearray, end: int) -> None: ...
        def splice(self, source: Source, fd: int, size: int) -> int: ...
        def wait(self, source: Source, first: bool) -> None: ...
        def reopen(self) -> str: ...
        def release(self) -> None: ...
        def close(self) -> None: ...

    Send = Callable[[int, list[bytes | memoryview]], int]

# Bytes that may wait for a stalled reader: with `drop` of all sources, else of the daemon's own log only.
QUEUE_LIMIT = 1024 * 1024
BIG_PIPE = 1024 * 1024
# The mode of new log files, and whether it is exact or less our umask.
LOGFILE_MODE = (0o640, False)
# Why a log file is not rotated yet; it will be.
LATER = "is rotated where its last line ends"
CUT = object()  # as `tail`: the sink ends in a line that no source will finish


class Discard:
    """Discards a stream that a reload has set to NONE while its program runs."""

    __slots__ = ("blocked", "tail", "users")

    label = ""
    piped = False
    takes_parts = False

    def __init__(self) -> None:
        self.blocked = False
        self.users = 0
        self.tail: object = None

    def write(self, source: Source, head: bytes, data: bytes | bytearray, end: int) -> None:
        pass

    def splice(self, source: Source, fd: int, size: int) -> int:
        return 0

    def wait(self, source: Source, first: bool) -> None:
        source.resume()

    def reopen(self) -> str:
        return ""

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


class StreamSink:
    """See the module's docstring. `fd` is non-blocking, or `send` is a way to write that cannot block."""

    takes_parts = False  # lines of others may come at any time, those of the daemon's log too

    __slots__ = (
        "_dead",
        "_grown",
        "_losses",
        "_owner",
        "_queue",
        "_send",
        "_size",
        "_waiters",
        "_watched",
        "blocked",
        "drop",
        "fd",
        "label",
        "opener",
        "piped",
        "tail",
        "users",
    )

    def __init__(self, owner: Owner, fd: int, label: str, drop: bool, send: Send | None = None) -> None:
        self._owner = owner
        self.fd = fd
        self.label = label
        self.drop = drop
        self.blocked = False  # sources are asked to wait
        self.users = 0
        self.tail: object = None  # the source whose unfinished line the sink ends in
        self.opener: Callable[[], int] | None = None  # for `reopen`: a new descriptor of the same path
        self._send: Send = send or os.writev
        self._queue: deque[memoryview] = deque()
        self._size = 0  # bytes in the queue
        self._waiters: deque[Source] = deque()
        self._watched = False
        self._dead = fd < 0  # no reader is left; all output counts as lost
        self._grown = False
        self._losses: Losses | None = None  # made with the first
        # Whether `splice` is worth trying. Not with `drop`, which counts lines.
        self.piped = fd >= 0 and not drop and stat.S_ISFIFO(os.fstat(fd).st_mode)

    def splice(self, source: Source, fd: int, size: int) -> int:
        """Moves at most `size` unread bytes out of the pipe `fd`; returns how many.

        The source reads on at once and `write`s what it finds: only then is it known where the line ends.
        """
        if self._dead or self._queue or (self.tail is not None and self.tail is not source):
            return 0
        try:
            # The flag counts for both pipes, whatever O_NONBLOCK says on the shared description.
            done = os.splice(fd, self.fd, size, flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            if not self._grown:
                self._grow()
            return 0
        except (OSError, AttributeError):
            self.piped = False  # a sandbox, or no reader: `write` finds out which
            return 0
        if done:
            self.tail = source
        return done

    def write(self, source: Source, head: bytes, data: bytes | bytearray, end: int) -> None:
        """Takes `head + data[:end]`: whole lines, or a part of a very long one."""
        size = len(head) + end
        if not size:
            return
        if self._dead:
            source.lose(size, data.count(b"\n", 0, end), False)
            return
        midline = self.tail is source
        if self.tail is not None and not midline:
            head = b"\n" + head
        if self._queue and self.drop and self._size + size > QUEUE_LIMIT:
            self._drop(source, data, end, size, midline)
            return
        whole = (data[end - 1] if end else head[-1]) == 10
        self.tail = None if whole else source
        parts = [memoryview(head), memoryview(data)[:end]] if head else [memoryview(data)[:end]]
        if not self._queue:
            self._push(source, parts)
        if parts:  # the rest has to be copied: `data` is the buffer that all pumps read into
            self._enqueue(parts)

    def _push(self, source: Source, parts: list[memoryview]) -> None:
        """Writes until everything is out or the reader is behind; the rest stays in `parts`."""
        while parts:
            try:
                _advance(parts, self._send(self.fd, parts))  # type: ignore[arg-type]
            except BlockingIOError:
                return
            except OSError as error:
                left = sum(map(len, parts))
                lines = sum(bytes(part).count(b"\n") for part in parts)
                parts.clear()
                self._fail(error, left)
                source.lose(left, lines, self.tail is source)
                if self.tail is source:
                    self.tail = CUT
                return
        if self._losses is not None and self._losses.reason:
            self._losses.over()

    def _enqueue(self, parts: list[memoryview]) -> None:
        if not self._queue:
            self._owner.busy(1)
            self._watch(True)
            if not self._grown:
                self._grow()
        for part in parts:
            self._queue.append(memoryview(bytes(part)))
            self._size += len(part)
        self.blocked = not self.drop

    def _grow(self) -> None:
        """Makes the pipe of a slow reader bigger, which saves both sides most of the switching."""
        import fcntl

        self._grown = True
        try:
            if fcntl.fcntl(self.fd, fcntl.F_GETPIPE_SZ) < BIG_PIPE:
                fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, BIG_PIPE)
        except OSError:
            pass

    def overflow(self, drop: bool) -> None:
        """Sets whether lines are dropped while the reader is behind."""
        self.drop = drop
        self.blocked = bool(self._queue) and not drop
        while self._waiters and not self.blocked:
            self._waiters.popleft().resume()

    def _drop(self, source: Source, data: bytes | bytearray, end: int, size: int, midline: bool) -> None:
        lines = data.count(b"\n", 0, end)
        torn = not (end and data[end - 1] == 10)
        if midline:
            self.tail = CUT
        self._lost().dropped += lines
        source.lose(size, lines, torn)

    def _watch(self, on: bool) -> None:
        if on != self._watched:
            self._watched = on
            if on:
                self._owner.loop.add_writer(self.fd, self._writable)
            else:
                self._owner.loop.remove_writer(self.fd)

    def _writable(self) -> None:
        while self._queue:
            parts = [self._queue[0]]
            try:
                sent = self._send(self.fd, parts)  # type: ignore[arg-type]
            except BlockingIOError:
                return
            except OSError as error:
                self._fail(error, self._size)
                self._queue.clear()
                self._size = 0
                break
            self._size -= sent
            if sent == len(parts[0]):
                self._queue.popleft()
            else:
                self._queue[0] = parts[0][sent:]
        self._emptied()

    def _emptied(self) -> None:
        self._watch(False)
        self.blocked = False
        self._owner.busy(-1)
        if self._losses is not None and self._losses.dropped:
            self._losses.over()
        while self._waiters and not self.blocked:
            self._waiters.popleft().resume()
        if not self.users and not self._queue:
            self.close()

    def _fail(self, error: OSError, size: int) -> None:
        import errno

        # EPIPE, and EIO of a terminal that was hung up, last for ever; a full disk behind stdout does not.
        self._dead = self._dead or error.errno in (errno.EPIPE, errno.EBADF, errno.ECONNRESET, errno.EIO)
        losses = self._lost()
        losses.failed(error.strerror or str(error), size)
        if self._dead:
            losses.close()  # it lasts: no timer for it

    def _lost(self) -> Losses:
        if self._losses is None:
            from supervice.output.losses import Losses

            self._losses = Losses(self._owner, self.label)
        return self._losses

    @property
    def queued(self) -> int:
        return self._size

    def wait(self, source: Source, first: bool) -> None:
        """Calls `source.resume()` when the queue is empty; with `first`, before all other waiters."""
        if not self.blocked:
            self._owner.loop.call_soon(source.resume)
        elif first:
            self._waiters.appendleft(source)
        else:
            self._waiters.append(source)

    def reopen(self) -> str:
        """Reopens the path, which may lead to another FIFO now; our own stdout stays.

        Returns why it could not be opened, or "".
        """
        if self.opener is None:
            return ""
        try:
            fd = self.opener()
        except OSError as error:
            why = error.strerror or str(error)
            self._owner.log("error", f"{self.label}: cannot be opened again: {why}")
            return why
        watched = self._watched
        self._watch(False)
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = fd
        self._dead = False
        self._watch(watched)
        return ""

    def release(self) -> None:
        """Closes as soon as the queue is written: the last user is gone."""
        if not self._queue:
            self.close()

    def close(self) -> None:
        if self._losses is not None:
            self._losses.close()
        if self.fd < 0:
            return
        self._watch(False)
        if self._queue:
            self._queue.clear()
            self._size = 0
            self._owner.busy(-1)
        os.close(self.fd)
        self.fd = -1
        self._dead = True
        self.blocked = False
        while self._waiters:
            self._owner.loop.call_soon(self._waiters.popleft().resume)


def _advance(parts: list[memoryview], sent: int) -> None:
    while parts and sent >= len(parts[0]):
        sent -= len(parts.pop(0))
    if sent:
        parts[0] = parts[0][sent:]
