"""What is said and remembered of a process: lines in the log, its last exits."""

from __future__ import annotations

from supervice import logger
from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RUNNING, STOPPED, UNHEALTHY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lifecycle.states import Announce

# Exits that are remembered, and bytes of what was said before each.
KEPT_EXITS = 5
KEPT_OUTPUT = 1024


class Exit:
    """One end of a process. `when` in seconds since the epoch, `status` a code or -n for signal n."""

    __slots__ = ("output", "pid", "ran_for", "status", "when")

    def __init__(self, when: float, pid: int, status: int, ran_for: float, output: bytes) -> None:
        self.when = when
        self.pid = pid
        self.status = status
        self.ran_for = ran_for
        self.output = output


_LOUD = frozenset({FATAL, UNHEALTHY})


def log_change(name: str, pid: int | None, effect: Announce) -> None:
    """One line for a change of state, as loud as it deserves."""
    reason = effect.reason
    if effect.to_state == RUNNING:
        logger.info(f"{name}: running, pid {pid}")
    elif effect.to_state in _LOUD:
        logger.error(f"{name}: {effect.to_state}: {reason}")
    elif effect.to_state == BACKOFF:
        logger.warning(f"{name}: {reason}; it is started again after a wait")
    elif effect.to_state == EXITED:
        write = logger.info if effect.expected else logger.warning
        write(f"{name}: ended, {reason}{'' if effect.expected else ' (unexpected)'}")
    elif effect.to_state == STOPPED:
        logger.info(f"{name}: stopped{f', {reason}' if reason else ''}")
    else:
        logger.debug(f"{name}: {effect.from_state} -> {effect.to_state}{f': {reason}' if reason else ''}")
