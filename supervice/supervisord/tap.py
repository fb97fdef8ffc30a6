"""Pumps for output that is also read for events, or changed before it is logged.

Made instead of a plain `Pump` only if the configuration asks for it, so that the plain copy loop knows
nothing of this. They see the bytes before these are cut into lines: a message between supervisord's tokens
need not end a line.
"""

from __future__ import annotations

from supervice.output.pump import Pump
from supervice.output.sinks import Discard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Told = Callable[[int, bytes], object]  # the pid, what it wrote

BEGIN = b"<!--XSUPERVISOR:BEGIN-->"
END = b"<!--XSUPERVISOR:END-->"
ESCAPE = b"\x1b["
LONGEST_ESCAPE = 64  # a longer one is none


class ListenerPump(Pump):
    """The pump of a listener's stdout, which is the protocol: copied only into a log file of its own."""

    __slots__ = ("_heard",)

    def __init__(self, *args: Any, heard: Callable[[bytes], object]) -> None:
        super().__init__(*args)
        self._heard = heard

    def _unseen(self) -> bool:
        return False

    def _look_at_pace(self, moved: int) -> None:
        """Does nothing: a listener's answer is awaited, whatever its pace."""

    def _feed(self, size: int) -> None:
        data = bytes(self._reader.views[0][:size])
        if not isinstance(self.sink, Discard):
            super()._feed(size)
        self._heard(data)


class TappedPump(Pump):
    """A pump whose output goes through a `Tap` first."""

    __slots__ = ("_tap",)

    def __init__(self, *args: Any, tap: Tap) -> None:
        super().__init__(*args)
        self._tap = tap

    def _unseen(self) -> bool:
        return False

    def _feed(self, size: int) -> None:
        self._log(self._tap.feed(bytes(self._reader.views[0][:size]), self.pid))

    def _log(self, data: bytes) -> None:
        if isinstance(self.sink, Discard):
            return
        start = 0
        while start < len(data):
            view = self._reader.views[0]
            piece = data[start : start + len(view)]
            view[: len(piece)] = piece
            super()._feed(len(piece))
            start += len(piece)

    def close(self) -> None:
        if self.fd >= 0:
            self._log(self._tap.end(self.pid))
        super().close()


class Tap:
    """Turns bytes read into bytes to log; reports what it captures and what is logged."""

    def __init__(
        self, *, strip: bool, capture: int, on_log: Told | None = None, on_message: Told | None = None
    ) -> None:
        """`capture`: how many of the last bytes of a message are kept; 0: it looks for no messages."""
        self._ansi = Ansi() if strip else None
        self._capture = capture
        self._on_log = on_log
        self._on_message = on_message
        self._held = b""  # perhaps the beginning of a token
        self._message: bytearray | None = None

    def feed(self, data: bytes, pid: int) -> bytes:
        if self._ansi is not None:
            data = self._ansi.feed(data)
        return self._split(data, pid) if self._capture else self._tell(data, pid)

    def end(self, pid: int) -> bytes:
        """Returns what was held back. A message without its end is none, and is logged."""
        data = self.feed(b"", pid)
        if self._ansi is not None:
            rest = self._ansi.end()
            data += self._split(rest, pid) if self._capture else self._tell(rest, pid)
        if self._message is not None:
            data += BEGIN + self._message
            self._message = None
        held, self._held = self._held, b""
        return data + self._tell(held, pid)

    def _tell(self, data: bytes, pid: int) -> bytes:
        if data and self._on_log is not None:
            self._on_log(pid, data)
        return data

    def _split(self, data: bytes, pid: int) -> bytes:
        data = self._held + data
        self._held = b""
        out: list[bytes] = []
        while data:
            token = BEGIN if self._message is None else END
            at = data.find(token)
            if at < 0:
                keep = overlap(data, token)
                self._held = data[len(data) - keep :]
                self._take(data[: len(data) - keep], out, pid)
                break
            self._take(data[:at], out, pid)
            data = data[at + len(token) :]
            if self._message is None:
                self._message = bytearray()
            else:
                message, self._message = bytes(self._message), None
                if self._on_message is not None:
                    self._on_message(pid, message)
        return b"".join(out)

    def _take(self, data: bytes, out: list[bytes], pid: int) -> None:
        self._tell(data, pid)  # also what is within a message: supervisord tells it twice
        if self._message is None:
            out.append(data)
        else:
            self._message += data
            del self._message[: -self._capture]


class Ansi:
    """Removes control sequences (ESC [ … final byte), even when a read ends within one."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        self._held = b""
        out: list[bytes] = []
        begin = 0
        while True:
            at = data.find(ESCAPE, begin)
            if at < 0:
                keep = overlap(data[begin:], ESCAPE)
                out.append(data[begin : len(data) - keep])
                self._held = data[len(data) - keep :]
                break
            out.append(data[begin:at])
            end = at + len(ESCAPE)
            while end < len(data) and 0x20 <= data[end] <= 0x3F:
                end += 1
            if end == len(data) and end - at <= LONGEST_ESCAPE:
                self._held = data[at:]
                break
            if end < len(data) and 0x40 <= data[end] <= 0x7E and end - at <= LONGEST_ESCAPE:
                begin = end + 1
            else:  # no control sequence: its bytes are text
                begin = at + len(ESCAPE)
                out.append(ESCAPE)
        return b"".join(out)

    def end(self) -> bytes:
        held, self._held = self._held, b""
        return held


def overlap(data: bytes, token: bytes) -> int:
    """Returns how many bytes at the end of `data` may be the beginning of `token`."""
    for size in range(min(len(token) - 1, len(data)), 0, -1):
        if data.endswith(token[:size]):
            return size
    return 0
