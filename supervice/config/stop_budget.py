"""Computes how long stopping everything may take, to compare it with the shutdown timeout."""

from __future__ import annotations

from supervice.config.values import stop_steps
from supervice.lean.builtin import signal
from supervice.lifecycle.graph import levels
from supervice.lifecycle.stop_shares import fill_up, reserve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from supervice.models import ProgramConfig


def stop_seconds(config: ProgramConfig) -> float:
    """Returns the seconds from the stop signal of a process to SIGKILL."""
    total = 0.0
    for signum, wait in stop_steps(config.stopsignal):
        if signum == signal.SIGKILL:
            break
        total += config.stopwaitsecs if wait is None else wait
    return total


def worst_stop(processes: Collection[ProgramConfig]) -> float:
    """Returns the seconds that stopping all may take: level after level, in parallel within one."""
    seconds = {config.name: stop_seconds(config) for config in processes}
    return sum(max(seconds[name] for name in level) for level in levels(processes))


def cut_stops(processes: Collection[ProgramConfig], timeout: float) -> dict[str, tuple[float, float]]:
    """Returns for each process the seconds it may take to stop, and the fewer that a shutdown leaves it.

    The shutdown may leave it more when earlier levels stop faster than they may. A stop does not count as cut
    when it lacks only the time that is kept back for the end itself (`reserve`).
    """
    if worst_stop(processes) <= timeout:
        return {}
    seconds = {config.name: stop_seconds(config) for config in processes}
    order = list(reversed(levels(processes)))
    needs = [max(seconds[name] for name in level) for level in order]
    cut = {}
    for level, share in zip(order, fill_up(needs, timeout - reserve(timeout)), strict=True):
        cut.update({name: (seconds[name], share) for name in level if seconds[name] > share})
    return cut


def timeout_for(seconds: float) -> float:
    """Returns the shutdown_timeout, in whole seconds, that does not cut stops of `seconds`."""
    return next(whole for whole in range(int(seconds), int(seconds) + 4) if whole - reserve(whole) >= seconds)
