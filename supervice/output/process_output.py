"""The output of one process through all its runs: pipes for each run, lasting sinks, the last lines.

Everything is made when it is first used: a program without output costs two pipes, one without a log nothing.
The driver of the process calls it, in the order `prepare`, `started` or `abandon`, `exited`.
"""

from __future__ import annotations

import os

from supervice.output.pump import NAMES, Pump
from supervice.output.ring import Ring, Subscription

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.models import ProgramConfig
    from supervice.output.formats import Format
    from supervice.output.interface import Reader
    from supervice.output.sinks import Sink

    class Router(Reader, Protocol):
        """What the output of one process needs of the router."""

        log_buffer: int
        taps: Callable[[ProgramConfig, int], Callable[..., Pump]] | None

        @property
        def discard(self) -> Sink: ...
        def acquire(self, config: ProgramConfig) -> tuple[Sink | None, Sink | None]: ...
        def release(self, sinks: tuple[Sink | None, ...]) -> None: ...
        def forget(self, output: ProgramOutput) -> None: ...
        def format_for(self, config: ProgramConfig, stream: int) -> Format | None: ...
        def devnull(self) -> int: ...
        def log(self, level: str, message: str) -> None: ...


LAST_LINES = 64 * 1024  # bytes of each turn that are always read, however much there is (see `Pump`)
STALLED_RUNS = 16  # ended runs whose output waits for a stalled reader; each keeps a descriptor
HELD_PIPES = (
    128  # of ended runs, two a run, that a process still holds: descriptors are those of all programs
)
_HELD = (
    f"processes that its earlier runs left hold their output, more than {HELD_PIPES} pipes; the oldest are "
    "closed now, and a process that writes to one gets SIGPIPE. Have it end what it starts, or start that "
    "with an output of its own (>/dev/null 2>&1); supervicectl stop ends what is left"
)


class ProgramOutput:
    """See the module's docstring."""

    __slots__ = (
        "_closing",
        "_config",
        "_ends",
        "_err",
        "_followers",
        "_lingering",
        "_midline",
        "_out",
        "_ring",
        "_router",
        "_shedding",
        "_sinks",
        "_stale",
        "dropped_lines",
        "lost_bytes",
        "spy",
    )

    def __init__(self, router: Router, config: ProgramConfig) -> None:
        self._router = router
        self._config = config
        self._sinks: tuple[Sink | None, Sink | None] | None = None  # opened for the first run; None: NONE
        self._out: Pump | None = None
        self._err: Pump | None = None
        self._ends: tuple[int, ...] = ()  # the child's ends between `prepare` and `started`
        self._lingering: list[Pump] | None = None  # of ended runs: a grandchild, or a stalled reader
        self._ring: Ring | None = None
        self._followers: list[Subscription] | None = None
        self._midline: dict[int, Pump] | None = None  # by stream: whose unfinished line was recorded last
        self._closing = False
        self._shedding = False  # it was said that pipes are closed which processes hold
        self._stale = False  # a reload's new log file could not be opened yet
        self.dropped_lines = 0
        self.lost_bytes = 0
        self.spy: Callable[[int, bytes], object] | None = None  # gets the pid and whole lines

    # -- one run -----------------------------------------------------------------------------------------

    def prepare(self) -> tuple[int, int]:
        """Returns descriptors for the child's stdout and stderr; they stay ours until `started` or `abandon`.

        OSError when a log file or a pipe cannot be opened; then nothing is left open.
        """
        if self._ends or self._out is not None or self._err is not None:
            self.abandon()
        if self._sinks is None or self._stale:
            old, self._sinks = self._sinks, self._router.acquire(self._config)
            self._stale = False
            self._router.release(old or ())
        out, err = self._sinks
        try:
            first, self._out = self._pipe(0, out)
            if self._config.redirect_stderr:
                return first, first
            second, self._err = self._pipe(1, err)
        except OSError:
            self.abandon()
            raise
        return first, second

    def _pipe(self, stream: int, sink: Sink | None) -> tuple[int, Pump | None]:
        make = Pump if self._router.taps is None else self._router.taps(self._config, stream)
        if sink is None:
            if make is Pump:
                return self._router.devnull(), None
            sink = self._router.discard  # events and messages are made of it all the same
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        self._ends += (theirs,)
        return theirs, make(self._router, self, ours, stream, sink, self._format(stream))

    def _format(self, stream: int) -> Format | None:
        return self._router.format_for(self._config, stream)

    def _close_ends(self) -> None:
        for fd in self._ends:
            os.close(fd)
        self._ends = ()

    def started(self, pid: int) -> None:
        """Begins to read: the child runs and has its descriptors."""
        self._close_ends()
        if self._ring is not None:
            self._ring.begin_run()
        for pump in (self._out, self._err):
            if pump is not None:
                pump.start(pid)

    def abandon(self) -> None:
        """Closes the descriptors of a run that has no child."""
        self._close_ends()
        out, err = self._out, self._err
        self._out = self._err = None
        for pump in (out, err):
            if pump is not None:
                pump.close()

    def exited(self) -> None:
        """Reads what the reaped child wrote, before the next run can write anything."""
        pumps = [pump for pump in (self._out, self._err) if pump is not None]
        self._out = self._err = None
        for pump in pumps:
            pump.finish()
            if pump.fd >= 0:
                if self._lingering is None:
                    self._lingering = []
                self._lingering.append(pump)
        if self._lingering is not None and len(self._lingering) > STALLED_RUNS:
            self._shed(self._lingering)

    def exchange(self, pumps: tuple[Pump | None, Pump | None]) -> tuple[Pump | None, Pump | None]:
        """Swaps the pipes of another run with those of the present one, which it returns.

        They are still read, like those of an earlier run.
        """
        mine = self._out, self._err
        lingering = [pump for pump in self._lingering or () if pump not in pumps]
        lingering += [pump for pump in mine if pump is not None and pump.fd >= 0]
        self._lingering = lingering or None
        self._out, self._err = pumps
        return mine

    def _shed(self, lingering: list[Pump]) -> None:
        """Drops the oldest runs: a program in a crash loop must not use up our descriptors."""
        for pump in lingering[:]:
            if len(lingering) <= STALLED_RUNS:
                break
            if pump.abandoned():
                pump.discard()
        if len(lingering) <= HELD_PIPES:
            return
        if not self._shedding:
            self._shedding = True
            self._router.log("warning", f"{self._config.name}: {_HELD}")
        for pump in lingering[:-HELD_PIPES]:
            pump.discard()

    def pump_closed(self, pump: Pump) -> None:
        self.break_line(pump)
        if self._lingering is not None and pump in self._lingering:
            self._lingering.remove(pump)
            if not self._lingering:
                self._lingering = None
                self._shedding = False
                if self._closing:
                    self._forget()

    def drained(self) -> bool:
        """Returns whether all output that ended runs wrote before their end has been read."""
        return self._lingering is None or not any(pump.finishing for pump in self._lingering)

    def flush(self) -> None:
        """Reads what is in the pipes now, also from living writers (see `OutputRouter.pending`)."""
        for pump in (self._out, self._err, *(self._lingering or ())):
            if pump is not None and pump.pid:
                pump.finish()

    # -- configuration -----------------------------------------------------------------------------------

    def reconfigure(self, config: ProgramConfig) -> None:
        """Applies new log settings, from the next line on.

        A stream that was NONE stays NONE until the next start: the running child has no pipe to us.
        """
        self._config = config
        if self._sinks is None:
            return
        old = self._sinks
        try:
            self._sinks = self._router.acquire(config)
        except OSError as error:
            self._router.log(
                "error",
                f"{config.name}: the new log file cannot be opened ({error}); the old one stays in use",
            )
            self._stale = True  # tried again at the next start
            return
        self._stale = False
        for pump in (self._out, self._err, *(self._lingering or ())):
            if pump is not None:
                stream = 0 if config.redirect_stderr else pump.stream
                pump.sink = self._sinks[stream] or self._router.discard
                pump.format = self._format(stream)
                if pump.pid:
                    pump.resume()  # it may wait for the old sink
        self._router.release(old)

    def refresh(self, log_buffer: int) -> None:
        """Applies new settings for all programs."""
        if self._ring is not None and log_buffer > 0:
            self._ring.resize(log_buffer)
        elif self._ring is not None:
            self._ring = None
        for pump in (self._out, self._err, *(self._lingering or ())):
            if pump is not None:
                pump.format = self._format(0 if self._config.redirect_stderr else pump.stream)

    def close(self, at_once: bool = False) -> None:
        """Closes the output for good, after reading what ended runs wrote unless `at_once`."""
        self.abandon()
        self._closing = True
        for pump in list(self._lingering or ()):
            if at_once:
                pump.close()
        if self._lingering is None:
            self._forget()

    def _forget(self) -> None:
        for follower in list(self._followers or ()):
            follower.end()
        if self._sinks is not None:
            self._router.release(self._sinks)
            self._sinks = None
        self._router.forget(self)

    @property
    def sinks(self) -> list[Sink]:
        """Where the output goes now; empty before the first run."""
        return [sink for sink in self._sinks or () if sink is not None]

    # -- the last lines ----------------------------------------------------------------------------------

    @property
    def observed(self) -> bool:
        """Whether every line has to be read here; otherwise the last ones are enough."""
        if self._followers or self.spy is not None:
            return True
        return self._router.log_buffer > LAST_LINES

    @property
    def alone(self) -> bool:
        """Whether no earlier run writes any more."""
        return self._lingering is None

    def record(self, pump: Pump, head: bytes, data: bytes | bytearray, end: int, gap: bool = False) -> None:
        """Keeps at most `log_buffer` bytes of output, for `tail` and for followers.

        `gap`: output that was not read went out before it, and it begins within a line. It may end in an
        unfinished line, which the same pump continues; before the output of another run it gets a newline.
        """
        limit = self._router.log_buffer
        if limit <= 0 and not self._followers:
            return
        stream = pump.stream
        if self._midline:
            other = self._midline.pop(stream, pump)
            if other is not pump:
                self._keep(stream, b"\n")
        if (data[end - 1] if end else head[-1]) != 10:
            if self._midline is None:
                self._midline = {}
            self._midline[stream] = pump
        skipped = 0
        start = 0
        if gap:
            head = b""
            start = data.find(b"\n", 0, end) + 1
            if self._ring is not None:
                self._ring.forget(stream)
        if end - start > limit > 0:
            start = data.find(b"\n", end - limit, end) + 1 or end - limit
            head = b""
            if self._ring is not None:
                self._ring.forget(stream)  # or lines would seem to follow each other that do not
            if self._followers:
                skipped = data.count(b"\n", 0, start)
        piece = memoryview(data)[start:end]
        if limit > 0:
            if self._ring is None:
                self._ring = Ring(limit)
            self._ring.append(stream, head, piece)
        for follower in self._followers or ():
            follower.offer(stream, head + bytes(piece), skipped)

    def break_line(self, pump: Pump) -> None:
        """Ends the recorded line of a pump that does not continue it."""
        if self._midline and self._midline.get(pump.stream) is pump:
            del self._midline[pump.stream]
            self._keep(pump.stream, b"\n")

    def _keep(self, stream: int, text: bytes) -> None:
        if self._ring is not None:
            self._ring.append(stream, text, memoryview(b""))
        for follower in self._followers or ():
            follower.offer(stream, text, 0)

    def is_midline(self, stream: str) -> bool:
        """Returns whether the last line of a stream is unfinished."""
        return bool(self._midline) and NAMES.index(stream) in (self._midline or ())

    def count_loss(self, nbytes: int, nlines: int) -> None:
        self.lost_bytes += nbytes
        self.dropped_lines += nlines

    def tail(self, lines: int, stream: str | None = None) -> list[tuple[str, bytes]]:
        """Returns the last lines as (stream, line without newline), oldest first; `stream` None: of both."""
        return [] if self._ring is None else self._ring.tail(lines, stream)

    def timed(self, lines: int, stream: str | None = None) -> list[tuple[int, str, bytes]]:
        """Returns the same with the time of each line first, in milliseconds since the epoch."""
        return [] if self._ring is None else self._ring.timed(lines, stream)

    def end(self, size: int) -> bytes:
        """Returns the last output of the present run, about `size` bytes of it."""
        return b"" if self._ring is None else self._ring.end(size)

    def kept(self, stream: str) -> tuple[int, bytes]:
        """Returns (bytes on `stream` before those kept, the bytes kept)."""
        return (0, b"") if self._ring is None else self._ring.kept(stream)

    def clear(self) -> None:
        """Forgets the last lines."""
        self._ring = self._midline = None

    def subscribe(self, callback: Callable[[], object]) -> Subscription:
        """Follows the output across restarts; `callback()` says that `Subscription.take` has something."""
        if self._followers is None:
            self._followers = []
        bound = max(self._router.log_buffer, 65536)
        return Subscription(self._router.loop, callback, bound, self._followers)
