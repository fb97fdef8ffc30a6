"""Whether stopping everything can fit the shutdown timeout."""

from __future__ import annotations

from supervice.config.values import stop_steps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervice.models import ProgramConfig

KILL = 9


def stop_seconds(config: ProgramConfig) -> float:
    """How long one process may take from its stop signal to SIGKILL."""
    total = 0.0
    for signum, wait in stop_steps(config.stopsignal):
        if signum == KILL:
            break
        total += config.stopwaitsecs if wait is None else wait
    return total


def worst_stop(processes: Iterable[ProgramConfig]) -> float:
    """Seconds that stopping all of them may take: level after level, in parallel within one."""
    levels: dict[tuple[bool, int, int], float] = {}
    for config in processes:
        group = config.priority if config.group_priority is None else config.group_priority
        level = (config.main, group, config.priority)
        levels[level] = max(levels.get(level, 0.0), stop_seconds(config))
    return sum(levels.values())
