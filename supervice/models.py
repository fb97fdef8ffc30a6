"""The configuration as values. Knows nothing of files, processes or clocks.

The names and the defaults of these classes are documented Python API; every public module builds on them.
Times are seconds and sizes bytes, unless a name says otherwise.
"""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass, field
from supervice.lean.enumeration import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

__all__ = [
    "HealthCheckConfig",
    "HealthCheckType",
    "Limits",
    "ListenConfig",
    "ListenerConfig",
    "ProgramConfig",
    "ScheduleConfig",
    "SocketConfig",
    "SupervisorConfig",
    "WatchConfig",
]

MB = 1024 * 1024


def _differing(value: object, default: object) -> str:
    """Returns one line with the fields of a configuration that differ from `default`."""
    names = type(value).__annotations__
    parts = [
        f"{name}={getattr(value, name)!r}" for name in names if getattr(value, name) != getattr(default, name)
    ]
    return f"{type(value).__name__}({', '.join(parts)})"


class HealthCheckType(Enum):
    """The kinds of a health or readiness check."""

    NONE = "none"
    TCP = "tcp"
    SCRIPT = "script"
    HTTP = "http"


# The field that a check needs, by its type.
CHECK_NEEDS = {HealthCheckType.TCP: "port", HealthCheckType.SCRIPT: "command", HealthCheckType.HTTP: "url"}


@dataclass
class HealthCheckConfig:
    """One check: what it asks, how often, and how many failures in a row count."""

    type: HealthCheckType = HealthCheckType.NONE
    interval: int | float = 30
    timeout: int | float = 10
    retries: int = 3
    start_period: int | float = 10
    port: int | None = None
    host: str = "127.0.0.1"
    command: str | None = None
    url: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    status: tuple[tuple[int, int], ...] = ((200, 399),)  # first and last of each range
    action: Literal["restart", "shutdown", "none"] = "restart"  # what UNHEALTHY leads to

    def __repr__(self) -> str:
        return _differing(self, HealthCheckConfig())


@dataclass(frozen=True)
class Limits:
    """What the kernel limits a program to, from its first instruction on."""

    nice: int | None = None  # -20 to 19; None: ours
    oom_score_adj: int | None = None  # -1000 to 1000
    no_new_privs: bool = False
    capabilities: tuple[str, ...] | None = None  # those that are kept (NET_BIND_SERVICE); None: the default
    pdeathsig: int | None = None  # sent to the program when supervice dies
    rlimits: tuple[tuple[str, int, int], ...] = ()  # ("nofile", soft, hard); -1: unlimited


@dataclass(frozen=True)
class ScheduleConfig:
    """When a program runs by itself; such a program is a oneshot."""

    lines: tuple[str, ...]  # cron expressions, `@daily`, `every 90s`; each is a schedule of its own
    timezone: str | None = None  # None: TZ, else /etc/localtime, else UTC
    overlap: Literal["skip", "queue", "restart"] = "skip"  # a time that comes during a run
    timeout: int | float | None = None  # a run that takes longer is stopped, and has failed
    retries: int = 0  # of a failed run, with the backoff of the program, before its next time
    jitter: int | float = 0  # its times are later by less than that, always by the same
    stamp: str | None = None  # file with the time up to which nothing has to be made up
    deadline: int | float | None = None  # a time that is older is not made up; None: until the next one
    notify: str | None = None  # command that is run at the start and the end of each run


@dataclass(frozen=True)
class WatchConfig:
    """The files whose changes restart a program, or do something else to it."""

    paths: tuple[str, ...]  # paths and globs
    action: str = "restart"  # restart, reload, signal:NAME, run:COMMAND
    interval: int | float = 2  # between two looks
    delay: int | float = 1  # without a change, before it acts
    ignore: tuple[str, ...] = ()  # globs
    check: str | None = None  # command that has to succeed before it acts


@dataclass(frozen=True)
class ListenConfig:
    """The listening sockets that supervice opens for a program and keeps open across its restarts."""

    sockets: tuple[tuple[str, str], ...]  # (name, tcp:HOST:PORT or unix:PATH), from descriptor 3 on
    stdin: bool = False  # the first is the standard input too
    backlog: int | None = None  # None: as many as the kernel allows
    mode: int = 0o660  # of unix sockets
    owner: str | None = None  # of unix sockets, user or user:group; None: the user of the program


@dataclass
class ListenerConfig:
    """Makes a program an event listener of supervisord's protocol; its processes form the pool."""

    events: tuple[str, ...]  # supervisord's names of event types, also of the abstract ones
    buffer_size: int = 10  # events that wait for a free listener
    accepts_all: bool = (
        False  # each complete answer counts as accepted: its meaning is known to a result_handler
    )


@dataclass
class SocketConfig:
    """A listening socket that is the standard input of all processes of a program."""

    address: str  # unix:///PATH or tcp://HOST:PORT
    owner: str | None = None  # user or user:group; None: the user of the program
    mode: int = 0o700
    backlog: int | None = None  # None: as many as the kernel allows


@dataclass(slots=True)  # a thousand of them are 1 MB less
class ProgramConfig:
    """One program; it stands for `numprocs` processes (see `config.instances`)."""

    name: str
    command: str
    numprocs: int = 1
    autostart: bool = True
    autorestart: bool | Literal["unexpected"] = True
    startsecs: int | float = 1
    startretries: int = 3  # -1: for ever
    stopsignal: str = "TERM"
    stopwaitsecs: int | float = 10
    stdout_logfile: str | None = None  # None: our own stdout; "NONE": discarded; else a path
    stderr_logfile: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    directory: str | None = None
    user: str | None = None  # name, uid, name:group or uid:gid
    group: str | None = None  # the process group from [group:x], not a Unix group
    healthcheck: HealthCheckConfig = field(default_factory=HealthCheckConfig)
    exitcodes: tuple[int, ...] = (0,)
    priority: int = 999
    backoff: int | float = 1
    backoff_factor: int | float = 2
    backoff_max: int | float = 30
    stopasgroup: bool = True
    killasgroup: bool = True
    umask: int | None = None
    redirect_stderr: bool = False
    stdout_logfile_maxbytes: int = 50 * MB  # 0: never rotated
    stdout_logfile_backups: int = 10
    stdout_logfile_compress: bool = False  # rotated files become gzip files
    stderr_logfile_maxbytes: int = 50 * MB
    stderr_logfile_backups: int = 10
    logfile_mode: int | None = None  # of log files that are made, exactly; None: as for all
    stdout_capture_maxbytes: int = 0  # above 0: the output between supervisord's two tokens becomes an event
    stderr_capture_maxbytes: int = 0
    stdout_events_enabled: bool = False  # output becomes events too
    stderr_events_enabled: bool = False
    listener: ListenerConfig | None = None
    socket: SocketConfig | None = None
    stderr_logfile_compress: bool = False
    main: bool = False
    critical: bool = False
    forward_signals: tuple[tuple[int, int], ...] = ()  # (received, delivered)
    process_name: str | None = None  # the part of `name` after the colon; None: `name`
    numprocs_start: int = 0
    program: str | None = None  # the name of the section, if `name` differs; None: `name`
    type: Literal["simple", "oneshot"] = "simple"
    stdin: Literal["null", "pipe"] = "null"  # pipe: what clients send and type
    log_format: Literal["raw", "prefix", "prefix-time", "json"] | None = None  # None: that of [supervice]
    group_priority: int | None = None  # the priority of [group:x], which orders before `priority`
    env_file: tuple[str, ...] = ()  # paths, read at each start; later ones win, `environment` beats them
    secrets: dict[str, str] = field(default_factory=dict)  # variable: path of the file with its value
    pass_environment: tuple[str, ...] | None = None  # names and globs; None: our whole environment
    depends_on: tuple[tuple[str, str], ...] = ()  # (program, started | ready | healthy | completed)
    ready: str = "started"  # or notify, check, fd:N, log:REGEX, tcp:HOST:PORT, unix:PATH, http:URL, file:PATH
    ready_timeout: int | float | None = None  # from the start; None: for ever
    readiness: HealthCheckConfig = field(default_factory=HealthCheckConfig)  # restarts nothing
    watchdog: int | float | None = None
    restart_limit: tuple[int, int | float] | None = None  # most automatic restarts, in so many seconds
    pre_stop: str | None = None
    memory_limit: int | float | None = None  # bytes; a float is a share of the container's limit
    memory_limit_action: Literal["restart", "shutdown", "none"] = "restart"  # what being above it leads to
    limits: Limits | None = None  # None: those of supervice itself
    serverurl: str | None = None  # SUPERVISOR_SERVER_URL; None: that of our own HTTP server
    schedule: ScheduleConfig | None = None
    watch: WatchConfig | None = None
    listen: ListenConfig | None = None
    overlap: bool = (
        False  # a restart starts the new process beside the old one, which is stopped when it is ready
    )
    rolling: bool = False  # a restart of several of its processes takes one after the other
    stdout_logfile_rotate: str | None = None  # daily, hourly, 6h or 03:30; None: by size alone
    stdout_logfile_suffix: Literal["number", "date"] = "number"  # of rotated files
    stderr_logfile_rotate: str | None = None
    stderr_logfile_suffix: Literal["number", "date"] = "number"

    def __repr__(self) -> str:
        return _differing(self, ProgramConfig("", ""))

    @property
    def needs_monitors(self) -> bool:
        """Returns whether its runs have checks, notifications, limits or `pre_stop`."""
        return not (
            self.healthcheck.type is HealthCheckType.NONE
            and self.ready == "started"
            and self.readiness.type is HealthCheckType.NONE
            and not self.watchdog
            and self.memory_limit is None
            and self.pre_stop is None
        )

    @property
    def needs_extensions(self) -> bool:
        """Returns whether it is a listener, has a socket, or its output is also read for events."""
        return bool(
            self.listener
            or self.socket
            or self.stdout_capture_maxbytes
            or self.stderr_capture_maxbytes
            or self.stdout_events_enabled
            or self.stderr_events_enabled
        )


def program_of(config: ProgramConfig) -> str:
    """Returns the name of the program, which stands for all of its processes in `depends_on`."""
    return config.program or config.name


def group_of(config: ProgramConfig) -> str:
    """Returns the name of the group: the one whose `[group:x]` lists the program, else the program's."""
    return config.group or config.program or config.name


def member_of(config: ProgramConfig) -> str:
    """Returns the name of the process inside its group, the part after the colon."""
    return config.process_name or config.name


def group_priority(config: ProgramConfig) -> int:
    """Returns the priority of the group, which takes precedence over that of the process."""
    return config.priority if config.group_priority is None else config.group_priority


@dataclass
class SupervisorConfig:
    """A whole configuration: the `[supervice]` section and the programs in file order."""

    logfile: str = "supervice.log"
    pidfile: str = "supervice.pid"
    loglevel: str = "INFO"
    socket_path: str = "/tmp/supervice.sock"
    shutdown_timeout: int | float = 30
    log_maxbytes: int = 52428800  # 50MB
    log_backups: int = 10
    programs: list[ProgramConfig] = field(default_factory=list)
    exit_when_idle: bool = True
    on_fatal: Literal["ignore", "shutdown"] = "ignore"
    environment: dict[str, str] = field(default_factory=dict)
    umask: int | None = None
    socket_mode: int | None = None  # None: 0600, or 0660 with socket_group
    socket_group: str | None = None
    strip_ansi: bool = False  # remove escape sequences from the output of programs
    identifier: str = "supervisor"  # our name in events and for supervisord's clients
    log_format: Literal["raw", "prefix", "prefix-time", "json"] = "raw"
    log_overflow: Literal["block", "drop"] = "block"
    log_buffer: int = 64 * 1024
    log_compress: bool = False  # as `stdout_logfile_compress`
    logfile_mode: int | None = None  # of log files that are made, exactly; None: 0640 less the umask
    termination_log: str | None = None  # None: /dev/termination-log when it exists
    env_file: tuple[str, ...] = ()  # as in `ProgramConfig`, for all programs
    user: str | None = None  # the user that the daemon becomes; an application stays who it is
    minfds: int | None = None
    minprocs: int | None = None
    http: str | None = None  # HOST:PORT or unix:PATH for the page, probes and metrics; None: nowhere
    http_user: str | None = None
    http_password: str | None = None  # or {SHA256} and its digest
    http_password_file: str | None = None
    http_hosts: tuple[str, ...] = ()
    http_probes: Literal["open", "protected"] = "open"
    drain_delay: int | float = 0  # from the failure of readiness to the stop of the programs
    watch_config: bool = False  # a change of the configuration's files is a reload
    log_rotate: str | None = None  # as `stdout_logfile_rotate`
    log_suffix: Literal["number", "date"] = "number"
    log_on_stdout_too: bool = False  # beside a `logfile`, as supervisord has it in the foreground

    def __repr__(self) -> str:
        return _differing(self, SupervisorConfig())
