"""The values of the decision about a schedule: its state, what happens, and what to do.

All times come in pairs: `wall` is seconds since 1970, which jumps when the clock is set, `mono` is monotonic.
"""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from supervice.schedules.timeline import Timeline

SKIP, QUEUE, RESTART = "skip", "queue", "restart"

# Why a run began.
SCHEDULE, MADE_UP, BOOT, OPERATOR = "schedule", "made up", "boot", "operator"

# What stops a run before its end.
TIMEOUT, OVERLAP = "timeout", "overlap"

NEVER: Final = float("-inf")


@dataclass(frozen=True)
class Settings:
    """What the options of a program say apart from its times."""

    overlap: str = SKIP
    timeout: float | None = None
    retries: int = 0
    backoff: float = 1.0
    backoff_factor: float = 2.0
    backoff_max: float = 30.0
    deadline: float | None = None  # a time that is older is missed; None: until the next one
    stamped: bool = False


@dataclass(frozen=True)
class Plan:
    """The part of a schedule that a reload replaces."""

    timeline: Timeline
    settings: Settings = Settings()


@dataclass(frozen=True)
class Pending:
    """A run that begins as soon as the one in progress is over."""

    due: float | None
    cause: str


@dataclass(frozen=True)
class Run:
    """A run in progress, or between two attempts (`retry_at`)."""

    due: float | None  # its time; None where an operator asked
    cause: str
    settings: Settings  # those it began with
    attempt: int = 1
    spawned: float | None = None  # mono; None while it waits for what it depends on
    retry_at: float | None = None  # mono
    ending: str = ""  # TIMEOUT, OVERLAP: it is being stopped
    skipped: int = 0  # times that came due during it
    code: int | None = None  # of the last attempt
    reason: str = ""


@dataclass(frozen=True)
class Record:
    """What `why`, `status` and `/metrics` show."""

    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    missed: int = 0
    last_success: float | None = None  # wall, of the end
    last_failure: float | None = None
    last_seconds: float | None = None  # how long the last run took
    reason: str = ""  # of the last failure
    failing: bool = False  # the last run that ended by itself failed


@dataclass(frozen=True)
class State:
    wall: float  # when it was last decided
    mono: float
    since: float  # wall: times up to here are not asked for
    anchor: float  # mono: `every` counts from here
    done: float = NEVER  # wall: the last time that was dealt with
    distance_done: float = NEVER  # mono: the same for `every`
    held: bool = False  # an operator stopped it
    closed: bool = False  # the container ends
    run: Run | None = None
    pending: Pending | None = None
    record: Record = Record()


# -- what happens ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looked:
    """A timer elapsed, or the clock was set."""

    wall: float
    mono: float


@dataclass(frozen=True)
class RunBegan:
    """The program was spawned: for a run of the schedule, or because an operator asked for it."""

    wall: float
    mono: float


@dataclass(frozen=True)
class RunEnded:
    """The program ended by itself, could not be spawned, or was stopped as `Stop` says."""

    wall: float
    mono: float
    ok: bool
    code: int | None = None  # an exit code, -n for signal n
    reason: str = ""


@dataclass(frozen=True)
class RunCancelled:
    """An operator, a reload or the end of the container stopped it, or its wait for others."""

    wall: float
    mono: float


@dataclass(frozen=True)
class RunImpossible:
    """The program was not started: a dependency failed for good."""

    wall: float
    mono: float
    reason: str


@dataclass(frozen=True)
class Held:
    """An operator stops the program: nothing starts it until the next start."""

    wall: float
    mono: float


@dataclass(frozen=True)
class Released:
    """An operator starts the program, or wants it again."""

    wall: float
    mono: float


@dataclass(frozen=True)
class PlanChanged:
    """A reload brought a new plan."""

    wall: float
    mono: float
    times: bool  # other lines, another zone or jitter


@dataclass(frozen=True)
class ShutdownBegan:
    wall: float
    mono: float


# -- what is to be done ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Begin:
    """Start the program."""

    due: float | None
    cause: str
    attempt: int = 1


@dataclass(frozen=True)
class Stop:
    """Stop the program, whose run has failed; its end comes back as `RunEnded`."""

    reason: str


@dataclass(frozen=True)
class Notify:
    """Run `schedule_notify`: `start`, `success`, `failure`, `skipped`, `missed`."""

    event: str
    code: int | None = None
    reason: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Stamp:
    """Write `schedule_stamp`: times up to this one are dealt with."""

    until: float


@dataclass(frozen=True)
class Log:
    level: str
    text: str


if TYPE_CHECKING:
    Event = (
        Looked
        | RunBegan
        | RunEnded
        | RunCancelled
        | RunImpossible
        | Held
        | Released
        | PlanChanged
        | ShutdownBegan
    )
    Effect = Begin | Stop | Notify | Stamp | Log
    Step = tuple[State, list[Effect]]
