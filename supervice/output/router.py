"""Finds the sink for each stream of each program, and owns what they share.

A daemon or an embedding application has one router. Two streams with the same target share one sink: the same
file by its real path, our stdout and stderr when they are the same pipe or terminal. Otherwise lines would
mix, and a file would be rotated twice.
"""

from __future__ import annotations

import os

from supervice.lean.loop import paced
from supervice.output.process_output import ProgramOutput
from supervice.output.pump import BUFFER, SMALL_BUFFER
from supervice.output.sinks import LOGFILE_MODE, Discard, StreamSink
from supervice.output.stdout import LogWriter, identity, open_own, open_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervice.lean.loop import EventLoop
    from supervice.models import ProgramConfig
    from supervice.output.archive import Archive, Log, Starter
    from supervice.output.file_sink import FileSink
    from supervice.output.formats import Format
    from supervice.output.pump import Pump
    from supervice.output.sinks import Sink
    from supervice.output.timed_rotation import RotationTimer
    from supervice.output.unfinished import Unfinished

    # maxbytes, backups, compress, mode
    Limits = tuple[int, int, bool, tuple[int, bool]]
    # the options `_rotate` and `_suffix`
    ByTime = tuple[str | None, str]


def discards(path: str | None) -> bool:
    return path is not None and path.upper() in ("NONE", "OFF")


BY_SIZE = (None, "number")
# Seconds per turn of the loop that rotations of all files may take together.
ROTATIONS = 0.01


def _asked(config: ProgramConfig, stream: str, mode: tuple[int, bool]) -> tuple[Limits, ByTime]:
    """Returns the settings that a program wants for the log file of a stream."""
    maxbytes, backups, compress, rotate, suffix = (
        getattr(config, f"{stream}_logfile_{name}")
        for name in ("maxbytes", "backups", "compress", "rotate", "suffix")
    )
    return (maxbytes, backups, compress, mode), (rotate, suffix)


class OutputRouter:
    """See the module's docstring. `log(level, message)` must not block and may write into our sinks."""

    def __init__(
        self,
        loop: EventLoop,
        *,
        log_format: str = "raw",
        log_overflow: str = "block",
        log_buffer: int = 65536,
        stdout_fd: int = 1,
        stderr_fd: int = 2,
        logfile_mode: tuple[int, bool] = LOGFILE_MODE,
        log: Callable[[str, str], object],
    ) -> None:
        self.loop = loop
        self.log_format = log_format  # of our stdout and stderr; files are raw unless a program sets it
        self.log_overflow = log_overflow
        self.log_buffer = log_buffer
        self.logfile_mode = logfile_mode  # and whether it is exact or less our umask
        self.discard = Discard()
        # Makes the pump of a stream whose output is also read for events (see `supervisord.extensions`).
        self.taps: Callable[[ProgramConfig, int], Callable[..., Pump]] | None = None
        self._log = log
        self._fds = (stdout_fd, stderr_fd)
        self._own: list[StreamSink | None] = [None, None]
        self._sinks: dict[str, FileSink | StreamSink] = {}
        self._retired: list[StreamSink] = []  # without users; they still write what they have accepted
        self._programs: set[ProgramOutput] = set()
        self._null = -1
        self.start_helper: Starter | None = None  # starts the process that compresses old log files
        self._archive: Archive | None = None
        self._rotations: RotationTimer | None = None
        self._busy = 0
        self._unfinished: Unfinished | None = None  # made with the first unfinished line
        self._rotating = 0.0  # until when this turn of the loop may rotate files
        self._idle: list[Callable[[], object]] = []
        self._buffer: bytearray | None = None
        self._views: list[memoryview] = []

    # -- programs ----------------------------------------------------------------------------------------

    def open(self, config: ProgramConfig) -> ProgramOutput:
        """Returns the output of one process; opens nothing yet."""
        output = ProgramOutput(self, config)
        self._programs.add(output)
        return output

    def forget(self, output: ProgramOutput) -> None:
        self._programs.discard(output)

    def log(self, level: str, message: str) -> None:
        self._log(level, message)

    # -- what pumps share --------------------------------------------------------------------------------

    @property
    def buffer(self) -> bytearray:
        """The buffer that all pumps read into; made with the first output."""
        if self._buffer is None:
            self._make_buffer(SMALL_BUFFER)
        assert self._buffer is not None
        return self._buffer

    def _make_buffer(self, size: int) -> None:
        self._buffer = bytearray(size)
        self._views = [memoryview(self._buffer)]

    def enlarge(self) -> None:
        """Makes the buffer bigger, for a program with much output. Called between reads, when it is empty."""
        if len(self.buffer) < BUFFER:
            self._make_buffer(BUFFER)

    @property
    def views(self) -> list[memoryview]:
        if self._buffer is None:
            _ = self.buffer
        return self._views

    def line_begins(self, pump: Pump) -> None:
        """Has the unfinished line of a pump passed on, unless `line_ends` comes first."""
        if self._unfinished is None:
            from supervice.output.unfinished import Unfinished

            self._unfinished = Unfinished(self.loop)
        self._unfinished.begins(pump)

    def line_ends(self, pump: Pump) -> None:
        if self._unfinished is not None:
            self._unfinished.ends(pump)

    def devnull(self) -> int:
        if self._null < 0:
            self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        return self._null

    # -- sinks -------------------------------------------------------------------------------------------

    def acquire(self, config: ProgramConfig) -> tuple[Sink | None, Sink | None]:
        """Returns the sinks of both streams, None for a discarded one; give them back with `release`."""
        path = config.stdout_logfile
        mode = self.logfile_mode if config.logfile_mode is None else (config.logfile_mode, True)
        if config.listener is not None and (discards(path) or self._own_stream(path, 0) is not None):
            out: Sink | None = self.discard  # a protocol, which is nothing among lines for people
        else:
            out = self._sink(0, path, *_asked(config, "stdout", mode))
        if config.redirect_stderr:
            return out, None
        try:
            err = self._sink(1, config.stderr_logfile, *_asked(config, "stderr", mode))
        except OSError:
            self.release((out,))
            raise
        return out, err

    def _sink(
        self, stream: int, path: str | None, limits: Limits, by_time: ByTime
    ) -> FileSink | StreamSink | None:
        if discards(path):
            return None
        return self._path_sink(path, limits, by_time) if path else self.own(stream)

    def _path_sink(self, path: str, limits: Limits, by_time: ByTime) -> FileSink | StreamSink:
        from supervice.output.targets import target  # for those who log into files, as the sink itself

        found = target(path, self._fds)
        if found.own is not None:
            return self.own(found.own)
        sink = self._sinks.get(found.path)
        if sink is None:
            if found.regular:
                from supervice.output.file_sink import FileSink

                sink = FileSink(self, found.path, *limits)
                if limits[2] and not (self._archive is not None and self._archive.busy):
                    found.sweep(".gz.tmp")  # what a killed run had not compressed to the end
            else:
                sink = StreamSink(self, open_path(found.path), found.path, self.log_overflow == "drop")
                sink.opener = lambda: open_path(found.path)
            self._sinks[found.path] = sink
        elif not isinstance(sink, StreamSink):
            sink.limits(*limits)
        if (by_time != BY_SIZE or self._rotations is not None) and not isinstance(sink, StreamSink):
            if self._rotations is None:
                from supervice.output.timed_rotation import RotationTimer

                self._rotations = RotationTimer(self)
            self._rotations.set(sink, by_time[0], by_time[1] == "date")
        sink.users += 1
        return sink

    def _own_stream(self, path: str | None, default: int) -> int | None:
        """Returns 0 or 1 when `path` is our stdout or stderr, by name or in fact; `default` for ""."""
        if not path:
            return default
        from supervice.output.targets import target

        try:
            return target(path, self._fds).own
        except OSError:
            return None

    def own(self, stream: int) -> StreamSink:
        """Returns the sink of our own stdout (0) or stderr (1)."""
        sink = self._own[stream]
        if sink is not None:
            return sink
        fd, other = self._fds[stream], self._fds[1 - stream]
        shared = self._own[1 - stream]
        if shared is not None and identity(fd) is not None and identity(fd) == identity(other):
            sink = shared
        else:
            opened, send = open_own(fd)
            name = ("stdout", "stderr")[stream]
            sink = StreamSink(self, opened, name, self.log_overflow == "drop", send)
            sink.users = 1  # ours: it closes with the router
        self._own[stream] = sink
        return sink

    def release(self, sinks: tuple[Sink | None, ...]) -> None:
        for sink in sinks:
            if sink is not None and not isinstance(sink, Discard) and sink not in self._own:
                sink.users -= 1
                if not sink.users:
                    gone = self._sinks.pop(sink.label)
                    if self._rotations is not None and not isinstance(gone, StreamSink):
                        self._rotations.forget(gone)
                    sink.release()
                    if isinstance(sink, StreamSink) and sink.queued:
                        self._retired = [old for old in self._retired if old.queued]
                        self._retired.append(sink)

    def format_for(self, config: ProgramConfig, stream: int) -> Format | None:
        """Returns the format of a stream: the program's own, else ours on our stdout and stderr, else raw."""
        asked: str | None = getattr(config, "log_format", None)
        if (asked or self.log_format) == "raw":
            return None
        path = config.stderr_logfile if stream else config.stdout_logfile
        own = self._own_stream(path, stream)
        log_format = asked or (self.log_format if own is not None else "raw")
        from supervice.output.formats import make

        return make(log_format, config.name, own is not None and self._colours(own))

    def _colours(self, stream: int) -> bool:
        try:
            return os.isatty(self._fds[stream]) and "NO_COLOR" not in os.environ
        except OSError:
            return False

    # -- all at once -------------------------------------------------------------------------------------

    def settings(self, log_format: str, log_overflow: str, log_buffer: int) -> None:
        """Applies the settings of a reload, from the next line on."""
        self.log_format, self.log_overflow, self.log_buffer = log_format, log_overflow, log_buffer
        for sink in {*self._sinks.values(), *self._own}:
            if isinstance(sink, StreamSink):
                sink.overflow(log_overflow == "drop")
        for output in list(self._programs):
            output.refresh(log_buffer)

    def reopen(self) -> list[tuple[str, str]]:
        """Reopens all files after logrotate has moved them; returns what could not be opened, and why."""
        done = [(path, sink.reopen()) for path, sink in list(self._sinks.items())]
        return [(path, why) for path, why in done if why]

    def empty(self, path: str) -> None:
        """Empties the log at `path`, also for its writers; does nothing without writers. OSError."""
        from supervice.output.targets import target

        sink = self._sinks.get(target(path, self._fds).path)
        if sink is not None and not isinstance(sink, StreamSink):
            sink.empty()

    async def rotate(self, outputs: Iterable[ProgramOutput] | None) -> list[tuple[str, str]]:
        """Rotates the log files of these processes, or all; returns each path, and "" or why it was not."""
        logs = [sink for sink in self._sinks.values() if not isinstance(sink, StreamSink)]
        if outputs is not None:
            these = {id(sink) for output in outputs for sink in output.sinks}
            logs = [sink for sink in logs if id(sink) in these]
        return [(sink.path, sink.rotate()) async for sink in paced(self.loop, logs)]

    def may_rotate(self) -> bool:
        """Returns whether this turn of the loop has time for one more rotation; always for the first."""
        if not self._rotating:
            self._rotating = self.loop.time() + ROTATIONS
            self.loop.call_soon(self._turn_ends)
            return True
        return self.loop.time() < self._rotating

    def _turn_ends(self) -> None:
        self._rotating = 0.0

    def compress(self, log: Log) -> None:
        """Compresses the rotated files of `log`."""
        if self._archive is None:
            if self.start_helper is None:
                return
            from supervice.output.archive import Archive

            self._archive = Archive(self.start_helper, self.log)
        self._archive.want(log)

    def stop_helpers(self) -> None:
        """Ends compression, when the shutdown begins."""
        if self._archive is not None:
            self._archive.close()

    def busy(self, change: int) -> None:
        self._busy += change
        if not self._busy and self._idle:
            self.loop.call_soon(self._tell_idle)

    def pending(self) -> bool:
        """Returns whether output is not written yet, or that of an ended child not read yet."""
        return self._busy > 0

    def flush(self) -> None:
        """Reads all that is in the pipes now; at shutdown, when the last process is gone."""
        for output in list(self._programs):
            output.flush()

    def on_idle(self, callback: Callable[[], object]) -> None:
        """Calls back once nothing is `pending`, soon if nothing is now. The caller limits the time."""
        self._idle.append(callback)
        if not self._busy:
            self.loop.call_soon(self._tell_idle)

    def _tell_idle(self) -> None:
        if not self._busy:
            waiting, self._idle = self._idle, []
            for callback in waiting:
                callback()

    def close(self) -> None:
        """Closes everything; queued output is lost."""
        self.stop_helpers()
        if self._rotations is not None:
            self._rotations.close()
        for output in list(self._programs):
            output.close(at_once=True)
        if self._unfinished is not None:
            self._unfinished.close()
        for sink in [*self._sinks.values(), *self._retired, *self._own]:
            if sink is not None:
                sink.close()
        self._sinks.clear()
        self._own = [None, None]
        if self._null >= 0:
            os.close(self._null)
            self._null = -1

    # -- the daemon's own log ----------------------------------------------------------------------------

    def log_stream(self, stream: int = 0) -> LogWriter:
        """Returns a function that writes whole lines to our stdout (0) or stderr (1)."""
        return LogWriter(self.own(stream))

    def log_file(
        self, path: str, maxbytes: int, backups: int, compress: bool = False, by_time: ByTime = BY_SIZE
    ) -> LogWriter:
        """Returns the same for a rotating file (never for a device, which is not rotated); OSError."""
        sink = self._path_sink(path, (maxbytes, backups, compress, self.logfile_mode), by_time)
        return LogWriter(sink, lambda: self.log_stream(1))
