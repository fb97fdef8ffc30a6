"""What sinks and pumps see of the rest: the router, the sources, the programs, and the helpers that compress."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from supervice.output.archive import Archive
from supervice.output.unfinished import Unfinished
from tests.fakes.loop import FakeLoop

if TYPE_CHECKING:
    from supervice.output.archive import Log
    from supervice.output.pump import Pump
    from supervice.output.sinks import Sink


class Killed(BaseException):
    """The daemon is killed here: nothing that stands after it is done, `except Exception` neither."""


class KilledAt:
    """Kills at the n-th call of the functions that it wraps, counted over all of them."""

    def __init__(self, step: int) -> None:
        self._left = step

    def __call__(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                raise Killed
            return real(*args, **kwargs)

        return call


class FakeRouter:
    """The `Owner` of a sink and the `Reader` of a pump: what it was told, and how many of its sinks are busy."""

    def __init__(self, size: int = 65536) -> None:
        self.loop = FakeLoop()
        self.level = 0
        self.messages: list[tuple[str, str]] = []
        self.rotated: list[Log] = []
        self.rotations = 10**9  # that this turn of the loop still allows
        self.buffer = bytearray(size)
        self.views = [memoryview(self.buffer)]
        self.unfinished = Unfinished(self.loop)

    def line_begins(self, pump: Pump) -> None:
        self.unfinished.begins(pump)

    def line_ends(self, pump: Pump) -> None:
        self.unfinished.ends(pump)

    def busy(self, change: int) -> None:
        self.level += change

    def log(self, level: str, message: str) -> None:
        self.messages.append((level, message))

    def compress(self, log: Log) -> None:
        self.rotated.append(log)

    def enlarge(self) -> None:
        pass

    def may_rotate(self) -> bool:
        self.rotations -= 1
        return self.rotations >= 0

    def turn(self, rotations: int) -> None:
        """A turn of the loop that allows so many rotations."""
        self.rotations = rotations
        soon, self.loop.soon = self.loop.soon, []
        for timer in soon:
            timer.run()


class FakeSource:
    """Writes into a sink, and counts what the sink could not write."""

    def __init__(self) -> None:
        self.bytes = 0
        self.lines = 0
        self.torn = False
        self.resumed = 0

    def lose(self, nbytes: int, nlines: int, torn: bool) -> None:
        self.bytes += nbytes
        self.lines += nlines
        self.torn = torn

    def resume(self) -> None:
        self.resumed += 1


class FakeSink:
    """Takes everything at once."""

    blocked = False
    label = "a sink"
    piped = False
    takes_parts = False
    users = 0
    tail: object = None

    def __init__(self) -> None:
        self.data = b""

    def write(self, source: object, head: bytes, data: bytes | bytearray, end: int) -> None:
        if self.tail is not None and self.tail is not source:
            self.data += b"\n"
        self.data += head + bytes(data[:end])
        self.tail = None if self.data.endswith(b"\n") else source

    def splice(self, source: object, fd: int, size: int) -> int:
        return 0

    def wait(self, source: object, first: bool) -> None:
        raise AssertionError("it is never blocked")

    def reopen(self) -> str:
        return ""

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


class FakeOutput:
    """The output of a program whose last lines are not kept and which has no followers."""

    spy: Callable[[int, bytes], object] | None = None
    observed = False
    alone = True

    def __init__(self) -> None:
        self.recorded = b""

    def record(self, pump: Pump, head: bytes, data: bytes | bytearray, end: int, gap: bool = False) -> None:
        self.recorded += head + bytes(data[:end])

    def break_line(self, pump: Pump) -> None:
        if self.recorded and not self.recorded.endswith(b"\n"):
            self.recorded += b"\n"

    def count_loss(self, nbytes: int, nlines: int) -> None:
        pass

    def pump_closed(self, pump: object) -> None:
        pass


class FakeHelpers:
    """Starts nothing: `finish` does what the helper would have done, at the time that the test chooses."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, int, Callable[[int], object]]] = []
        self.started = self.killed = 0

    def __call__(
        self, argv: Sequence[str], stdin: int, stdout: int, ended: Callable[[int], object]
    ) -> Callable[[], None]:
        self.started += 1
        self.waiting.append((os.dup(stdin), os.dup(stdout), ended))

        def kill() -> None:
            self.killed += 1

        return kill

    def finish(self, status: int = 0) -> None:
        stdin, stdout, ended = self.waiting.pop(0)
        with open(stdin, "rb") as source, open(stdout, "wb") as target:
            if not status:
                target.write(gzip.compress(source.read()))
        ended(status)

    def finish_all(self) -> None:
        while self.waiting:
            self.finish()


class CompressingRouter(FakeRouter):
    """A router with an archive whose helpers are fakes."""

    def __init__(self) -> None:
        super().__init__()
        self.helpers = FakeHelpers()
        self.archive = Archive(self.helpers, self.log)

    def compress(self, log: Log) -> None:
        self.archive.want(log)


def put(sink: Sink, source: FakeSource, data: bytes, head: bytes = b"") -> None:
    """Writes `data` as a pump does: in a buffer that goes on behind its end."""
    sink.write(source, head, bytearray(data) + b"rubbish after the end\n", len(data))
