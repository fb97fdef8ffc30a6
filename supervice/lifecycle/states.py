"""The states of a process and the values that `transition` takes and returns."""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass

STOPPED = "STOPPED"
STARTING = "STARTING"
RUNNING = "RUNNING"
BACKOFF = "BACKOFF"
STOPPING = "STOPPING"
EXITED = "EXITED"
FATAL = "FATAL"
UNHEALTHY = "UNHEALTHY"

STATES = (STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL, UNHEALTHY)
UP = frozenset({RUNNING, UNHEALTHY})
# No child, and none will be started by itself.
RESTING = frozenset({STOPPED, EXITED, FATAL})

KILL = 9
# In place of a position in the stop ladder: the command before it is running.
PRE_STOP = -1


@dataclass(frozen=True)
class Policy:
    """What the configuration says about one process's life; seconds throughout."""

    autorestart: bool = True
    restart_when_expected: bool = True  # False for autorestart=unexpected
    startsecs: float = 1
    startretries: int = 3
    exitcodes: tuple[int, ...] = (0,)
    backoff: float = 1
    backoff_factor: float = 2
    backoff_max: float = 30
    stop_ladder: tuple[tuple[int, float], ...] = ((15, 10.0),)  # signal, then how long to wait for it
    oneshot: bool = False
    final: bool = False  # any end is the end, also one before startsecs: it is never tried again
    scheduled: bool = False  # the same, and a run that fails is EXITED, never FATAL: the next one comes
    waits_for_ready: bool = False  # RUNNING only once it has become ready
    ready_timeout: float | None = None  # from the spawn; None: for ever
    asks_ready: bool = False  # a readiness check decides on `ready`
    readiness_retries: int = 3
    health_retries: int = 3
    health_restarts: bool = True  # whether an unhealthy process is restarted
    restart_limit: tuple[int, float] | None = None  # so many automatic restarts in so many seconds, no more
    pre_stop: bool = False  # a command is run before the first stop signal


@dataclass(frozen=True)
class Snapshot:
    """Where a process is (`state`, `pid`) and where it should be (`should_run`)."""

    state: str = STOPPED
    should_run: bool = False
    pid: int | None = None
    failures: int = 0  # starts in a row that did not reach RUNNING
    quick_deaths: int = 0  # restarts in a row without QUICK seconds of life between them
    started: bool = False  # startsecs are over, readiness may still be due
    ready: bool = False  # what others are told; only in UP
    said_ready: bool = False  # it has become ready in the way that `ready` asks for
    passing: bool = False  # so says the readiness check
    readiness_failures: int = 0  # failed readiness checks in a row
    ready_by: float = 0.0  # seconds after the spawn, where it asked for more time than ready_timeout
    unready: bool = False  # being stopped because it did not become ready in time
    healthy: bool | None = None
    health_failures: int = 0  # failed checks in a row
    health_restarts: int = 0  # restarts for bad health since the last passed check
    restarts: tuple[float, ...] = ()  # when it was restarted automatically, as far as restart_limit asks
    stop_step: int = 0  # position in the stop ladder; PRE_STOP before it
    stop_scale: float = 1.0  # shortens the ladder's waits to fit a shutdown budget
    bounded: bool = False  # there is such a budget: the program cannot ask for more time
    status: int | None = None  # the last exit: a code, or -n for signal n
    reason: str = ""  # why it is where it is, for people


# -- inputs: what happened, or was asked -----------------------------------------------------------------


@dataclass(frozen=True)
class StartRequested:
    pass


@dataclass(frozen=True)
class StopRequested:
    force: bool = False
    within: float | None = None  # seconds that the whole ladder may take


@dataclass(frozen=True)
class RestartRequested:
    force: bool = False


@dataclass(frozen=True)
class Spawned:
    pid: int


@dataclass(frozen=True)
class SpawnFailed:
    reason: str
    permanent: bool = False
    code: int = 1  # what a shell would exit with: 127 not found, 126 not executable
    at: float = 0.0  # on a clock that never goes back


@dataclass(frozen=True)
class ChildExited:
    pid: int
    status: int
    ran_for: float  # seconds since the spawn
    at: float = 0.0  # on a clock that never goes back


@dataclass(frozen=True)
class TimerElapsed:
    pass


@dataclass(frozen=True)
class RunExpired:
    """A run of a schedule has to end, and has failed for that reason."""

    reason: str


@dataclass(frozen=True)
class BecameReady:
    pid: int


@dataclass(frozen=True)
class LostReady:
    """It takes back that it is ready: it is about to end."""

    pid: int


@dataclass(frozen=True)
class ReadinessChecked:
    pid: int
    ready: bool
    counts: bool = True  # False for a failure inside the start period


@dataclass(frozen=True)
class TimeExtended:
    """It asks for at least so many seconds more to become ready, or to stop."""

    pid: int
    seconds: float
    ran_for: float  # seconds since the spawn


@dataclass(frozen=True)
class LeaderChanged:
    """The child has ended, and another that it had named goes on in its place."""

    pid: int
    successor: int


@dataclass(frozen=True)
class PreStopDone:
    took: float


@dataclass(frozen=True)
class HealthChecked:
    pid: int
    healthy: bool
    message: str = ""
    counts: bool = True  # False for a failure inside the start period
    at_once: bool = False  # one failure is enough (a missed watchdog ping)


# -- effects: what is to be done about it ----------------------------------------------------------------


@dataclass(frozen=True)
class Spawn:
    pass


@dataclass(frozen=True)
class SignalGroup:
    signum: int


@dataclass(frozen=True)
class SetTimer:
    """Replaces the process's one timer. `jitter` is the share by which it may be off either way."""

    seconds: float
    jitter: float = 0.0
    at_least: bool = False  # a timer that is due later stays


@dataclass(frozen=True)
class ClearTimer:
    pass


@dataclass(frozen=True)
class StartHealthChecks:
    pid: int


@dataclass(frozen=True)
class StopHealthChecks:
    pass


@dataclass(frozen=True)
class StartReadiness:
    """Looks for what `ready` asks for, and begins readiness checks."""

    pid: int


@dataclass(frozen=True)
class StopReadiness:
    pass


@dataclass(frozen=True)
class RunPreStop:
    pass


@dataclass(frozen=True)
class EndPreStop:
    """Kills the command if it still runs."""


@dataclass(frozen=True)
class Announce:
    from_state: str
    to_state: str
    reason: str
    expected: bool = True  # for EXITED: whether the exit code was one of exitcodes


TYPE_CHECKING = False
if TYPE_CHECKING:
    Input = (
        StartRequested
        | StopRequested
        | RestartRequested
        | Spawned
        | SpawnFailed
        | ChildExited
        | TimerElapsed
        | RunExpired
        | BecameReady
        | LostReady
        | ReadinessChecked
        | TimeExtended
        | LeaderChanged
        | PreStopDone
        | HealthChecked
    )
    Effect = (
        Spawn
        | SignalGroup
        | SetTimer
        | ClearTimer
        | StartHealthChecks
        | StopHealthChecks
        | StartReadiness
        | StopReadiness
        | RunPreStop
        | EndPreStop
        | Announce
    )


def describe(status: int) -> str:
    """An exit in words: `exit code 3`, `killed by SIGSEGV`."""
    if status >= 0:
        return f"exit code {status}"
    from signal import Signals

    try:
        return f"killed by {Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def exit_code(status: int) -> int:
    """What a shell reports for this exit: the code, or 128+n for signal n."""
    return status if status >= 0 else 128 - status
