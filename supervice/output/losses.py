"""Says what a sink has lost: at once when it begins and when it is over, then at most once a minute.

Made by a sink when something is lost for the first time. A disk that is full one moment and not the next, or
a reader that is only a little too slow, must not fill the log with messages about it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from supervice.lean.loop import Cancellable, EventLoop

    class Reporter(Protocol):
        """What losses are reported with."""

        @property
        def loop(self) -> EventLoop: ...
        def log(self, level: str, message: str) -> None: ...


PERIOD = 60.0  # seconds


class Losses:
    """Counts bytes that could not be written and lines that were dropped since the last message."""

    __slots__ = ("_label", "_owner", "_said_over", "_timer", "bytes", "dropped", "reason")

    def __init__(self, owner: Reporter, label: str) -> None:
        self._owner = owner
        self._label = label
        self._timer: Cancellable | None = None  # while it runs, one message of each kind was enough
        self._said_over = False
        self.reason = ""  # why it cannot be written now
        self.bytes = 0
        self.dropped = 0

    def failed(self, reason: str, nbytes: int) -> None:
        """`nbytes` could not be written."""
        self.bytes += nbytes
        self.reason = reason
        if self._timer is None:
            self._start()  # before the message: it may end in the same sink
            self._owner.log("error", f"{self._label}: {reason}: output is being lost")

    def over(self) -> None:
        """Something was written again, or the reader has caught up."""
        self.reason = ""
        if not self._said_over and (self.bytes or self.dropped):
            if self._timer is None:
                self._start()
            self._said_over = True
            self._say_over()

    def _start(self) -> None:
        self._said_over = False
        self._timer = self._owner.loop.call_later(PERIOD, self._period_ends)

    def _say_over(self) -> None:
        nbytes, dropped = self.bytes, self.dropped
        self.bytes = self.dropped = 0
        if nbytes:
            self._owner.log("warning", f"{self._label}: can be written again; {nbytes} bytes were lost")
        if dropped:
            self._owner.log(
                "warning", f"{self._label}: the reader was too slow; {dropped} lines were dropped"
            )

    def _period_ends(self) -> None:
        self._timer = None
        if self.reason:
            self._start()
            self._owner.log(
                "error", f"{self._label}: still not written ({self.reason}); {self.bytes} bytes are lost"
            )
        elif self.bytes or self.dropped:
            self._start()
            self._said_over = True
            self._say_over()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
