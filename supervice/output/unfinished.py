"""Passes on lines that stay unfinished: prompts, dots, progress bars.

One timer for all pumps, which runs only while a line waits. A line's time begins with its first byte that was
not passed on. The router makes it with the first unfinished line.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from supervice.lean.loop import Cancellable, EventLoop

    class Line(Protocol):
        """A pump: when its unfinished line began, and what passes it on."""

        since: float

        def pass_on(self, since: float) -> None: ...


PATIENCE = 0.2  # seconds


class Unfinished:
    """See the module's docstring."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._lines: dict[Line, None] = {}
        self._timer: Cancellable | None = None

    def begins(self, line: Line) -> None:
        """Waits for the end of a line; a line that waits already starts anew, from its `since`."""
        self._lines[line] = None
        if self._timer is None:
            self._timer = self._loop.call_later(PATIENCE, self._look)

    def ends(self, line: Line) -> None:
        """Forgets a line that has ended or was passed on."""
        self._lines.pop(line, None)
        if not self._lines:
            self.close()

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        due = [line for line in self._lines if now - line.since >= PATIENCE - 0.001]
        for line in due:
            del self._lines[line]
            self._loop.call_soon(line.pass_on, line.since)  # each reads first: the loop paces them
        if self._lines:
            first = min(line.since for line in self._lines)
            self._timer = self._loop.call_later(max(0.0, first + PATIENCE - self._loop.time()), self._look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def torn_character(text: bytes) -> int:
    """Returns how many bytes at the end of `text` begin an incomplete UTF-8 character; 0 for none."""
    for size in range(1, min(4, len(text))):
        byte = text[-size]
        if byte >= 0xC0:
            return size if size < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else 0
        if byte < 0x80:
            break
    return 0
