"""Passes on lines that stay unfinished: prompts, dots, progress bars.

One timer for all pumps, which runs only while a line waits. A line's time begins with its first byte that was
not passed on. A line of a program in the midst of much output was cut by the end of a block: it waits longer,
and longer still while its program has no CPU. The router makes it with the first unfinished line.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from supervice.lean.loop import Cancellable, EventLoop

    class Line(Protocol):
        """A pump: when its unfinished line began, whose it is, and what passes it on."""

        since: float
        flowed: float  # when much came at once
        pid: int

        def pass_on(self, since: float) -> None: ...


PATIENCE = 0.2  # seconds
# Seconds more for a line that begins within so many of much output: a block has cut it.
CUT = 0.8
MORE = 4.0  # seconds at most that a cut line waits on for a program that would write if it had the CPU


class Unfinished:
    """See the module's docstring."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._lines: dict[Line, tuple[float, float]] = {}  # when to look, and until when it may wait
        self._timer: Cancellable | None = None

    def begins(self, line: Line) -> None:
        """Waits for the end of a line; a line that waits already starts anew, from its `since`."""
        cut = line.since - line.flowed < CUT
        due = line.since + PATIENCE + (CUT if cut else 0.0)
        self._lines[line] = due, due + MORE if cut else due
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
        for line, (due, until) in list(self._lines.items()):
            if due > now + 0.001:
                continue
            if now < until and is_running(line.pid):
                self._lines[line] = min(now + PATIENCE, until), until
                continue
            del self._lines[line]
            self._loop.call_soon(line.pass_on, line.since)  # each reads first: the loop paces them
        if self._lines:
            first = min(due for due, _ in self._lines.values())
            self._timer = self._loop.call_later(max(0.0, first - self._loop.time()), self._look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def is_running(pid: int) -> bool:
    """Returns whether the first thread of the process computes, or would if it had a CPU or the disk."""
    try:
        with open(f"/proc/{pid}/stat", "rb", 0) as file:
            text = file.read(128)
    except OSError:
        return False
    return text[text.rfind(b")") + 2 :][:1] in (b"R", b"D")


def torn_character(text: bytes) -> int:
    """Returns how many bytes at the end of `text` begin an incomplete UTF-8 character; 0 for none."""
    for size in range(1, min(4, len(text))):
        byte = text[-size]
        if byte >= 0xC0:
            return size if size < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else 0
        if byte < 0x80:
            break
    return 0
