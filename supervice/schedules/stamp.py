"""The content of `schedule_stamp`: up to when the times of a schedule are dealt with. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# No stamp is longer; what is longer is another file.
LONGEST: Final = 256
_LATEST: Final = 253402300799.0  # 9999-12-31


def write(until: float) -> bytes:
    """`1780282800.0 2026-06-01T03:00:00Z`: the first word counts, to the last bit; the second is to read."""
    shown = datetime.fromtimestamp(int(until), UTC).isoformat().replace("+00:00", "Z")
    return f"{until!r} {shown}\n".encode()


def read(data: bytes) -> float:
    """Seconds since 1970; ValueError when it is no stamp."""
    try:
        until = float(data[:LONGEST].split(None, 1)[0].decode("ascii"))
    except (ValueError, IndexError):
        raise ValueError("is no stamp: remove it, or write seconds since 1970 (date +%s)") from None
    if len(data) > LONGEST or not 0 <= until <= _LATEST:
        raise ValueError("is no stamp: remove it, or write seconds since 1970 (date +%s)")
    return until
