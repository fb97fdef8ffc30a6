"""Divides the time of a shutdown among the levels that are stopped one after the other, and the waits of one.

Where all of it does not fit, the waits are filled up and not scaled: who needs less than an even share keeps
all of it, and the rest is divided among those who need more. So one wait of an hour takes nothing from a
database that needs ten seconds. `config.stop_budget` says beforehand what a shutdown will cut,
`supervision.shutdown` asks again before each level: what an earlier one did not use goes to the rest.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Kept back for the last kill, the leftovers and the flushing of output: a share of the budget, in seconds.
RESERVE_SHARE = 0.15
RESERVE = 2.0


def reserve(timeout: float) -> float:
    """Returns the seconds of `shutdown_timeout` that no program's wait may use."""
    return min(RESERVE, timeout * RESERVE_SHARE)


def fill_up(needs: Sequence[float], budget: float) -> list[float]:
    """Returns what each gets of `budget` seconds: `[10, 20]` for needs of 10 and 3600 and a budget of 30.

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
