"""Decides about the second run of a process with `overlap`: the new one starting, or the old one ending.

The state machine of a process knows one child. With `overlap` a restart runs the new child beside it, with a
state machine of its own; this module decides about the two. At most one run is beside the present one: a
restart that is asked for while a second run lives begins when that is gone.

1. A second run begins only where there is none.
2. Only a starting run takes the place of the present one.
3. Each restart that was asked for is settled once.
4. After a stop nothing begins until a restart is asked for.
"""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass, replace
from supervice.lifecycle.states import RUNNING, STARTING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lifecycle.states import Policy, Snapshot
    from supervice.models import ProgramConfig

ALONE = ""
COMING = "new"  # it is started, and is to take the place of the present one
GOING = "old"  # it is being stopped: it was replaced, or has failed, or is not wanted any more


@dataclass(frozen=True)
class Beside:
    phase: str = ALONE
    again: bool = False  # a restart begins when the second run is gone


# -- what happens ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A restart was asked for, and the present run is up."""


@dataclass(frozen=True)
class Ready:
    """The new run is ready."""


@dataclass(frozen=True)
class Failed:
    """The new run will not become ready."""

    reason: str


@dataclass(frozen=True)
class PresentEnded:
    """The present run has ended by itself."""


@dataclass(frozen=True)
class Gone:
    """The second run has ended; `up`: the present one is up."""

    up: bool


@dataclass(frozen=True)
class Stopped:
    """The process is stopped, or restarted without overlap."""

    reason: str


# -- what follows ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Begin:
    """Starts the new run."""


@dataclass(frozen=True)
class Stop:
    """Stops the second run."""


@dataclass(frozen=True)
class TakeOver:
    """Makes the new run the present one, and stops the one that was."""


@dataclass(frozen=True)
class Settle:
    """Tells the callers that wait for the restart how it ended; "" means that it worked."""

    reason: str = ""


if TYPE_CHECKING:
    Happening = Asked | Ready | Failed | PresentEnded | Gone | Stopped
    Outcome = Begin | Stop | TakeOver | Settle

ENDED_MEANWHILE = "the present process ended before the new one was started"


def decide(now: Beside, event: Happening) -> tuple[Beside, list[Outcome]]:
    """Returns what runs beside the present run after `event`, and what to do, in order."""
    if isinstance(event, Asked):
        if now.phase == ALONE:
            return Beside(COMING), [Begin()]
        # the starting run may have read files that have changed since
        return Beside(GOING, again=True), [Stop()] if now.phase == COMING else []
    if isinstance(event, Gone):
        if now.phase == GOING and now.again:
            return (Beside(COMING), [Begin()]) if event.up else (Beside(), [Settle(ENDED_MEANWHILE)])
        return Beside(), [Settle("it has ended")] if now.phase == COMING else []
    if isinstance(event, Stopped):
        if now.phase == ALONE:
            return now, []
        due: list[Outcome] = [Settle(event.reason)] if now.phase == COMING or now.again else []
        return Beside(GOING), [*due, Stop()]
    if isinstance(event, Failed) and now.again:  # it has not begun, and is not waited for any longer
        return Beside(GOING), [Settle(event.reason)]
    if now.phase != COMING:
        return now, []
    if isinstance(event, Failed):
        return replace(now, phase=GOING), [Settle(event.reason), Stop()]
    return replace(now, phase=GOING), [TakeOver(), Settle()]


def judge(new: Snapshot) -> tuple[bool | None, str]:
    """Returns whether the new run is ready (None: not yet), and why it will not become ready."""
    if new.ready:
        return True, ""
    if new.state in (STARTING, RUNNING):
        return None, ""
    return False, new.reason or "it was stopped"


def may_restart(now: Snapshot, at: float, policy: Policy) -> bool:
    """Returns whether `restart_limit` allows one more automatic restart."""
    if policy.restart_limit is None:
        return True
    most, window = policy.restart_limit
    return len([then for then in now.restarts if at - then < window]) < most


def fits(old: ProgramConfig, new: ProgramConfig) -> bool:
    """Returns whether a process with the new settings can run beside one with the old ones.

    It cannot with another target of the output, which both share, nor when a socket has to be made anew.
    """
    if not new.overlap or "pipe" in (old.stdin, new.stdin):
        return False
    if any(getattr(old, field) != getattr(new, field) for field in _OF_OUTPUT):
        return False
    before = _sockets(old)
    return all(before.get(address, kind) == kind for address, kind in _sockets(new).items())


_OF_OUTPUT = (
    *("stdout_logfile", "stderr_logfile", "redirect_stderr", "stdout_capture_maxbytes"),
    *("stderr_capture_maxbytes", "stdout_events_enabled", "stderr_events_enabled"),
)


def _sockets(config: ProgramConfig) -> dict[str, object]:
    listen = config.listen
    if listen is None:
        return {}
    user = config.user if listen.owner is None else None
    files = (listen.mode, listen.owner, user)
    return {
        address: (listen.backlog, files if address.startswith("unix:") else None)
        for _, address in listen.sockets
    }


def inherited(new: Snapshot, old: Snapshot, at: float, *, automatic: bool) -> Snapshot:
    """Returns the new run's snapshot with the counters that span the runs of a process.

    `automatic`: the restart was not asked for, so the counters of restarts go on.
    """
    if not automatic:
        return replace(new, status=old.status)
    restarts = (*old.restarts, at)
    return replace(new, status=old.status, restarts=restarts, health_restarts=old.health_restarts + 1)
