"""Reports what happens to a process: lines in the log, events on the bus, its last exits."""

from __future__ import annotations

import time

from supervice import logger
from supervice.events import Event, EventType
from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RESTING,
    RUNNING,
    STATES,
    STOPPED,
    UNHEALTHY,
    ChildExited,
    spell,
)
from supervice.models import group_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.events import EventBus
    from supervice.lifecycle.states import Announce, Stop
    from supervice.models import ProgramConfig
    from supervice.output.process_output import ProgramOutput
    from supervice.pid1.child import Child

# Exits that are kept, and the bytes of output with each.
KEPT_EXITS = 5
KEPT_OUTPUT = 1024

_EVENTS = {state: EventType[f"PROCESS_STATE_{state}"] for state in STATES}


class Exit:
    """One exit of a process: `when` in seconds since the epoch, `status` a code or -n for signal n.

    `oom`: the words for a kill for want of memory, "" for any other exit. `trigger`: what caused it, as in
    `Snapshot.trigger`; "" when the program ended by itself.
    """

    __slots__ = ("oom", "output", "pid", "ran_for", "status", "trigger", "when")

    def __init__(
        self,
        when: float,
        pid: int,
        status: int,
        ran_for: float,
        output: bytes,
        oom: str = "",
        trigger: str = "",
    ) -> None:
        self.oom = oom
        self.when = when
        self.pid = pid
        self.status = status
        self.ran_for = ran_for
        self.output = output
        self.trigger = trigger


def exit_of(child: Child, at: float) -> ChildExited:
    """Returns the end of `child`, seen at `at`, with why it was killed as far as that is known."""
    return ChildExited(child.pid, child.returncode or 0, at - child.spawned_at, at, child.blame)


def trigger_of(stop: Stop | None, signalled: tuple[int, str] | None, status: int) -> str:
    """Returns what caused an exit: the stop in progress, or a signal that was asked for."""
    if stop is not None:
        return stop.trigger
    return signalled[1] if signalled is not None and status == -signalled[0] else ""


def with_exit(
    exits: tuple[Exit, ...], event: ChildExited, output: ProgramOutput | None, trigger: str
) -> tuple[Exit, ...]:
    """Returns the last exits including the present one, with the last lines of its run."""
    said = b"" if output is None else output.end(KEPT_OUTPUT)
    one = Exit(time.time(), event.pid, event.status, event.ran_for, said, event.blame, trigger)
    return (*exits, one)[-KEPT_EXITS:]


_LOUD = frozenset({FATAL, UNHEALTHY})
_AT_REST = RESTING | {BACKOFF}


def log_change(name: str, pid: int | None, change: Announce, timer: float) -> None:
    """Logs a change of state in one line. `timer`: seconds until the process's timer elapses."""
    reason = change.reason
    if change.to_state == RUNNING:
        logger.info(f"{name}: running, pid {pid}")
    elif change.to_state in _LOUD:
        logger.error(f"{name}: {reason}; state {change.to_state}")
    elif change.to_state == BACKOFF:
        logger.warning(f"{name}: {reason}; {change.retry} in {spell(timer)}")
    elif change.to_state == EXITED:
        write = logger.info if change.expected else logger.warning
        write(f"{name}: ended, {reason}{'' if change.expected else ' (unexpected)'}")
    elif change.to_state == STOPPED:
        before = f"was {change.from_state}" if change.from_state in _AT_REST else ""
        how = before or reason.removeprefix("killed by ") if ": " not in reason else reason
        logger.info(f"{name}: stopped{f' ({how})' if how else ''}")
    else:
        logger.debug(f"{name}: {change.from_state} -> {change.to_state}{f' ({reason})' if reason else ''}")


def log_health(name: str, before: bool | None, healthy: bool, message: str, counts: bool) -> None:
    """Logs each failed health check, and the first that passes after one."""
    if not healthy:
        late = "" if counts else " in its start period"
        logger.warning(f"{name}: health check failed{late}: {message}")
    elif before is False:
        logger.info(f"{name}: healthy again")


def log_unknown(name: str, what: str, message: str) -> None:
    """Logs a check that could not be run."""
    logger.warning(f"{name}: cannot tell whether it is {what}: {message}; this does not count")


def log_readiness(name: str, before: bool, now: bool, message: str) -> None:
    """Logs a change of readiness."""
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
            trigger=change.trigger,
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
