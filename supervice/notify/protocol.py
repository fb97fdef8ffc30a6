"""Parses a datagram of sd_notify(3). Pure; any bytes have a meaning, usually an empty one."""

from __future__ import annotations

from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# A longer STATUS is cut: it is a line in a table.
LONGEST_STATUS: Final = 256
# Seconds; more counts as no limit.
LONGEST_TIME: Final = 1_000_000_000.0


class Message:
    """What a datagram says; absent fields are None or False. `extend` and `watchdog_time` in seconds."""

    __slots__ = (
        "barrier",
        "extend",
        "mainpid",
        "ping",
        "ready",
        "status",
        "stopping",
        "trigger",
        "watchdog_time",
    )

    def __init__(self) -> None:
        self.ready = False
        self.stopping = False
        self.status: str | None = None
        self.mainpid: int | None = None
        self.ping = False
        self.trigger = False
        self.watchdog_time: float | None = None
        self.extend: float | None = None
        self.barrier = False


def parse(data: bytes) -> Message:
    """Parses lines of KEY=value; it ignores unknown and senseless ones, and later ones win."""
    message = Message()
    for line in data.split(b"\n"):
        key, _, value = line.partition(b"=")
        if key == b"READY":
            message.ready = value == b"1"
        elif key == b"STOPPING":
            message.stopping = value == b"1"
        elif key == b"STATUS":
            message.status = _text(value)
        elif key == b"MAINPID":
            message.mainpid = _number(value) or None
        elif key == b"WATCHDOG":
            message.ping = message.ping or value == b"1"
            message.trigger = message.trigger or value == b"trigger"
        elif key == b"WATCHDOG_USEC":
            message.watchdog_time = _seconds(value)
        elif key == b"EXTEND_TIMEOUT_USEC":
            message.extend = _seconds(value)
        elif key == b"BARRIER":
            message.barrier = value == b"1"
    return message


def _number(value: bytes) -> int | None:
    # isdigit on bytes knows ASCII only
    return int(value) if value.isdigit() and len(value) < 20 else None


def _seconds(value: bytes) -> float | None:
    number = _number(value)
    return min(number / 1_000_000, LONGEST_TIME) if number else None


def _text(value: bytes) -> str:
    text = value[: 4 * LONGEST_STATUS].decode("utf-8", "replace")
    return clean(text.strip())[:LONGEST_STATUS]
