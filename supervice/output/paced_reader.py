"""Reads a pipe once a millisecond while a program writes many small pieces into it.

To be woken for each piece costs the program and us more than the piece. Left alone for a millisecond, both
do more in one go, and a line comes that much later. Measured with 256 MiB in writes of 120 bytes into a
rotating file: 389 MB/s and 1.2 CPU s/GiB, not 294 and 3.5.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import Cancellable, EventLoop

PAUSE = 0.001  # seconds
MOST = 512 * 1024  # bytes of a pause: half of what the pipe holds, or the program would have to wait


class PacedReader:
    """Of one pump, from its making until `end`, which it calls itself where `read` finds nothing or MOST."""

    __slots__ = ("_loop", "_over", "_read", "_timer")

    def __init__(self, loop: EventLoop, read: Callable[[], int], over: Callable[[], object]) -> None:
        """`read()` returns the number of bytes; `over()` is called once it has ended."""
        self._loop, self._read, self._over = loop, read, over
        self._timer: Cancellable | None = loop.call_later(PAUSE, self._look)

    def _look(self) -> None:
        moved = self._read()
        if self._timer is None:
            return  # ended meanwhile
        if 0 < moved < MOST:
            self._timer = self._loop.call_later(PAUSE, self._look)
        else:
            self.end()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._over()
