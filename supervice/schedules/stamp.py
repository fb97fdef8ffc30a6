"""The content of `schedule_stamp`: the last time of a schedule that was dealt with. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# Bytes; a longer file is no stamp.
LONGEST: Final = 256
_LATEST: Final = 253402300799.0  # 9999-12-31


def write(until: float) -> bytes:
    """Returns `1780282800.0 2026-06-01T03:00:00Z`: the first word is exact, the second is for people."""
    shown = datetime.fromtimestamp(int(until), UTC).isoformat().replace("+00:00", "Z")
    return f"{until!r} {shown}\n".encode()


def read(data: bytes) -> float:
    """Returns seconds since 1970; ValueError when it is no stamp."""
    try:
        until = float(data[:LONGEST].split()[0].decode("ascii"))
    except (ValueError, IndexError):
        raise ValueError("is not a stamp; remove it, or write seconds since 1970 (date +%s)") from None
    if len(data) > LONGEST or not 0 <= until <= _LATEST:
        raise ValueError("is not a stamp; remove it, or write seconds since 1970 (date +%s)")
    return until
