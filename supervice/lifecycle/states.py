"""The states of a process, and the values that the state machine takes and returns."""

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
# States without a child, in which only a request starts one.
RESTING = frozenset({STOPPED, EXITED, FATAL})

# The words for a failed health check; the watchdog has its own for a missed ping.
CHECK = "health check"
MEMORY = "memory limit"

# In place of a position in the stop ladder: the command before it is running.
PRE_STOP = -1


@dataclass(frozen=True)
class Policy:
    """What the configuration says about the life of one process; times are seconds."""

    autorestart: bool = True
    restart_when_expected: bool = True  # False for autorestart=unexpected
    startsecs: float = 1
    startretries: int = 3
    exitcodes: tuple[int, ...] = (0,)
    backoff: float = 1
    backoff_factor: float = 2
    backoff_max: float = 30
    stop_ladder: tuple[tuple[int, float], ...] = ((15, 10.0),)  # each signal and the wait after it
    oneshot: bool = False
    final: bool = False  # it is never started again, not even after an exit before startsecs
    scheduled: bool = False  # the same, and a run that fails is EXITED, never FATAL: the next one comes
    waits_for_ready: bool = False  # it is RUNNING only once it has become ready
    ready_timeout: float | None = None  # from the spawn; None: for ever
    asks_ready: bool = False  # a readiness check decides about `ready`
    readiness_retries: int = 3
    health_retries: int = 3
    health_restarts: bool = True  # whether an unhealthy process is restarted
    checks_health: bool = False  # a check or a watchdog says whether it is healthy
    restart_limit: tuple[int, float] | None = None  # most automatic restarts, in so many seconds
    pre_stop: bool = False  # a command runs before the first stop signal


@dataclass(frozen=True)
class Run:
    """What is known of the child, from its spawn to its exit."""

    pid: int
    started: bool = False  # startsecs are over, readiness may still be due
    ready: bool = False  # what status, probes and dependents see; only in UP
    said_ready: bool = False  # it has become ready in the way that the option `ready` names
    passing: bool = False  # the readiness check passes
    readiness_failures: int = 0  # failed readiness checks in a row
    ready_by: float = 0.0  # seconds after the spawn, if it asked for more time than ready_timeout
    healthy: bool | None = None  # None until a health check has answered
    health_failures: int = 0  # failed health checks in a row
    over_memory: bool = False  # it is above its memory_limit


# Why a child is being stopped. The cause decides what follows its exit.
ASKED = "asked"  # an operator, a reload or the shutdown asked for it
UNREADY = "unready"  # it did not become ready in time: a failed start
SICK = "unhealthy"  # its health checks failed: a restart
OVERDUE = "overdue"  # a run of a schedule that has to end: it has failed


@dataclass(frozen=True)
class Stop:
    """A stop in progress."""

    cause: str = ASKED
    step: int = 0  # position in the stop ladder; PRE_STOP before it
    trigger: str = ""  # what began it, in the words of `Snapshot.trigger`
    waits: tuple[
        float, ...
    ] = ()  # the waits of the ladder that fit a shutdown budget; empty: the ladder's own
    bounded: bool = False  # there is such a budget, so the program cannot ask for more time


@dataclass(frozen=True)
class Snapshot:
    """What a process is (`state`, `run`, `stop`) and what it should be (`should_run`)."""

    state: str = STOPPED
    should_run: bool = False
    run: Run | None = None  # None: there is no child
    stop: Stop | None = None  # only in STOPPING
    failures: int = 0  # starts in a row that did not reach RUNNING
    shortages: int = 0  # starts in a row for which the container lacked something
    quick_deaths: int = 0  # restarts in a row without QUICK seconds of life between them
    health_restarts: int = 0  # restarts for bad health since the last passed check
    restarts: tuple[float, ...] = ()  # the times of automatic restarts that restart_limit counts
    status: int | None = None  # the last exit: a code, or -n for signal n
    given_up: bool = False  # our own stop ended that run, for being unready or unhealthy
    reason: str = ""  # why it is in this state, for people
    # What caused the last change: its kind, and after ": " the details ("operator: stop"). RUNNING keeps that
    # of its start.
    trigger: str = ""

    @property
    def pid(self) -> int | None:
        return None if self.run is None else self.run.pid

    @property
    def started(self) -> bool:
        return self.run is not None and self.run.started

    @property
    def ready(self) -> bool:
        return self.run is not None and self.run.ready

    @property
    def healthy(self) -> bool | None:
        return None if self.run is None else self.run.healthy


# -- inputs: what happened, or was asked for -------------------------------------------------------------


@dataclass(frozen=True)
class StartRequested:
    trigger: str = ""


@dataclass(frozen=True)
class StopRequested:
    force: bool = False
    within: float | None = None  # seconds for the whole ladder
    trigger: str = ""


@dataclass(frozen=True)
class RestartRequested:
    force: bool = False
    trigger: str = ""


@dataclass(frozen=True)
class Spawned:
    pid: int


@dataclass(frozen=True)
class SpawnFailed:
    reason: str
    permanent: bool = False
    code: int = 1  # a shell's exit code for this failure: 127 not found, 126 not executable
    at: float = 0.0  # monotonic
    shortage: bool = False  # the container lacks something, which says nothing about this program


@dataclass(frozen=True)
class ChildExited:
    pid: int
    status: int
    ran_for: float  # seconds since the spawn
    at: float = 0.0  # monotonic
    blame: str = ""  # why it was killed, in words, when it was not the program's fault alone


@dataclass(frozen=True)
class TimerElapsed:
    pass


@dataclass(frozen=True)
class RunExpired:
    """A run of a schedule has to end, and has failed."""

    reason: str


@dataclass(frozen=True)
class BecameReady:
    pid: int


@dataclass(frozen=True)
class LostReady:
    """The program takes back that it is ready: it is about to end."""

    pid: int


@dataclass(frozen=True)
class ReadinessChecked:
    pid: int
    ready: bool
    counts: bool = True  # False for a failure inside the start period


@dataclass(frozen=True)
class TimeExtended:
    """The program asks for more time to become ready, or to stop: at least so many seconds from now."""

    pid: int
    seconds: float
    ran_for: float  # seconds since the spawn


@dataclass(frozen=True)
class LeaderChanged:
    """The child has exited, and the successor that it named takes its place."""

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
    at_once: bool = False  # one failure is enough: a missed watchdog ping
    by: str = CHECK  # which kind of check this is


@dataclass(frozen=True)
class MemoryChecked:
    """The program is above its memory_limit, or no longer; looks in a row are counted already."""

    pid: int
    over: bool
    message: str = ""
    restarts: bool = True  # what being above it leads to


# -- effects: what the driver does -----------------------------------------------------------------------


@dataclass(frozen=True)
class Spawn:
    automatic: bool = False  # a restart that was not asked for


@dataclass(frozen=True)
class SignalGroup:
    signum: int


@dataclass(frozen=True)
class SetTimer:
    """Sets the one timer of the process. `jitter`: the share by which the time may vary either way."""

    seconds: float
    jitter: float = 0.0
    at_least: bool = False  # a timer that elapses later stays


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
    """Starts to watch for what the option `ready` names, and readiness checks."""

    pid: int


@dataclass(frozen=True)
class StopReadiness:
    pass


@dataclass(frozen=True)
class RunPreStop:
    pass


@dataclass(frozen=True)
class EndPreStop:
    """Kills the `pre_stop` command if it still runs."""


@dataclass(frozen=True)
class Announce:
    """Tells the log, the event bus and the watchers of a change of state."""

    from_state: str
    to_state: str
    reason: str
    expected: bool = True  # for EXITED: whether the exit code was one of exitcodes
    retry: str = ""  # for BACKOFF: which retry follows, in words
    trigger: str = ""  # see `Snapshot.trigger`


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
        | MemoryChecked
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
    """Describes an exit in words: `exit code 3`, `killed by SIGSEGV`."""
    if status >= 0:
        return f"exit code {status}"
    from supervice.lean.builtin import signal_name

    return f"killed by {signal_name(-status) or f'signal {-status}'}"


def spell(seconds: float) -> str:
    """Returns a time for people: `0.03 s`, `1.1 s`, `62 s`."""
    return f"{seconds:.{2 if seconds < 1 else 1 if seconds < 10 else 0}f} s"


def exit_code(status: int) -> int:
    """Returns what a shell reports for this exit: the code, or 128+n for signal n."""
    return status if status >= 0 else 128 - status
