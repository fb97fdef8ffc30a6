# ruff: noqa: E501  (a table reads better with one option a line)
"""Every option of both dialects, once. Parser, "did you mean", `check` and docs/configuration.md read this table.

A row is `(name, kind, default, supervisord_default, dialects, effect, text)`:

- `kind` names a parser in `KINDS`;
- the defaults are written as in a file (None: none). `default` is ours, `supervisord_default` counts in a stock
  supervisord file; where the row has no effect, `default` is what we always do;
- `dialects`: "both", "supervice" (ours only) or "supervisord" (only there);
- `effect`: "" works; "later" means that this version does not do it yet (an error in our dialect, a warning in
  supervisord's); any other text is the reason why it is accepted without effect (a warning).

Only values and text: this module is imported by PID 1 in every container.
"""

from __future__ import annotations

from supervice.config import text, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    Row = tuple[str, str, str | None, str | None, str, str, str]

NAME: Final = 0
KIND: Final = 1
OURS: Final = 2
STOCK: Final = 3
DIALECTS: Final = 4
EFFECT: Final = 5
TEXT: Final = 6

BOTH, OURS_ONLY, STOCK_ONLY = "both", "supervice", "supervisord"
LATER = "later"

# kind: (parser, what the documentation calls it)
KINDS: dict[str, tuple[Callable[[str], Any], str]] = {
    "text": (values.plain, "text"),
    "command": (values.filled, "command line"),
    "path": (values.filled, "path"),
    "logfile": (values.plain, "path, NONE or /dev/stdout"),
    "bool": (values.boolean, "true or false"),
    "int": (values.integer, "whole number"),
    "count": (values.natural, "number, 0 or more"),
    "positive": (values.at_least_one, "number, 1 or more"),
    "retries": (values.retries, "number, -1 for ever"),
    "port": (values.port, "port"),
    "factor": (values.factor, "number, 1 or more"),
    "seconds": (values.seconds, "time"),
    "interval": (values.some_seconds, "time above 0"),
    "size": (values.size, "size"),
    "octal": (values.octal, "octal number"),
    "umask": (values.umask, "octal number"),
    "restart": (values.restart, "true, false or unexpected"),
    "stopsignal": (values.stop_signals, "signal or ladder"),
    "exitcodes": (values.exit_codes, "list of exit codes"),
    "environment": (text.pairs, "KEY=value list"),
    "secrets": (text.pairs, "KEY=path list"),
    "forward": (values.forwarded, "list of signals"),
    "words": (values.words, "list"),
    "paths": (values.words, "list of paths"),
    "names": (values.names, "list, commas"),
    "depends": (values.dependencies, "list of NAME:CONDITION"),
    "loglevel": (values.log_level, "level"),
    "health": (values.health_type, "none, tcp, script or http"),
    "user": (values.filled, "user"),
    "overflow": (values.one_of("block", "drop"), "block or drop"),
    "format": (values.one_of("raw", "prefix", "json"), "raw, prefix or json"),
    "fatal": (values.one_of("ignore", "shutdown"), "ignore or shutdown"),
    "type": (values.one_of("simple", "oneshot"), "simple or oneshot"),
    "action": (values.one_of("restart", "shutdown", "none"), "restart, shutdown or none"),
}

# fmt: off
SUPERVICE: tuple[Row, ...] = (
    ("logfile", "logfile", "supervice.log", None, OURS_ONLY, "", "The daemon's own log. The daemon's default is the container's stdout; supervice.log is the Python API's."),
    ("loglevel", "loglevel", "INFO", None, OURS_ONLY, "", "The least level that is logged: critical, error, warning, info, debug."),
    ("log_maxbytes", "size", "50MB", None, OURS_ONLY, "", "The daemon's log is rotated at this size; 0 is never."),
    ("log_backups", "count", "10", None, OURS_ONLY, "", "How many rotated files of the daemon's log are kept."),
    ("log_compress", "bool", "false", None, OURS_ONLY, "", "Whether rotated files of the daemon's log become gzip files."),
    ("log_format", "format", "raw", None, OURS_ONLY, "", "How lines of programs appear on the container's stdout: as they are, with NAME | before them, or as JSON."),
    ("log_overflow", "overflow", "block", None, OURS_ONLY, "", "When nobody reads our stdout: block the program that writes, or drop and count its lines."),
    ("log_buffer", "size", "64KB", None, OURS_ONLY, "", "Memory a program for its last lines, which supervicectl logs shows."),
    ("pidfile", "path", "supervice.pid", None, OURS_ONLY, "", "File with the daemon's pid, or none. The daemon's default as PID 1 is none."),
    ("socket", "path", "/tmp/supervice.sock", None, OURS_ONLY, "", "The control socket, or none. The daemon's default is the first writable of /tmp, /run, $XDG_RUNTIME_DIR, /dev/shm."),
    ("socket_mode", "octal", None, None, OURS_ONLY, "", "Mode of the control socket; 0600 by default, 0660 with socket_group."),
    ("socket_group", "text", None, None, OURS_ONLY, "", "Unix group whose members may read (status, logs, events, health)."),
    ("shutdown_timeout", "seconds", "30", None, OURS_ONLY, "", "The whole shutdown fits this time; waits are shortened, KILL is never skipped."),
    ("exit_when_idle", "bool", "true", None, OURS_ONLY, "", "End when nothing runs or will run again. In a stock supervisord file: false, as there."),
    ("on_fatal", "fatal", "ignore", None, OURS_ONLY, "", "What a program that failed for good does to the container."),
    ("environment", "environment", "", None, OURS_ONLY, "", "Variables for all programs."),
    ("umask", "umask", None, None, OURS_ONLY, "", "The umask of the daemon and, unless they set their own, of the programs."),
    ("termination_log", "path", None, None, OURS_ONLY, "", "Where the reason of the end is written; /dev/termination-log by default when it exists."),
    ("env_file", "paths", "", None, OURS_ONLY, "", "Files with KEY=value lines, for all programs; environment beats them."),
    ("user", "user", None, None, OURS_ONLY, LATER, "The user that the daemon switches to."),
    ("minfds", "count", None, None, OURS_ONLY, LATER, "The least number of file descriptors that must be available."),
    ("http", "text", None, None, OURS_ONLY, LATER, "HOST:PORT or unix:PATH for /livez, /readyz, /startupz, /metrics."),
    ("drain_delay", "seconds", "0", None, OURS_ONLY, LATER, "Seconds between failing readiness and stopping the programs."),
)

PROGRAM: tuple[Row, ...] = (
    ("command", "command", None, None, BOTH, "", "The program and its arguments, quoted as in a shell; no shell runs it. Required."),
    ("process_name", "text", None, "%(program_name)s", BOTH, "", "The name of a process; by default the program's, or 00, 01 … with numprocs above 1."),
    ("numprocs", "count", "1", "1", BOTH, "", "How many processes are started."),
    ("numprocs_start", "int", "0", "0", BOTH, "", "The number of the first process."),
    ("priority", "int", "999", "999", BOTH, "", "Lower is spawned earlier and stopped later; nothing waits for it."),
    ("autostart", "bool", "true", "true", BOTH, "", "Start with the daemon."),
    ("autorestart", "restart", "true", "unexpected", BOTH, "", "Start again after an exit from RUNNING; unexpected: only for codes not in exitcodes. Default false for a main program."),
    ("exitcodes", "exitcodes", "0", "0", BOTH, "", "The exit codes that are expected."),
    ("startsecs", "seconds", "1", "1", BOTH, "", "Alive this long is RUNNING."),
    ("startretries", "retries", "3", "3", BOTH, "", "Failures before RUNNING in a row that are retried; then FATAL."),
    ("backoff", "seconds", "1", None, OURS_ONLY, "", "The first wait before a retry."),
    ("backoff_factor", "factor", "2", None, OURS_ONLY, "", "Each further wait is longer by this factor."),
    ("backoff_max", "seconds", "30", None, OURS_ONLY, "", "The longest wait before a retry."),
    ("main", "bool", "false", None, OURS_ONLY, "", "The container ends when this program ends, with its exit code. At most one."),
    ("critical", "bool", "false", None, OURS_ONLY, "", "The container ends when this program fails for good."),
    ("stopsignal", "stopsignal", "TERM", "TERM", BOTH, "", "The signal that stops it, or a ladder with waits: TERM:10 QUIT:5 KILL."),
    ("stopwaitsecs", "seconds", "10", "10", BOTH, "", "Seconds between the stop signal and KILL."),
    ("stopasgroup", "bool", "true", "true", BOTH, "", "The stop signal goes to the whole process group. (supervisord's own default is false.)"),
    ("killasgroup", "bool", "true", "true", BOTH, "", "KILL goes to the whole process group. Default: as stopasgroup."),
    ("forward_signals", "forward", "", None, OURS_ONLY, "", "Signals to the daemon that this program gets: HUP USR1:HUP WINCH."),
    ("directory", "path", None, None, BOTH, "", "Working directory."),
    ("user", "user", None, None, BOTH, "", "Run as: name, uid, name:group, uid:gid."),
    ("umask", "umask", None, None, BOTH, "", "The program's umask."),
    ("environment", "environment", "", "", BOTH, "", "Variables: KEY=\"value\",KEY2=value2."),
    ("redirect_stderr", "bool", "false", "false", BOTH, "", "stderr goes where stdout goes."),
    ("stdout_logfile", "logfile", None, None, BOTH, "", "File for stdout; unset: the container's stdout; NONE: discarded. supervisord's AUTO is the container's stdout."),
    ("stdout_logfile_maxbytes", "size", "50MB", "50MB", BOTH, "", "Rotate at this size; 0 is never; devices are never rotated."),
    ("stdout_logfile_backups", "count", "10", "10", BOTH, "", "Rotated files that are kept."),
    ("stdout_logfile_compress", "bool", "false", None, OURS_ONLY, "", "Whether rotated files become gzip files (FILE.1.gz), beside the daemon's work. FILE.1 is plain until its compression is done."),
    ("stderr_logfile", "logfile", None, None, BOTH, "", "File for stderr; unset: the container's stderr; NONE: discarded."),
    ("stderr_logfile_maxbytes", "size", "50MB", "50MB", BOTH, "", "Rotate at this size; 0 is never."),
    ("stderr_logfile_backups", "count", "10", "10", BOTH, "", "Rotated files that are kept."),
    ("stderr_logfile_compress", "bool", "false", None, OURS_ONLY, "", "Whether rotated files become gzip files."),
    ("healthcheck_type", "health", "none", None, OURS_ONLY, "", "How it is asked whether it is well: none, tcp, script (http: not yet)."),
    ("healthcheck_interval", "interval", "30", None, OURS_ONLY, "", "Time between checks."),
    ("healthcheck_timeout", "interval", "10", None, OURS_ONLY, "", "A check that takes longer has failed."),
    ("healthcheck_retries", "positive", "3", None, OURS_ONLY, "", "Failures in a row until UNHEALTHY."),
    ("healthcheck_start_period", "seconds", "10", None, OURS_ONLY, "", "Failures in this time after the start do not count."),
    ("healthcheck_port", "port", None, None, OURS_ONLY, "", "Port of a tcp check."),
    ("healthcheck_host", "text", "127.0.0.1", None, OURS_ONLY, "", "Host of a tcp check."),
    ("healthcheck_command", "command", None, None, OURS_ONLY, "", "Command of a script check; exit 0 is healthy."),
    ("healthcheck_url", "text", None, None, OURS_ONLY, LATER, "URL of an http check."),
    ("healthcheck_headers", "text", None, None, OURS_ONLY, LATER, "Headers of an http check, one a line."),
    ("healthcheck_status", "text", None, None, OURS_ONLY, LATER, "Status codes that are healthy: 200-399, 404."),
    ("healthcheck_action", "action", "restart", None, OURS_ONLY, "", "What UNHEALTHY leads to: restart, shutdown, none."),
    ("readiness_type", "health", "none", None, OURS_ONLY, LATER, "As healthcheck_type; decides readiness and never restarts."),
    ("readiness_interval", "interval", "30", None, OURS_ONLY, LATER, "Time between readiness checks."),
    ("readiness_timeout", "interval", "10", None, OURS_ONLY, LATER, "A readiness check that takes longer has failed."),
    ("readiness_retries", "positive", "3", None, OURS_ONLY, LATER, "Failures in a row until not ready."),
    ("readiness_start_period", "seconds", "10", None, OURS_ONLY, LATER, "Failures in this time after the start do not count."),
    ("readiness_port", "port", None, None, OURS_ONLY, LATER, "Port of a tcp readiness check."),
    ("readiness_host", "text", "127.0.0.1", None, OURS_ONLY, LATER, "Host of a tcp readiness check."),
    ("readiness_command", "command", None, None, OURS_ONLY, LATER, "Command of a script readiness check."),
    ("readiness_url", "text", None, None, OURS_ONLY, LATER, "URL of an http readiness check."),
    ("readiness_headers", "text", None, None, OURS_ONLY, LATER, "Headers of an http readiness check."),
    ("readiness_status", "text", None, None, OURS_ONLY, LATER, "Status codes that are ready."),
    ("env_file", "paths", "", None, OURS_ONLY, "", "Files with KEY=value lines, read at each start; later ones win, environment beats them."),
    ("secrets", "secrets", "", None, OURS_ONLY, "", "Variables with the content of files, read at each start: DB_PASSWORD=/run/secrets/db. They beat environment."),
    ("pass_environment", "words", None, None, OURS_ONLY, "", "Of our own environment only these names and globs pass (LANG, AWS_*); unset: all."),
    ("depends_on", "depends", "", None, OURS_ONLY, "", "What must be so before it starts: db:healthy, migrate:completed, cache:started."),
    ("ready", "text", "started", None, OURS_ONLY, LATER, "How it tells that it is ready."),
    ("ready_timeout", "seconds", None, None, OURS_ONLY, LATER, "Not ready in this time is a failed start."),
    ("type", "type", "simple", None, OURS_ONLY, "", "simple, or oneshot: runs once to its end."),
    ("restart_limit", "text", None, None, OURS_ONLY, LATER, "More restarts than 5/60s is FATAL."),
    ("pre_stop", "command", None, None, OURS_ONLY, LATER, "Command that runs before the stop signal."),
    ("watchdog", "seconds", None, None, OURS_ONLY, LATER, "The program must ping within this time."),
    ("log_format", "format", None, None, OURS_ONLY, "", "As in [supervice], for this program."),
    ("nice", "int", None, None, OURS_ONLY, LATER, "Niceness."),
    ("oom_score_adj", "int", None, None, OURS_ONLY, LATER, "The kernel's out-of-memory score."),
    ("no_new_privs", "bool", None, None, OURS_ONLY, LATER, "Set no_new_privs."),
    ("capabilities", "words", None, None, OURS_ONLY, LATER, "The capabilities that are kept."),
    ("pdeathsig", "text", None, None, OURS_ONLY, LATER, "Signal when supervice dies."),
    *(
        (f"rlimit_{name}", "text", None, None, OURS_ONLY, LATER, f"Limit RLIMIT_{name.upper()}: soft, or soft:hard.")
        for name in ("as", "core", "cpu", "data", "fsize", "memlock", "nofile", "nproc", "stack")
    ),
    ("stdout_capture_maxbytes", "size", "0", "0", BOTH, LATER, "PROCESS_COMMUNICATION events from stdout."),
    ("stderr_capture_maxbytes", "size", "0", "0", BOTH, LATER, "PROCESS_COMMUNICATION events from stderr."),
    ("stdout_events_enabled", "bool", "false", "false", BOTH, LATER, "PROCESS_LOG events from stdout."),
    ("stderr_events_enabled", "bool", "false", "false", BOTH, LATER, "PROCESS_LOG events from stderr."),
    ("stdout_syslog", "bool", "false", "false", BOTH, "containers have no syslog; lines go to the container's stdout", "Send stdout to syslog."),
    ("stderr_syslog", "bool", "false", "false", BOTH, "containers have no syslog; lines go to the container's stderr", "Send stderr to syslog."),
    ("serverurl", "text", "AUTO", "AUTO", BOTH, LATER, "SUPERVISOR_SERVER_URL of the program."),
)

LISTENER: tuple[Row, ...] = (
    ("events", "names", None, None, BOTH, "", "The events that the listener gets. Required."),
    ("buffer_size", "positive", "10", "10", BOTH, "", "Events that wait while the listener is busy."),
    ("result_handler", "text", None, "supervisor.dispatchers:default_handler", BOTH, "the answer to an event is read by supervice itself, no Python code is loaded", "Python function for the listener's answers."),
)

FCGI: tuple[Row, ...] = (
    ("socket", "text", None, None, BOTH, "", "tcp://HOST:PORT or unix://PATH. Required."),
    ("socket_backlog", "positive", None, None, BOTH, "", "The socket's listen backlog."),
    ("socket_owner", "text", None, None, BOTH, "", "Owner of a unix socket: user or user:group."),
    ("socket_mode", "octal", None, "0700", BOTH, "", "Mode of a unix socket."),
)

GROUP: tuple[Row, ...] = (
    ("programs", "names", None, None, BOTH, "", "The programs of the group, separated by commas. Required."),
    ("priority", "int", None, "999", BOTH, "", "The order of spawning between groups."),
)

INCLUDE: tuple[Row, ...] = (
    ("files", "words", None, None, BOTH, "", "Files or patterns (conf.d/*.conf), relative to this file. Required."),
)

SUPERVISORD: tuple[Row, ...] = (
    ("logfile", "logfile", None, "supervisord.log", STOCK_ONLY, "", "The daemon's own log. Unset: the container's stdout."),
    ("logfile_maxbytes", "size", None, "50MB", STOCK_ONLY, "", "Rotate at this size; 0 is never."),
    ("logfile_backups", "count", None, "10", STOCK_ONLY, "", "Rotated files that are kept."),
    ("loglevel", "loglevel", None, "info", STOCK_ONLY, "", "The least level that is logged; trace and blather are debug."),
    ("pidfile", "path", None, "supervisord.pid", STOCK_ONLY, "", "File with the daemon's pid."),
    ("environment", "environment", None, "", STOCK_ONLY, "", "Variables for all programs."),
    ("umask", "umask", None, "022", STOCK_ONLY, "", "The umask of the daemon and the programs."),
    ("nodaemon", "bool", "true", "false", STOCK_ONLY, "supervice always stays in the foreground", "Stay in the foreground."),
    ("silent", "bool", None, "false", STOCK_ONLY, LATER, "No log on stdout."),
    ("minfds", "count", None, "1024", STOCK_ONLY, LATER, "The least number of file descriptors that must be available."),
    ("minprocs", "count", None, "200", STOCK_ONLY, LATER, "The least number of processes that must be available."),
    ("user", "user", None, None, STOCK_ONLY, "", "The user of the programs that set none; the daemon itself does not switch."),
    ("nocleanup", "bool", None, "false", STOCK_ONLY, "there are no AUTO log files here, programs log to the container's stdout", "Keep old AUTO log files."),
    ("childlogdir", "path", None, None, STOCK_ONLY, "there are no AUTO log files here, programs log to the container's stdout", "Directory of AUTO log files."),
    ("directory", "path", None, None, STOCK_ONLY, "supervisord too changes to it only when it daemonizes", "Directory to change to when daemonizing."),
    ("strip_ansi", "bool", None, "false", STOCK_ONLY, LATER, "Remove escape sequences from logs."),
    ("identifier", "text", None, "supervisor", STOCK_ONLY, LATER, "The name of this daemon in XML-RPC."),
    ("profile_options", "text", None, None, STOCK_ONLY, "profiling of supervisord itself", "Profiling."),
)

UNIX_SERVER: tuple[Row, ...] = (
    ("file", "path", None, None, STOCK_ONLY, "", "The socket. Required."),
    ("chmod", "octal", None, "0700", STOCK_ONLY, "", "Its mode."),
    ("chown", "text", None, None, STOCK_ONLY, "", "Its owner: user or user:group."),
    ("username", "text", None, None, STOCK_ONLY, "", "HTTP user name."),
    ("password", "text", None, None, STOCK_ONLY, "", "HTTP password, plain or {SHA}."),
)

INET_SERVER: tuple[Row, ...] = (
    ("port", "text", None, None, STOCK_ONLY, "", "HOST:PORT, :PORT or PORT. Required."),
    ("username", "text", None, None, STOCK_ONLY, "", "HTTP user name."),
    ("password", "text", None, None, STOCK_ONLY, "", "HTTP password, plain or {SHA}."),
)
# fmt: on

# Where an option's name is not that of the field in `SupervisorConfig`.
FIELDS = {"socket": "socket_path", "logfile_maxbytes": "log_maxbytes", "logfile_backups": "log_backups"}

_tables: dict[str, dict[str, Row]] = {}
_SECTIONS = {
    "supervice": SUPERVICE,
    "supervisord": SUPERVISORD,
    "program": PROGRAM,
    "eventlistener": PROGRAM + LISTENER,
    "fcgi-program": PROGRAM + FCGI,
    "group": GROUP,
    "include": INCLUDE,
    "unix_http_server": UNIX_SERVER,
    "inet_http_server": INET_SERVER,
}


def rows(kind: str) -> dict[str, Row]:
    """The options of a kind of section, by name."""
    table = _tables.get(kind)
    if table is None:
        table = _tables[kind] = {row[NAME]: row for row in _SECTIONS[kind]}
    return table


def default(row: Row, stock: bool) -> Any:
    """The parsed default in the given dialect; None where there is none."""
    written = row[STOCK] if stock and row[DIALECTS] != OURS_ONLY else row[OURS]
    return None if written is None else KINDS[row[KIND]][0](written)
