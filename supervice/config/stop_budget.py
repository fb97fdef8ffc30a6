"""Computes how long a stop of everything may take, to compare it with the shutdown timeout."""

from __future__ import annotations

from supervice.config.values import stop_steps
from supervice.lean.builtin import signal
from supervice.lifecycle.graph import levels

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
