# ruff: noqa: E501  (a table reads better with one option a line)
"""The table of all options, in both dialects.

The parser, `check`, reloads and docs/configuration.md read it.

A row is `(name, kind, default, supervisord_default, dialects, effect, reload, text)`:

- `kind` names a parser in `kinds.KINDS`;
- the defaults are written as in a file (None: no default). `default` is ours, `supervisord_default` that of a
  stock supervisord file; for an option without effect, `default` is what supervice always does;
- `dialects`: "both", "supervice" (ours only; its default in a stock file may differ) or "supervisord" (only
  there);
- `effect`: "" for an option that works; any other text says why it has no effect (a warning);
- `reload`: what a reload does with a new value; "" where the option has no effect.

Only values and text: PID 1 imports this module in every container.
"""

from __future__ import annotations

from supervice.config.kinds import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    Row = tuple[str, str, str | None, str | None, str, str, str, str]

NAME: Final = 0
KIND: Final = 1
OURS: Final = 2
STOCK: Final = 3
DIALECTS: Final = 4
EFFECT: Final = 5
RELOAD: Final = 6
TEXT: Final = 7

BOTH, OURS_ONLY, STOCK_ONLY = "both", "supervice", "supervisord"
LIVE = "live"  # applied to what runs
RESTART = "restart"  # the programs that it changes are stopped and started
START = "start"  # counts when the daemon starts, and not before


# fmt: off
SUPERVICE: tuple[Row, ...] = (
    ("logfile", "logfile", "supervice.log", None, OURS_ONLY, "", LIVE, "The daemon's own log. Default of the daemon: the container's stdout; supervice.log is that of the Python API."),
    ("loglevel", "loglevel", "INFO", None, OURS_ONLY, "", LIVE, "Log this level and above: critical, error, warning, info, debug."),
    ("log_maxbytes", "maxbytes", "50MB", None, OURS_ONLY, "", LIVE, "Rotate the daemon's log at this size; 0: never."),
    ("log_backups", "backups", "10", None, OURS_ONLY, "", LIVE, "Keep this many rotated files of the daemon's log."),
    ("log_compress", "bool", "false", None, OURS_ONLY, "", LIVE, "Compress rotated files of the daemon's log with gzip."),
    ("log_rotate", "rotation", None, None, OURS_ONLY, "", LIVE, "Also rotate the daemon's log at these times; values as in stdout_logfile_rotate."),
    ("log_suffix", "suffix", "number", None, OURS_ONLY, "", LIVE, "How rotated files of the daemon's log are named; values as in stdout_logfile_suffix."),
    ("logfile_mode", "permissions", None, None, OURS_ONLY, "", LIVE, "Exact mode of new log files. Unset: 0640 minus the umask; in a stock supervisord file 0666 minus the umask, as there."),
    ("log_format", "format", "raw", None, OURS_ONLY, "", LIVE, "Format of the programs' lines on the container's stdout: raw (unchanged), prefix (NAME | before each), prefix-time (with the time before that), json."),
    ("log_overflow", "overflow", "block", None, OURS_ONLY, "", LIVE, "When the reader of our stdout falls behind: block the program that writes, or drop its lines and count them."),
    ("log_buffer", "size", "64KB", None, OURS_ONLY, "", LIVE, "Memory per program for its last lines, which supervicectl logs shows."),
    ("pidfile", "path", "supervice.pid", None, OURS_ONLY, "", START, "File for the daemon's pid, or none. Default of the daemon: none."),
    ("socket", "path", "/tmp/supervice.sock", None, OURS_ONLY, "", START, "Path of the control socket, or none. Default of the daemon: in the first writable directory of /tmp, /run, $XDG_RUNTIME_DIR, /dev/shm."),
    ("socket_mode", "octal", None, None, OURS_ONLY, "", START, "Mode of the control socket. Default: 0600, or 0660 with socket_group."),
    ("socket_group", "text", None, None, OURS_ONLY, "", START, "Unix group whose members may read (status, logs, events, health) but change nothing."),
    ("shutdown_timeout", "seconds", "30", None, OURS_ONLY, "", LIVE, "Time limit for the whole shutdown: longer waits are cut short, SIGKILL is never skipped."),
    ("exit_when_idle", "bool", "true", None, OURS_ONLY, "", LIVE, "Exit when no program is running or will run again. Default in stock supervisord files: false, as there."),
    ("on_fatal", "fatal", "ignore", None, OURS_ONLY, "", LIVE, "What happens when a program fails for good: ignore (nothing), or shutdown (the container ends)."),
    ("environment", "environment", "", None, OURS_ONLY, "", RESTART, "Variables for all programs."),
    ("umask", "umask", None, None, OURS_ONLY, "", RESTART, "Umask of the daemon, and of programs that set none."),
    ("termination_log", "path", None, None, OURS_ONLY, "", LIVE, "File for the reason why supervice ended. Default: /dev/termination-log, if it exists."),
    ("env_file", "paths", "", None, OURS_ONLY, "", RESTART, "Files with KEY=value lines, for all programs; environment overrides them."),
    ("user", "user", None, None, OURS_ONLY, "", START, "The user that the daemon switches to once its log, pid file and socket are open. From then on all programs run as that user, and so does the daemon when it opens their log files and reloads the configuration."),
    ("minfds", "count", None, None, OURS_ONLY, "", START, "Raise the limit on open files to this, or warn if that is impossible. Programs inherit it."),
    ("minprocs", "count", None, None, OURS_ONLY, "", START, "Raise the limit on processes to this, or warn."),
    ("http", "http", None, None, OURS_ONLY, "", START, "Serve a page for people, /api/v1, /metrics and the probes /livez, /readyz and /startupz here, to all clients that can reach it. Unset: off."),
    ("http_user", "text", None, None, OURS_ONLY, "", START, "The user name that the page and /api/v1 ask for. With http_password, the page has start, stop, restart and reload."),
    ("http_password", "password", None, None, OURS_ONLY, "", START, "The password of http_user, or {SHA256} followed by its hexadecimal digest."),
    ("http_password_file", "path", None, None, OURS_ONLY, "", START, "File with the password or its digest (a mounted secret), in place of http_password."),
    ("http_hosts", "words", "", None, OURS_ONLY, "", START, "Host names under which the page and /api/v1 answer without a password, besides IP addresses and localhost. Other names are refused, so that no web site can point a name of its own at supervice (DNS rebinding)."),
    ("http_probes", "probes", "open", None, OURS_ONLY, "", START, "Whether the probes and /metrics ask for the password too: open or protected."),
    ("drain_delay", "seconds", "0", None, OURS_ONLY, "", LIVE, "Time between a request to stop, when readiness fails, and the stop of the programs; not part of shutdown_timeout."),
    ("watch_config", "bool", "false", None, OURS_ONLY, "", LIVE, "Reload when one of the configuration's files changes (a ConfigMap), without a signal. A file with errors changes nothing; the log says why."),
)

PROGRAM: tuple[Row, ...] = (
    ("command", "command", None, None, BOTH, "", RESTART, "The program and its arguments, quoted as in a shell; no shell runs it. Required."),
    ("process_name", "text", None, "%(program_name)s", BOTH, "", RESTART, "The name of a process. Default: that of the program, or 00, 01 … with numprocs above 1."),
    ("numprocs", "count", "1", "1", BOTH, "", LIVE, "Start this many processes."),
    ("numprocs_start", "int", "0", "0", BOTH, "", RESTART, "Number of the first process."),
    ("priority", "int", "999", "999", BOTH, "", LIVE, "Lower values are spawned earlier and stopped later. It only orders: no program waits for another because of it."),
    ("autostart", "bool", "true", "true", BOTH, "", LIVE, "Start with the daemon."),
    ("autorestart", "restart", "true", "unexpected", BOTH, "", RESTART, "Restart after an exit from RUNNING: true, false, or unexpected (only for codes not in exitcodes). Default of a main program: false."),
    ("exitcodes", "exitcodes", "0", "0", BOTH, "", RESTART, "Expected exit codes."),
    ("startsecs", "seconds", "1", "1", BOTH, "", RESTART, "A program that has lived this long is RUNNING. Default with ready: 0."),
    ("startretries", "retries", "3", "3", BOTH, "", RESTART, "FATAL after more failed starts in a row than this. Default of a oneshot: 0."),
    ("backoff", "seconds", "1", None, OURS_ONLY, "", RESTART, "Wait before the first retry."),
    ("backoff_factor", "factor", "2", None, OURS_ONLY, "", RESTART, "Each wait is the one before times this factor."),
    ("backoff_max", "seconds", "30", None, OURS_ONLY, "", RESTART, "The longest wait before a retry."),
    ("main", "bool", "false", None, OURS_ONLY, "", RESTART, "The container ends with this program, and with its exit code. At most one program."),
    ("critical", "bool", "false", None, OURS_ONLY, "", LIVE, "The container ends when this program fails for good."),
    ("stopsignal", "stopsignal", "TERM", "TERM", BOTH, "", RESTART, "The stop signal, or a ladder with waits: TERM:10 QUIT:5 KILL."),
    ("stopwaitsecs", "seconds", "10", "10", BOTH, "", RESTART, "Time from the stop signal to SIGKILL."),
    ("stopasgroup", "bool", "true", "true", BOTH, "", RESTART, "Send the stop signal to the whole process group. (supervisord's own default is false.)"),
    ("killasgroup", "bool", "true", "true", BOTH, "", RESTART, "Send SIGKILL to the whole process group. Default: as stopasgroup."),
    ("forward_signals", "forward", "", None, OURS_ONLY, "", RESTART, "Signals to the daemon that are passed on to the program, each with :NAME to send another: HUP USR1:HUP WINCH."),
    ("directory", "path", None, None, BOTH, "", RESTART, "Working directory."),
    ("user", "user", None, None, BOTH, "", RESTART, "Run as: name, uid, name:group, uid:gid."),
    ("umask", "umask", None, None, BOTH, "", RESTART, "The program's umask."),
    ("environment", "environment", "", "", BOTH, "", RESTART, "Variables: KEY=\"value\",KEY2=value2."),
    ("redirect_stderr", "bool", "false", "false", BOTH, "", RESTART, "Send stderr where stdout goes."),
    ("stdout_logfile", "logfile", None, None, BOTH, "", LIVE, "File for stdout. Unset, or supervisord's AUTO: the container's stdout. NONE: discarded."),
    ("stdout_logfile_maxbytes", "maxbytes", "50MB", "50MB", BOTH, "", LIVE, "Rotate at this size; 0: never. Devices are never rotated."),
    ("stdout_logfile_backups", "backups", "10", "10", BOTH, "", LIVE, "Keep this many rotated files."),
    ("stdout_logfile_compress", "bool", "false", None, OURS_ONLY, "", LIVE, "Compress rotated files with gzip (FILE.1.gz), in a separate process. FILE.1 stays until it is compressed."),
    ("stdout_logfile_rotate", "rotation", None, None, OURS_ONLY, "", LIVE, "Also rotate at these times: daily (at midnight), hourly, 6h (every six hours from midnight), or 03:30 (every day at that time), in the time zone of the container (TZ, else /etc/localtime, else UTC). An empty file is not rotated."),
    ("stdout_logfile_suffix", "suffix", "number", None, OURS_ONLY, "", LIVE, "How rotated files are named. number: FILE.1 (the newest), FILE.2 …; date: FILE.2026-11-29, the second of a day FILE.2026-11-29.1. Files named the other way are left alone."),
    ("stderr_logfile", "logfile", None, None, BOTH, "", LIVE, "File for stderr. Unset: the container's stderr. NONE: discarded."),
    ("stderr_logfile_maxbytes", "maxbytes", "50MB", "50MB", BOTH, "", LIVE, "Rotate at this size; 0: never."),
    ("stderr_logfile_backups", "backups", "10", "10", BOTH, "", LIVE, "Keep this many rotated files."),
    ("stderr_logfile_compress", "bool", "false", None, OURS_ONLY, "", LIVE, "Compress rotated files with gzip."),
    ("stderr_logfile_rotate", "rotation", None, None, OURS_ONLY, "", LIVE, "Also rotate at these times, as stdout_logfile_rotate."),
    ("stderr_logfile_suffix", "suffix", "number", None, OURS_ONLY, "", LIVE, "How rotated files are named, as stdout_logfile_suffix."),
    ("logfile_mode", "permissions", None, None, OURS_ONLY, "", LIVE, "As in [supervice], for the log files of this program."),
    ("healthcheck_type", "health", "none", None, OURS_ONLY, "", RESTART, "The kind of health check: none, tcp, script, http."),
    ("healthcheck_interval", "interval", "30", None, OURS_ONLY, "", RESTART, "Time between checks."),
    ("healthcheck_timeout", "interval", "10", None, OURS_ONLY, "", RESTART, "A check that takes longer has failed."),
    ("healthcheck_retries", "positive", "3", None, OURS_ONLY, "", RESTART, "UNHEALTHY after this many failures in a row."),
    ("healthcheck_start_period", "seconds", "10", None, OURS_ONLY, "", RESTART, "Failures in this time after the start do not count; the first success ends it."),
    ("healthcheck_port", "port", None, None, OURS_ONLY, "", RESTART, "Port of a tcp check."),
    ("healthcheck_host", "text", "127.0.0.1", None, OURS_ONLY, "", RESTART, "Host of a tcp check."),
    ("healthcheck_command", "command", None, None, OURS_ONLY, "", RESTART, "Command of a script check; exit 0 is healthy."),
    ("healthcheck_url", "url", None, None, OURS_ONLY, "", RESTART, "URL of an http check (http://127.0.0.1:8000/health); redirects are not followed."),
    ("healthcheck_headers", "headers", "", None, OURS_ONLY, "", RESTART, "Headers of an http check, one `Name: value` per line."),
    ("healthcheck_status", "status", "200-399", None, OURS_ONLY, "", RESTART, "Status codes that are healthy: 200-399, 404."),
    ("healthcheck_action", "action", "restart", None, OURS_ONLY, "", RESTART, "What UNHEALTHY leads to: restart, shutdown (of the container), none."),
    ("readiness_type", "health", "none", None, OURS_ONLY, "", RESTART, "The kind of readiness check, as healthcheck_type; it never restarts the program."),
    ("readiness_interval", "interval", "30", None, OURS_ONLY, "", RESTART, "Time between readiness checks."),
    ("readiness_timeout", "interval", "10", None, OURS_ONLY, "", RESTART, "A readiness check that takes longer has failed."),
    ("readiness_retries", "positive", "3", None, OURS_ONLY, "", RESTART, "Not ready after this many failures in a row."),
    ("readiness_start_period", "seconds", "10", None, OURS_ONLY, "", RESTART, "Failures in this time after the start do not count; the first success ends it."),
    ("readiness_port", "port", None, None, OURS_ONLY, "", RESTART, "Port of a tcp readiness check."),
    ("readiness_host", "text", "127.0.0.1", None, OURS_ONLY, "", RESTART, "Host of a tcp readiness check."),
    ("readiness_command", "command", None, None, OURS_ONLY, "", RESTART, "Command of a script readiness check."),
    ("readiness_url", "url", None, None, OURS_ONLY, "", RESTART, "URL of an http readiness check."),
    ("readiness_headers", "headers", "", None, OURS_ONLY, "", RESTART, "Headers of an http readiness check."),
    ("readiness_status", "status", "200-399", None, OURS_ONLY, "", RESTART, "Status codes that are ready."),
    ("env_file", "paths", "", None, OURS_ONLY, "", RESTART, "Files with KEY=value lines, read at each start; later files override earlier ones, environment overrides all."),
    ("secrets", "secrets", "", None, OURS_ONLY, "", RESTART, "Variables with the content of files, read at each start: DB_PASSWORD=/run/secrets/db. They override environment."),
    ("pass_environment", "words", None, None, OURS_ONLY, "", RESTART, "Inherit only these variables of our own environment (LANG, AWS_*); unset: all."),
    ("depends_on", "depends", "", None, OURS_ONLY, "", LIVE, "Start when these conditions hold: db:healthy, migrate:completed, cache:ready, backend (a group: each of its programs)."),
    ("ready", "ready", "started", None, OURS_ONLY, "", RESTART, "What makes it RUNNING, in addition to startsecs: started (nothing), notify (sd_notify), fd:N (a newline), log:REGEX (a line of output; no references, no looking ahead or behind), tcp:HOST:PORT, unix:PATH, http:URL, file:PATH (newer than the start), check (the readiness check)."),
    ("ready_timeout", "interval", None, None, OURS_ONLY, "", LIVE, "A start that is not ready after this time has failed. Unset: no limit."),
    ("stdin", "stdin", "null", "pipe", OURS_ONLY, "", RESTART, "Standard input: null (/dev/null), or pipe (what attach and sendProcessStdin write; open as long as the process runs)."),
    ("listen", "listen", None, None, OURS_ONLY, "", RESTART, "Sockets that supervice opens and keeps open while the program restarts: tcp:HOST:PORT, unix:/PATH, each with NAME= in front, or else named by its number. The program gets them from descriptor 3 on, with LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID; %(listen_NAME)s in its command and environment is the descriptor."),
    ("listen_stdin", "bool", "false", None, OURS_ONLY, "", RESTART, "Make the first socket the program's standard input too."),
    ("listen_backlog", "positive", None, None, OURS_ONLY, "", RESTART, "How many connections may wait to be accepted. Unset: as many as the kernel allows (net.core.somaxconn)."),
    ("listen_mode", "octal", "0660", None, OURS_ONLY, "", RESTART, "Mode of unix sockets."),
    ("listen_owner", "text", None, None, OURS_ONLY, "", RESTART, "Owner of unix sockets: user or user:group. Unset: the program's user."),
    ("overlap", "bool", "false", None, OURS_ONLY, "", LIVE, "A restart (by supervicectl, a watched file, a reload that changes it, memory_limit) starts the new process beside the old one, which is stopped when the new one is ready; a new one that does not become ready is stopped, and the old one stays. For programs with listen."),
    ("rolling", "bool", "false", None, OURS_ONLY, "", LIVE, "A restart of its processes (by supervicectl, a watched file, a reload that changes it, memory_limit) takes one after the other, each when the one before is ready; the first that does not become ready ends it."),
    ("type", "type", "simple", None, OURS_ONLY, "", RESTART, "simple, or oneshot (it runs once, to its end)."),
    ("schedule", "schedule", None, None, OURS_ONLY, "", LIVE, "When it runs, as a oneshot: a cron expression of five fields (*/15 * * * *), @hourly, @daily, @weekly, @monthly, @yearly, @reboot, or every 90s; several lines are several schedules."),
    ("schedule_timezone", "timezone", None, None, OURS_ONLY, "", LIVE, "The time zone of its schedule (Europe/Berlin); the program's own TZ stays. Unset: TZ, else /etc/localtime, else UTC."),
    ("schedule_overlap", "overlap", "skip", None, OURS_ONLY, "", LIVE, "A time that comes during a run is skipped, runs after it (queue), or stops it (restart)."),
    ("schedule_timeout", "interval", None, None, OURS_ONLY, "", LIVE, "A run that takes longer is stopped, and has failed. Unset: no limit."),
    ("schedule_retries", "count", "0", None, OURS_ONLY, "", LIVE, "How often a failed run is tried again, after backoff, as long as that is before its next time."),
    ("schedule_jitter", "seconds", "0", None, OURS_ONLY, "", LIVE, "Delay each run by less than this, always by the same for a program and a host name."),
    ("schedule_stamp", "path", None, None, OURS_ONLY, "", LIVE, "File (on a volume) that keeps the last time that was dealt with: a run that was missed while supervice was down is made up at its start, once. Unset: no run is made up."),
    ("schedule_deadline", "interval", None, None, OURS_ONLY, "", LIVE, "A time that is older than this is missed and not made up. Unset: it may be made up until the next one."),
    ("schedule_notify", "command", None, None, OURS_ONLY, "", LIVE, "Command for each start and end of a run, with SUPERVICE_EVENT (start, success, failure, skipped, missed), SUPERVICE_PROGRAM, _CODE, _REASON and _SECONDS, and the last lines on its standard input."),
    ("watch", "watched", None, None, OURS_ONLY, "", LIVE, "Files whose change restarts it: paths, directories, globs (**: any depth), or @env for its env_file and secrets."),
    ("watch_action", "watchaction", "restart", None, OURS_ONLY, "", LIVE, "What a change does: restart, reload (supervice's own), signal:NAME, run:COMMAND."),
    ("watch_interval", "interval", "2", None, OURS_ONLY, "", LIVE, "How often the files are looked at."),
    ("watch_delay", "seconds", "1", None, OURS_ONLY, "", LIVE, "A change acts when nothing has changed for this long, at the latest after ten times that."),
    ("watch_ignore", "globs", "", None, OURS_ONLY, "", LIVE, "Names and globs that are not watched. Never watched are our own log files, .git, node_modules, __pycache__, names that begin with a dot or end in ~, .swp or .tmp."),
    ("watch_check", "command", None, None, OURS_ONLY, "", LIVE, "Command that must succeed before a change acts (nginx -t)."),
    ("restart_limit", "restarts", None, None, OURS_ONLY, "", LIVE, "5/60s: FATAL after more than 5 automatic restarts within 60 s, for whatever reason."),
    ("pre_stop", "command", None, None, OURS_ONLY, "", RESTART, "Command to run before the stop signal, with $MAINPID; it may take half of the first wait."),
    ("watchdog", "interval", None, None, OURS_ONLY, "", RESTART, "The program must ping (WATCHDOG=1 by sd_notify) at least this often; a missed ping makes it UNHEALTHY at once."),
    ("memory_limit", "memory", None, None, OURS_ONLY, "", RESTART, "The most memory that it and everything it started may use: 512MB, or 80% of the container's limit. Checked every 10 s, every second above four fifths of it; over it twice in a row is UNHEALTHY."),
    ("memory_limit_action", "action", "restart", None, OURS_ONLY, "", RESTART, "What exceeding memory_limit leads to: restart, shutdown (of the container), none."),
    ("log_format", "format", None, None, OURS_ONLY, "", LIVE, "As in [supervice], for this program."),
    ("nice", "nice", None, None, OURS_ONLY, "", RESTART, "Niceness, -20 to 19; a value below supervice's own needs CAP_SYS_NICE."),
    ("oom_score_adj", "oom", None, None, OURS_ONLY, "", RESTART, "The kernel's out-of-memory score, -1000 (never) to 1000 (first); unset: 100 above supervice's own, so that PID 1 is killed last. A value below supervice's own needs CAP_SYS_RESOURCE."),
    ("no_new_privs", "bool", "false", None, OURS_ONLY, "", RESTART, "Setuid programs and file capabilities give it no privileges."),
    ("capabilities", "capabilities", None, None, OURS_ONLY, "", RESTART, "Keep these capabilities (NET_BIND_SERVICE), or none, and drop all others. With a user they are ambient. Unset: all of supervice's for root, none for other users."),
    ("pdeathsig", "signal", None, None, OURS_ONLY, "", RESTART, "Signal to the program when supervice dies."),
    *(
        (f"rlimit_{name}", kind, None, None, OURS_ONLY, "", RESTART, f"RLIMIT_{name.upper()}, {what}: soft:hard, or one for both; unlimited.")
        for name, kind, what in (
            ("as", "limit_size", "address space"), ("core", "limit_size", "core files"),
            ("cpu", "limit_time", "CPU time"), ("data", "limit_size", "heap"),
            ("fsize", "limit_size", "files it writes"), ("memlock", "limit_size", "locked memory"),
            ("msgqueue", "limit_size", "message queues"), ("nice", "limit", "20 minus the lowest niceness"),
            ("nofile", "limit", "open files"), ("nproc", "limit", "processes of its user"),
            ("rtprio", "limit", "real-time priority"), ("rttime", "limit", "real-time microseconds"),
            ("sigpending", "limit", "queued signals"), ("stack", "limit_size", "stack"),
        )
    ),
    ("stdout_capture_maxbytes", "size", "0", "0", BOTH, "", RESTART, "Above 0: output between <!--XSUPERVISOR:BEGIN--> and <!--XSUPERVISOR:END--> becomes a PROCESS_COMMUNICATION event, at most its last this many bytes, and is not logged."),
    ("stderr_capture_maxbytes", "size", "0", "0", BOTH, "", RESTART, "Above 0: output between <!--XSUPERVISOR:BEGIN--> and <!--XSUPERVISOR:END--> becomes a PROCESS_COMMUNICATION event, at most its last this many bytes, and is not logged."),
    ("stdout_events_enabled", "bool", "false", "false", BOTH, "", RESTART, "Make PROCESS_LOG events of stdout."),
    ("stderr_events_enabled", "bool", "false", "false", BOTH, "", RESTART, "Make PROCESS_LOG events of stderr."),
    ("stdout_syslog", "bool", "false", "false", BOTH, "containers have no syslog; lines go to the container's stdout", "", "Send stdout to syslog."),
    ("stderr_syslog", "bool", "false", "false", BOTH, "containers have no syslog; lines go to the container's stderr", "", "Send stderr to syslog."),
    ("serverurl", "serverurl", "AUTO", "AUTO", BOTH, "", RESTART, "SUPERVISOR_SERVER_URL of the program. AUTO: the URL of our own HTTP server, if there is one."),
)

LISTENER: tuple[Row, ...] = (
    ("events", "names", None, None, BOTH, "", RESTART, "Event types that the listener receives. Required."),
    ("buffer_size", "positive", "10", "10", BOTH, "", RESTART, "How many events may wait while no process of the listener is free; one more drops the oldest."),
    ("result_handler", "text", None, "supervisor.dispatchers:default_handler", BOTH, "supervice loads no Python code; each complete answer of this listener counts as accepted", "", "Python function for the listener's answers."),
)

FCGI: tuple[Row, ...] = (
    ("socket", "text", None, None, BOTH, "", RESTART, "tcp://HOST:PORT or unix:///PATH, the standard input of each process. Required."),
    ("socket_backlog", "positive", None, None, BOTH, "", RESTART, "The socket's listen backlog."),
    ("socket_owner", "text", None, None, BOTH, "", RESTART, "Owner of a unix socket: user or user:group. Default: the program's user."),
    ("socket_mode", "octal", None, "0700", BOTH, "", RESTART, "Mode of a unix socket."),
)

GROUP: tuple[Row, ...] = (
    ("programs", "names", None, None, BOTH, "", LIVE, "The programs of the group, separated by commas. Required."),
    ("priority", "int", None, "999", BOTH, "", LIVE, "The order in which groups are spawned."),
)

INCLUDE: tuple[Row, ...] = (
    ("files", "words", None, None, BOTH, "", LIVE, "Files or patterns (conf.d/*.conf), relative to this file. Required."),
)

SUPERVISORD: tuple[Row, ...] = (
    ("logfile", "logfile", None, "supervisord.log", STOCK_ONLY, "", LIVE, "The daemon's own log, on stdout too unless silent. Unset: on stdout alone."),
    ("logfile_maxbytes", "maxbytes", None, "50MB", STOCK_ONLY, "", LIVE, "Rotate at this size; 0: never."),
    ("logfile_backups", "backups", None, "10", STOCK_ONLY, "", LIVE, "Keep this many rotated files."),
    ("loglevel", "loglevel", None, "info", STOCK_ONLY, "", LIVE, "Log this level and above; trace and blather count as debug."),
    ("pidfile", "path", None, "supervisord.pid", STOCK_ONLY, "", START, "File with the daemon's pid."),
    ("environment", "environment", None, "", STOCK_ONLY, "", RESTART, "Variables for all programs."),
    ("umask", "umask", None, "022", STOCK_ONLY, "", RESTART, "The umask of the daemon and the programs."),
    ("nodaemon", "bool", "true", "false", STOCK_ONLY, "supervice always stays in the foreground", "", "Stay in the foreground."),
    ("silent", "bool", None, "false", STOCK_ONLY, "", LIVE, "Do not log to stdout, but to the logfile alone; without one there is no log."),
    ("minfds", "count", None, "1024", STOCK_ONLY, "", START, "Raise the limit on open files to this, or warn if that is impossible."),
    ("minprocs", "count", None, None, STOCK_ONLY, "", START, "Raise the limit on processes to this, or warn. Unset: it stays (supervisord: 200)."),
    ("user", "user", None, None, STOCK_ONLY, "", RESTART, "The user of programs that set none. The daemon itself stays root, so that it can stop every program and reap every orphan."),
    ("nocleanup", "bool", None, "false", STOCK_ONLY, "supervice has no AUTO log files, programs log to the container's stdout", "", "Keep old AUTO log files."),
    ("childlogdir", "path", None, None, STOCK_ONLY, "supervice has no AUTO log files, programs log to the container's stdout", "", "Directory of AUTO log files."),
    ("directory", "path", None, None, STOCK_ONLY, "supervisord too changes to it only when it daemonizes", "", "Directory to change to when daemonizing."),
    ("strip_ansi", "bool", None, "false", STOCK_ONLY, "", START, "Remove escape sequences from the output of programs."),
    ("identifier", "text", None, "supervisor", STOCK_ONLY, "", LIVE, "The name of this daemon in events and XML-RPC."),
    ("profile_options", "text", None, None, STOCK_ONLY, "profiling of supervisord itself", "", "Profiling."),
)

UNIX_SERVER: tuple[Row, ...] = (
    ("file", "path", None, None, STOCK_ONLY, "", LIVE, "The path of the socket for supervisorctl and other clients of XML-RPC. Required."),
    ("chmod", "octal", None, "0700", STOCK_ONLY, "", LIVE, "Its mode. A client that can connect may do everything (with the password, if there is one)."),
    ("chown", "text", None, None, STOCK_ONLY, "", LIVE, "Its owner: user or user:group."),
    ("username", "text", None, None, STOCK_ONLY, "", LIVE, "HTTP user name."),
    ("password", "text", None, None, STOCK_ONLY, "", LIVE, "HTTP password, plain or {SHA} and the SHA-1 in hexadecimal."),
)

INET_SERVER: tuple[Row, ...] = (
    ("port", "text", None, None, STOCK_ONLY, "", LIVE, "HOST:PORT, *:PORT, :PORT or PORT; without a host: all interfaces. Required."),
    ("username", "text", None, None, STOCK_ONLY, "", LIVE, "HTTP user name."),
    ("password", "text", None, None, STOCK_ONLY, "", LIVE, "HTTP password, plain or {SHA} and the SHA-1 in hexadecimal."),
)
# fmt: on

# Options that are fields of `ProgramConfig.schedule`, `ProgramConfig.watch` and `ProgramConfig.listen`.
NESTED = ("schedule_", "watch_", "listen_")
# Options whose field in `SupervisorConfig` has another name.
FIELDS = {"socket": "socket_path", "logfile_maxbytes": "log_maxbytes", "logfile_backups": "log_backups"}
# The fields of `ProgramConfig` that groups of options fill.
GROUP_FIELDS = {"programs": "group", "priority": "group_priority"}

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
    """Returns the options of a kind of section, by name."""
    table = _tables.get(kind)
    if table is None:
        table = _tables[kind] = {row[NAME]: row for row in _SECTIONS[kind]}
    return table


def default(row: Row, stock: bool) -> Any:
    """Returns the parsed default in the given dialect; None where there is none."""
    written = row[STOCK] if stock and (row[STOCK] or row[DIALECTS] != OURS_ONLY) else row[OURS]
    return None if written is None else KINDS[row[KIND]][0](written)


def live_fields() -> frozenset[str]:
    """Returns the fields of `ProgramConfig` that a running process takes over at a reload."""
    fields = {row[NAME] for row in PROGRAM if row[RELOAD] == LIVE and not row[NAME].startswith(NESTED)}
    return frozenset(fields | {GROUP_FIELDS[row[NAME]] for row in GROUP if row[RELOAD] == LIVE})


def start_fields() -> dict[str, str]:
    """Returns the fields of `SupervisorConfig` that are read at the start only, with their options' names."""
    return {
        FIELDS.get(row[NAME], row[NAME]): row[NAME] for row in SUPERVICE + SUPERVISORD if row[RELOAD] == START
    }
