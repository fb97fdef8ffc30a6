"""What is said and remembered of a process: lines in the log, events on the bus, its last exits."""

from __future__ import annotations

from supervice import logger
from supervice.events import Event, EventType
from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RUNNING, STATES, STOPPED, UNHEALTHY
from supervice.models import group_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.events import EventBus
    from supervice.lifecycle.states import Announce
    from supervice.models import ProgramConfig

# Exits that are remembered, and bytes of what was said before each.
KEPT_EXITS = 5
KEPT_OUTPUT = 1024


_EVENTS = {state: EventType[f"PROCESS_STATE_{state}"] for state in STATES}


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


def log_health(name: str, before: bool | None, healthy: bool, message: str, counts: bool) -> None:
    """A line for each failed check, and one when it is over."""
    if not healthy:
        late = "" if counts else " (in its start period)"
        logger.warning(f"{name}: unhealthy{late}: {message}")
    elif before is False:
        logger.info(f"{name}: healthy again")


def log_unknown(name: str, what: str, message: str) -> None:
    """A line for each check that could not be run."""
    logger.warning(f"{name}: whether it is {what} is unknown: {message}; this does not count")


def log_readiness(name: str, before: bool, now: bool, message: str) -> None:
    if before and not now:
        logger.warning(f"{name}: not ready: {message}")
    elif now and not before:
        logger.info(f"{name}: ready")


def publish_change(events: EventBus, config: ProgramConfig, pid: int | None, change: Announce) -> None:
    if events.has_subscribers:
        payload = _payload(config, pid)
        payload.update(
            from_state=change.from_state,
            to_state=change.to_state,
            reason=change.reason,
            expected=change.expected,
        )
        events.publish(Event(_EVENTS[change.to_state], payload))


def publish_health(
    events: EventBus, config: ProgramConfig, pid: int | None, healthy: bool, message: str
) -> None:
    if events.has_subscribers:
        kind = EventType.HEALTHCHECK_PASSED if healthy else EventType.HEALTHCHECK_FAILED
        events.publish(Event(kind, {**_payload(config, pid), "message": message}))


def _payload(config: ProgramConfig, pid: int | None) -> dict[str, Any]:
    return {"processname": config.name, "groupname": group_of(config), "pid": pid}
