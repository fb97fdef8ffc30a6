"""Divides the time of a shutdown among the levels that stop one after the other, and the waits of each.

When not all of it fits, the waits are filled up, not scaled: a wait shorter than an even share is kept whole,
and the rest is divided among the longer ones. So one wait of an hour takes nothing from a database that needs
ten seconds. `config.stop_budget` predicts what a shutdown will cut; `supervision.shutdown` asks again before
each level, so that time an earlier level did not use goes to the rest.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Kept back for the last kill, the leftovers and flushing output: a share of the budget, and seconds.
RESERVE_SHARE = 0.15
RESERVE = 2.0


def reserve(timeout: float) -> float:
    """Returns the seconds of `shutdown_timeout` that no program's wait may use."""
    return min(RESERVE, timeout * RESERVE_SHARE)


def fill_up(needs: Sequence[float], budget: float) -> list[float]:
    """Returns the share of each need in `budget` seconds: `[10, 20]` for needs of 10 and 3600 and 30 seconds.

    None gets more than it needs. One that is cut gets at least as much as any other, so each keeps its first
    second as long as there is a second for each.
    """
    left = max(0.0, budget)
    if sum(needs) <= left:
        return list(needs)
    shares = [0.0] * len(needs)
    order = sorted(range(len(needs)), key=needs.__getitem__)
    for done, index in enumerate(order):
        shares[index] = min(needs[index], left / (len(order) - done))
        left -= shares[index]
    return shares
