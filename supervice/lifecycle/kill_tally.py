"""Decides which exit was a kill for want of memory, from the container's counter of such kills. Pure.

The counter does not say which process was killed. A kill that was counted and not yet matched to a process is
open; a process that ends by SIGKILL is matched to one. The kernel counts before it sends the signal, so a
look after the end of a process always includes its kill.
"""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass, replace

# Seconds for which a kill stays open: by then the leader of a killed program has been reaped.
PATIENCE = 1.0


@dataclass(frozen=True)
class Tally:
    """What the counter has said so far, and the open kills."""

    count: int  # at the last look
    open: int = 0  # kills that no process has accounted for
    lost: int = 0  # kills of processes that no program was waiting for, so far


def counted(now: Tally, count: int | None) -> Tally:
    """Returns the tally after a look at the counter; None: unreadable, and no kill is claimed."""
    if count is None or count == now.count:
        return now
    if count < now.count:  # another cgroup than before
        return Tally(count, 0, now.lost)
    return replace(now, count=count, open=now.open + count - now.count)


def claimed(now: Tally) -> tuple[Tally, bool]:
    """Matches a process that a SIGKILL, not ours, has ended; returns whether memory was the reason."""
    return (replace(now, open=now.open - 1), True) if now.open else (now, False)


def written_off(now: Tally) -> tuple[Tally, int]:
    """Drops the open kills whose time is over; returns how many there were."""
    return replace(now, open=0, lost=now.lost + now.open), now.open
