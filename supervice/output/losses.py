"""Reports output that a sink loses: at once when a loss begins and ends, otherwise at most once a minute.

A sink makes a `Losses` at its first loss. A disk that is full from time to time, or a reader that is a little
too slow, must not fill the log with messages about it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from supervice.lean.loop import Cancellable, EventLoop

    class Reporter(Protocol):
        """What a `Losses` reports with."""

        @property
        def loop(self) -> EventLoop: ...
        def log(self, level: str, message: str) -> None: ...


PERIOD = 60.0  # seconds


class Losses:
    """Counts bytes that could not be written, and lines that were dropped, since the last message."""

    __slots__ = ("_label", "_owner", "_said_over", "_timer", "bytes", "dropped", "reason")

    def __init__(self, owner: Reporter, label: str) -> None:
        self._owner = owner
        self._label = label
        self._timer: Cancellable | None = None  # while it runs, there is no second message of a kind
        self._said_over = False
        self.reason = ""  # why the sink cannot be written now
        self.bytes = 0
        self.dropped = 0

    def failed(self, reason: str, nbytes: int) -> None:
        """Counts `nbytes` that could not be written, for `reason`."""
        self.bytes += nbytes
        self.reason = reason
        if self._timer is None:
            self._start()  # before the message, which may go to the same sink
            self._owner.log("error", f"{self._label}: {reason}; output is lost")

    def over(self) -> None:
        """Reports the end of a loss: writing works again, or the reader has caught up."""
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
                "error",
                f"{self._label}: still cannot be written ({self.reason}); {self.bytes} bytes were lost",
            )
        elif self.bytes or self.dropped:
            self._start()
            self._said_over = True
            self._say_over()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
