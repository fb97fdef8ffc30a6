"""Parses what one run of a listener says: bytes in, answers out. No I/O, no clock, no logging.

A listener says `READY\n` when it wants an event; given one, it answers `RESULT n\n` and n bytes, which are
`OK` or anything else for a failure; then it says again when it is ready. One that says anything else is no
longer trusted. What is accepted is what supervisord 4.3 accepts: of a result line it reads only what follows
the first seven characters, and so do we.
"""

from __future__ import annotations

ACKNOWLEDGED = "ACKNOWLEDGED"  # it has to say that it is ready
READY = "READY"  # it waits for an event
BUSY = "BUSY"  # it has one
UNKNOWN = "UNKNOWN"  # it broke the protocol; nothing it says counts any more

# What `feed` answers.
IS_READY = "ready"
PROCESSED = "processed"
REJECTED = "rejected"
BROKEN = "broken"

READY_TOKEN = b"READY\n"
RESULT_TOKEN = b"RESULT "
OK = b"OK"
LONGEST_LINE = 64 * 1024  # of a result line that never ends
SHOWN = 80  # bytes of what it should not have said


class ListenerProtocol:
    """One run of one listener."""

    __slots__ = ("_buffer", "_left", "_result", "complaint", "state")

    def __init__(self) -> None:
        self.state = ACKNOWLEDGED
        self.complaint = ""  # once UNKNOWN: what was wrong
        self._buffer = b""
        self._left = -1  # bytes of the result that are still to come; -1: its line is
        self._result = b""  # as much of it as tells OK from everything else

    def sent(self) -> None:
        """Notes that it was given an event."""
        self.state = BUSY

    def feed(self, data: bytes) -> list[str]:
        """Returns the meanings of these bytes, in order. After BROKEN nothing has a meaning."""
        answers: list[str] = []
        self._buffer += data
        while self._buffer or self._left == 0:
            answer = self._step()
            if answer is None:
                break
            if answer:
                answers.append(answer)
        return answers

    def _step(self) -> str | None:
        """Returns one answer, "" for progress without one, None when more bytes are needed."""
        if self.state == BUSY:
            return self._line() if self._left < 0 else self._body()
        if self.state == ACKNOWLEDGED:
            if len(self._buffer) < len(READY_TOKEN):
                return None
            if self._buffer.startswith(READY_TOKEN):
                self._buffer = self._buffer[len(READY_TOKEN) :]
                self.state = READY
                return IS_READY
            return self._broken("not READY")
        if self.state == READY:
            return self._broken("more than READY")
        self._buffer = b""
        return None

    def _line(self) -> str | None:
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            return self._broken("no RESULT") if len(line) > LONGEST_LINE else None
        try:
            left = int(line[len(RESULT_TOKEN) :])
        except ValueError:
            left = -1
        if left < 0:
            return self._broken("no RESULT")
        self._left = left
        self._buffer = rest
        return ""

    def _body(self) -> str | None:
        part, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._left -= len(part)
        self._result = (self._result + part)[: len(OK) + 1]
        if self._left:
            return None
        answer = PROCESSED if self._result == OK else REJECTED
        self._left, self._result = -1, b""
        self.state = ACKNOWLEDGED
        return answer

    def _broken(self, what: str) -> str:
        self.complaint = f"{what}: {self._buffer[:SHOWN]!r}"
        self.state = UNKNOWN
        self._buffer, self._left, self._result = b"", -1, b""
        return BROKEN
