"""Files in our dialect to configurations: values, processes, groups, and every problem with its line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supervice.config import ConfigValidationError, Loaded, instances, load, parse_config
from supervice.models import HealthCheckConfig, HealthCheckType, ProgramConfig, SupervisorConfig
from tests.paths import ROOT

WEB = "[program:web]\ncommand = /bin/web\n"


@pytest.fixture
def conf(tmp_path: Path) -> Any:
    def read(content: str, **options: Any) -> Loaded:
        path = tmp_path / "x.conf"
        path.write_text(content)
        return load(str(path), **{"environ": {}, "cwd": "/start", **options})

    return read


def program(conf: Any, options: str, **more: Any) -> ProgramConfig:
    loaded = conf(f"{WEB}{options}\n", **more)
    assert loaded.problems == []
    [config] = loaded.config.programs
    assert isinstance(config, ProgramConfig)
    return config


def test_nothing_but_a_command(conf: Any) -> None:
    loaded = conf(WEB)
    assert loaded.config == SupervisorConfig(programs=[ProgramConfig("web", "/bin/web")])
    assert loaded.processes == [ProgramConfig("web", "/bin/web")]
    assert loaded.processes[0] is loaded.config.programs[0]
    assert (loaded.problems, loaded.given, loaded.dialect) == ([], frozenset(), "supervice")


def test_all_of_it(conf: Any) -> None:
    loaded = conf(
        """\
[supervice]
logfile = log/daemon.log
loglevel = debug
log_maxbytes = 1MB
log_backups = 3
log_compress = true
log_format = json
logfile_mode = 0600
log_overflow = drop
log_buffer = 128KB
pidfile = none
socket = /run/s.sock
socket_mode = 0660
socket_group = root
shutdown_timeout = 1m
exit_when_idle = false
on_fatal = shutdown
environment = A=1
env_file = all.env, /etc/more.env
umask = 027
termination_log = /tmp/why
user = root
minfds = 10
minprocs = 20
drain_delay = 5s
watch_config = true
log_rotate = daily
log_suffix = date
http = unix:probes.sock
http_user = ops
http_password = geheim
http_hosts = app app.local
http_probes = protected

[program:web]
command = /bin/web --port 80
autostart = no
autorestart = unexpected
exitcodes = 0,3
startsecs = 500ms
startretries = -1
backoff = 2
backoff_factor = 1.5
backoff_max = 1m
critical = true
stopsignal = SIGTERM:10 QUIT:5 KILL
stopwaitsecs = 20
stopasgroup = false
forward_signals = HUP USR1:HUP
directory = /srv
user = root:root
umask = 077
priority = 10
environment = B="x,y"
env_file = web.env
secrets = P=/run/secrets/p, Q=%(program_name)s.key
pass_environment = PATH, AWS_*
redirect_stderr = true
stdout_logfile = log/web.log
stdout_logfile_maxbytes = 10KB
stdout_logfile_backups = 2
stdout_logfile_compress = true
stderr_logfile_maxbytes = 0
stderr_logfile_backups = 0
stderr_logfile_compress = true
healthcheck_type = tcp
healthcheck_interval = 5
healthcheck_timeout = 500ms
healthcheck_retries = 2
healthcheck_start_period = 0
healthcheck_port = 80
healthcheck_host = ::1

[program:job]
command = job
main = true

[group:all-of-it]
programs = web, job
priority = 5
"""
    )
    assert [str(problem) for problem in loaded.problems] == []
    web = ProgramConfig(
        name="web",
        command="/bin/web --port 80",
        autostart=False,
        autorestart="unexpected",
        exitcodes=(0, 3),
        startsecs=0.5,
        startretries=-1,
        backoff=2,
        backoff_factor=1.5,
        backoff_max=60,
        critical=True,
        stopsignal="TERM:10 QUIT:5 KILL",
        stopwaitsecs=20,
        stopasgroup=False,
        killasgroup=False,
        forward_signals=((1, 1), (10, 1)),
        directory="/srv",
        user="root:root",
        umask=0o77,
        priority=10,
        environment={"B": "x,y"},
        env_file=("/start/web.env",),
        secrets={"P": "/run/secrets/p", "Q": "/start/web.key"},
        pass_environment=("PATH", "AWS_*"),
        redirect_stderr=True,
        stdout_logfile="/start/log/web.log",
        stdout_logfile_maxbytes=10240,
        stdout_logfile_backups=2,
        stdout_logfile_compress=True,
        stderr_logfile_maxbytes=0,
        stderr_logfile_backups=0,
        stderr_logfile_compress=True,
        healthcheck=HealthCheckConfig(
            type=HealthCheckType.TCP,
            interval=5,
            timeout=0.5,
            retries=2,
            start_period=0,
            port=80,
            host="::1",
        ),
        group="all-of-it",
        group_priority=5,
    )
    job = ProgramConfig("job", "job", main=True, autorestart=False, group="all-of-it", group_priority=5)
    assert loaded.config == SupervisorConfig(
        logfile="/start/log/daemon.log",
        loglevel="DEBUG",
        log_maxbytes=1048576,
        log_backups=3,
        log_compress=True,
        log_format="json",
        logfile_mode=0o600,
        log_overflow="drop",
        log_buffer=131072,
        pidfile="none",
        socket_path="/run/s.sock",
        socket_mode=0o660,
        socket_group="root",
        shutdown_timeout=60,
        exit_when_idle=False,
        on_fatal="shutdown",
        environment={"A": "1"},
        env_file=("/start/all.env", "/etc/more.env"),
        umask=0o27,
        termination_log="/tmp/why",
        user="root",
        minfds=10,
        minprocs=20,
        drain_delay=5,
        watch_config=True,
        log_rotate="daily",
        log_suffix="date",
        http="unix:/start/probes.sock",
        http_user="ops",
        http_password="geheim",
        http_hosts=("app", "app.local"),
        http_probes="protected",
        programs=[web, job],
    )
    stock_only = {"strip_ansi", "identifier", "log_on_stdout_too"}
    elsewhere = {"programs", "socket_path", "http_password_file", *stock_only}
    assert loaded.given == set(SupervisorConfig.__annotations__) - elsewhere | {"socket"}


def test_who_is_no_root_cannot_switch_users(conf: Any) -> None:
    text = "[supervice]\nuser = {}\n[program:a]\ncommand = x\nuser = {}\n[program:b]\ncommand = x\n"
    [problem] = conf(text.format("1", "2")).problems
    assert (problem.severity, problem.line, problem.option) == ("warning", 5, "user")
    assert "[program:a] user: supervice itself runs as 1 and cannot switch" in problem.message
    assert conf(text.format("1", "1")).problems == []
    assert conf(text.format("root", "2")).problems == []
    assert conf(text.format("0", "2")).problems == []


# -- percent signs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "command"),
    [
        ("date +%s", "date +%s"),
        ("date +%Y-%m-%d", "date +%Y-%m-%d"),
        ("x 100%", "x 100%"),
        ("x %%s %%%%", "x %s %%"),
        ("x %(program_name)s", "x web"),
        ("x %(group_name)s %(numprocs)d", "x web 1"),
        ("x %(process_num)02d %(process_num)d %(process_num)s", "x 00 0 00"),
        ("x %(ENV_HOME)s", "x /root"),
        ("x %(ENV_PERCENT)s", "x 50%(process_num)s"),
        ("x %(ENV_NOPE:-a default)s", "x a default"),
        ("x %(ENV_EMPTY:-full)s", "x full"),
        ("x %(ENV_EMPTY)s", "x"),
        ("x %(ENV_HOME:-no)s", "x /root"),
        ("printf '%(%Y)T'", "printf '%(%Y)T'"),
        ("x %(", "x %("),
        ("x %( y )s", "x %( y )s"),
        ("x %%(program_name)s", "x %(program_name)s"),
        ("x %(program_name)10s|", "x        web|"),
    ],
)
def test_percent_in_a_command(conf: Any, written: str, command: str) -> None:
    environ = {"HOME": "/root", "PERCENT": "50%(process_num)s", "EMPTY": ""}
    loaded = conf(f"[program:web]\ncommand = {written}\n", environ=environ)
    assert loaded.problems == []
    assert [p.command.rstrip() for p in loaded.processes] == [command]
    assert loaded.config.programs[0].command.rstrip() == command


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("%(proces_num)d", "did you mean 'process_num'?"),
        ("%(nonsense)s", "write one of group_name, here"),
        ("%(ENV_NOPE)s", "NOPE is not set"),
        ("%(program_name)d", "does not fit its value"),
        ("%(program_name)", "has no format; write %(program_name)s"),
        ("%(program_name)q", "has no format; write %(program_name)s"),
        ("%(process_num)9999d", "wider than 999"),
    ],
)
def test_unknown_names(conf: Any, written: str, words: str) -> None:
    [problem] = conf(f"[program:web]\n\ncommand = x {written}\n").problems
    assert words in problem.message
    assert (problem.line, problem.severity, problem.option) == (3, "error", "command")


def test_environment_of_the_file_is_known_to_later_options(conf: Any) -> None:
    loaded = conf(
        "[supervice]\nenvironment = A=one\n[program:web]\ncommand = x %(ENV_A)s %(ENV_B)s %(ENV_N)s\n"
        "environment = B=two,N=%(process_num)d,A2=%(ENV_A)s\nnumprocs = 2\n"
    )
    assert loaded.problems == []
    assert [p.command for p in loaded.processes] == ["x one two 0", "x one two 1"]
    assert loaded.processes[1].environment == {"B": "two", "N": "1", "A2": "one"}


def test_a_variable_arrives_whole_whatever_is_in_it(conf: Any) -> None:
    nasty = "a,b;c\"d'e\\f %(x)s %s ,B=2\n#"
    config = program(conf, "environment = A=%(ENV_X)s,B='%(ENV_X)s'", environ={"X": nasty})
    assert config.environment == {"A": nasty, "B": nasty}


def test_here_is_the_directory_of_the_file(conf: Any, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "inner.conf").write_text("[program:inner]\ncommand = %(here)s/run\n")
    loaded = conf("[include]\nfiles = d/*.conf\n[program:web]\ncommand = %(here)s/run\n")
    assert [p.command for p in loaded.processes] == [f"{tmp_path}/run", f"{tmp_path}/d/run"]


# -- processes -------------------------------------------------------------------------------------------


def test_numprocs(conf: Any) -> None:
    loaded = conf(
        "[program:web]\ncommand = x %(process_num)s %% %s\nnumprocs = 2\nnumprocs_start = 9\n"
        "stdout_logfile = /l/%(process_num)02d\n"
        "healthcheck_type = tcp\nhealthcheck_port = 80%(process_num)02d\n"
    )
    assert loaded.problems == []
    assert [p.name for p in loaded.processes] == ["web:09", "web:10"]
    assert [p.process_name for p in loaded.processes] == ["09", "10"]
    assert [p.command for p in loaded.processes] == ["x 09 % %s", "x 10 % %s"]
    assert [p.stdout_logfile for p in loaded.processes] == ["/l/09", "/l/10"]
    assert [p.healthcheck.port for p in loaded.processes] == [8009, 8010]
    assert {(p.program, p.numprocs, p.numprocs_start) for p in loaded.processes} == {("web", 1, 0)}
    [template] = loaded.config.programs
    assert (template.name, template.numprocs, template.numprocs_start) == ("web", 2, 9)
    assert [p.name for p in instances(template)] == ["web:09", "web:10"]
    assert [p.command for p in instances(template)] == ["x 09 % %s", "x 10 % %s"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("", ["web"]),
        ("numprocs = 2", ["web:00", "web:01"]),
        ("process_name = other", ["web:other"]),
        ("process_name = %(program_name)s", ["web"]),
        ("process_name = %(program_name)s_%(process_num)d\nnumprocs = 2", ["web:web_0", "web:web_1"]),
        ("[group:g]\nprograms = web", ["web"]),
        ("process_name = p%(process_num)d\n[group:g]\nprograms = web", ["g:p0"]),
        ("numprocs = 2\n[group:g]\nprograms = web", ["web:00", "web:01"]),
    ],
)
def test_names(conf: Any, options: str, names: list[str]) -> None:
    loaded = conf(f"{WEB}{options}\n")
    assert loaded.problems == []
    assert [p.name for p in loaded.processes] == names
    [template] = loaded.config.programs
    assert [p.name for p in instances(template)] == names


def test_instances_of_what_was_built_in_python() -> None:
    config = ProgramConfig(
        "web",
        "run %(process_num)s %(process_num)d %(process_num)03d %s %% %(other)s %(process_num)x",
        numprocs=2,
        environment={"N": "%(process_num)02d"},
        healthcheck=HealthCheckConfig(command="ask %(process_num)d"),
    )
    first, second = instances(config)
    assert first.command == "run 00 0 000 %s %% %(other)s %(process_num)x"
    assert second.name == "web:01"
    assert second.environment == {"N": "01"}
    assert second.healthcheck.command == "ask 1"
    assert instances(second) == [second]
    plain = ProgramConfig("one", "x 50% %s")
    assert instances(plain) == [plain]
    assert [p.command for p in instances(ProgramConfig("one", "x %(process_num)s"))] == ["x 00"]


# -- defaults of the daemon, paths -----------------------------------------------------------------------


def test_daemon_defaults(conf: Any) -> None:
    config = conf(WEB, daemon_defaults=True).config
    assert (config.logfile, config.pidfile, config.socket_path) == ("", "none", "")
    given = conf(
        f"[supervice]\nlogfile=/l\npidfile=/p\nsocket=/s\n{WEB}",
        daemon_defaults=True,
    ).config
    assert (given.logfile, given.pidfile, given.socket_path) == ("/l", "/p", "/s")


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/var/log/x", "/var/log/x"),
        ("x.log", "/start/x.log"),
        ("../x.log", "/x.log"),
        ("~/x.log", os.path.expanduser("~/x.log")),
        ("NONE", "NONE"),
        ("off", "NONE"),
        ("AUTO", None),
        ("/dev/stdout", None),
        ("/dev/fd/1", None),
        ("/proc/self/fd/1", None),
        ("/dev/stderr", "/dev/stderr"),
        ("/dev/fd/2", "/dev/stderr"),
        ("/dev/null", "/dev/null"),
    ],
)
def test_stdout_logfile(conf: Any, written: str, path: str | None) -> None:
    assert program(conf, f"stdout_logfile = {written}").stdout_logfile == path


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("", ""),
        ("/dev/stdout", ""),
        ("x.log", "/start/x.log"),
        ("none", "/dev/null"),
        ("/dev/stderr", "/dev/stderr"),
    ],
)
def test_logfile_of_the_daemon(conf: Any, written: str, path: str) -> None:
    assert conf(f"[supervice]\nlogfile = {written}\n").config.logfile == path


def test_parse_config_leaves_paths_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.conf").write_text(f"{WEB}directory = srv\nstdout_logfile = out.log\n")
    [config] = parse_config("x.conf").programs
    assert (config.directory, config.stdout_logfile) == ("srv", "out.log")


def test_parse_config_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        parse_config(str(tmp_path / "nope.conf"))
    path = tmp_path / "x.conf"
    path.write_text("[program:web]\nnumprocs = x\n[program:other]\n")
    with pytest.raises(ConfigValidationError) as caught:
        parse_config(str(path))
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).splitlines() == [
        f"{path}:1: [program:web] has no command; write command = PROGRAM ARGUMENTS",
        f"{path}:2: [program:web] numprocs = x: not a whole number; write digits",
        f"{path}:3: [program:other] has no command; write command = PROGRAM ARGUMENTS",
    ]
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3]


# -- what is wrong ---------------------------------------------------------------------------------------

WRONG = [
    ("[supervice]\nloglevell = x", 2, "[supervice]: unknown option 'loglevell'; did you mean 'loglevel'?"),
    ("[supervise]", 1, "unknown section [supervise]; did you mean 'supervice'?"),
    ("[Program:x]\ncommand=x", 1, "unknown section [Program:x]"),
    ("[supervice]\n[supervisord]", 2, "cannot stand beside [supervice]"),
    ("[supervice]\n[inet_http_server]\nport=1", 2, "is for stock supervisord files"),
    ("[supervice]\n[eventlistener:x]\ncommand=x", 2, "is for stock supervisord files"),
    ("[supervice]\n[fcgi-program:x]\ncommand=x", 2, "is for stock supervisord files"),
    ("[program:]\ncommand=x", 1, "no name; write [program:NAME]"),
    ("[program]\ncommand=x", 1, "no name; write [program:NAME]"),
    ("[program:a b]\ncommand=x", 1, "cannot hold ' '"),
    ("[program:a:b]\ncommand=x", 1, "cannot hold ':'"),
    ("[program:a/b]\ncommand=x", 1, "cannot hold '/'"),
    ("[program:a*]\ncommand=x", 1, "cannot hold '*'"),
    ("[program:x]\ncommand =", 2, "is empty"),
    ('[program:x]\ncommand = "x', 2, "no closing quotation"),
    ("[program:x]\ncommand = x\nnumprocs = 0", 3, "write 1 or more"),
    ("[program:x]\ncommand = x\nnumprocs = 999999999", 3, "more than 20000 processes"),
    ("[program:x]\ncommand = x\nstartsecs = soon", 3, "startsecs = soon: not a time"),
    ("[program:x]\ncommand = x\nstopsignal = NOPE", 3, "not a signal"),
    ("[program:x]\ncommand = x\nuser = no-such-user", 3, "user = no-such-user: the user does not exist here"),
    ("[program:x]\ncommand = x\nuser = 0:no-such-group", 3, "the group does not exist here"),
    ("[program:x]\ncommand = x\nuser = 0:", 3, "no group given"),
    ("[program:x]\ncommand = x\nuser = :0", 3, "no user given"),
    ("[program:x]\ncommand = x\nuser = 99999999999", 3, "too large"),
    ("[supervice]\nsocket_group = no-such-group", 2, "the group does not exist here"),
    ("[program:x]\ncommand = x\nprocess_name = a b", 3, "no name, or one with a blank, colon or slash"),
    ("[program:x]\ncommand = x\nprocess_name = a\nnumprocs = 2", 3, "must hold %(process_num)s"),
    (
        "[program:x]\ncommand = x\nhealthcheck_type = tcp",
        3,
        "healthcheck_type = tcp needs healthcheck_port; add it",
    ),
    (
        "[program:x]\ncommand = x\nhealthcheck_type = script",
        3,
        "healthcheck_type = script needs healthcheck_command; add it",
    ),
    (
        "[program:x]\ncommand = x\nhealthcheck_type = http",
        3,
        "healthcheck_type = http needs healthcheck_url; add it",
    ),
    ("[program:x]\ncommand = x\nhealthcheck_port = 80", 3, "has no effect without healthcheck_type"),
    ("[program:x]\ncommand = x\nmain = true\nnumprocs = 2", 3, "only one can be main"),
    (
        "[program:x]\ncommand = x\nmain = true\n[program:y]\ncommand = y\nmain = true",
        6,
        "x is the main program",
    ),
    ("[program:x]\ncommand = x\nenvironment = A=1,A=2", 3, "A is set twice"),
    ("[program:x]\ncommand = x\n[group:g]", 3, "names no program"),
    ("[program:x]\ncommand = x\n[group:g]\nprograms = y", 4, "there is no program 'y'"),
    (
        "[program:x]\ncommand = x\n[group:g]\nprograms = x\n[group:h]\nprograms = x",
        6,
        "is already in group g",
    ),
    (
        "[program:x]\ncommand = x\n[program:y]\ncommand = y\n[group:y]\nprograms = x",
        6,
        "has the name of a program",
    ),
    (
        "[program:x]\ncommand = x\n[program:x]\ncommand = x",
        3,
        "[program:x] appears twice; move these settings to ",
    ),
    ("[program:x]\ncommand = x\ncommand = y", 3, "twice"),
]


@pytest.mark.parametrize(("content", "line", "words"), WRONG)
def test_error(conf: Any, content: str, line: int, words: str) -> None:
    errors = conf(content + "\n").errors
    assert [problem.line for problem in errors if words in problem.message] == [line], errors
    assert len(errors) == 1, errors


def test_every_problem_at_once_in_the_order_of_the_files(conf: Any, tmp_path: Path) -> None:
    (tmp_path / "inner.conf").write_text("[program:i]\ncommand = i\nbad = 1\n")
    loaded = conf("[include]\nfiles = inner.conf\n[program:x]\nworse = 1\nnonsense\n[program:y]\n")
    assert [(Path(p.file).name, p.line) for p in loaded.problems] == [
        ("x.conf", 3),
        ("x.conf", 4),
        ("x.conf", 5),
        ("x.conf", 6),
        ("inner.conf", 3),
    ]


def test_warnings_are_no_errors(conf: Any) -> None:
    loaded = conf(
        f"{WEB}redirect_stderr = true\nstderr_logfile = /x\n[supervisorctl]\nserverurl = x\n"
        '[program:b]\ncommand = x "a ;b" ; "\n'
    )
    assert {problem.severity for problem in loaded.problems} <= {"warning", "error"}
    assert [p.line for p in loaded.problems if p.severity == "warning"] == [4, 5, 8]


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ("stdout_logfile = /x", ["stdout_logfile"]),
        ("stdout_logfile = /x-%(process_num)02d", []),
        ("stdout_logfile = /x\nstderr_logfile = /%(process_num)d", ["stdout_logfile"]),
        ("stdout_logfile = /x\nstderr_logfile = /y", ["stdout_logfile", "stderr_logfile"]),
        ("stdout_logfile = NONE\nstderr_logfile = /dev/stdout", []),
    ],
)
@pytest.mark.parametrize("numprocs", [1, 3])
def test_processes_that_share_a_file_by_accident(
    conf: Any, options: str, warned: list[str], numprocs: int
) -> None:
    """Their lines stay whole in it (tests/process/output/test_router.py), but they do not say whose they are."""
    loaded = conf(f"{WEB}numprocs = {numprocs}\n{options}\n")
    assert [p.option for p in loaded.problems] == (warned if numprocs > 1 else [])
    assert {p.severity for p in loaded.problems} <= {"warning"}


@pytest.mark.parametrize(
    "options",
    [
        "environment = A=hunter2,B",
        "environment = A='hunter2",
        "environment = A=hunter2,A=hunter2",
        "environment = A=hunter2%(nope)s",
        "secrets = A=",
        "secrets = A=hunter2,hunter2",
        "user = %(ENV_SECRET)s",
        "numprocs = %(ENV_SECRET)s",
        "stopsignal = %(ENV_SECRET)s",
        "healthcheck_headers = hunter2",
    ],
)
def test_secrets_are_not_echoed(conf: Any, options: str) -> None:
    errors = conf(f"{WEB}{options}\n", environ={"SECRET": "hunter2"}).errors
    assert errors
    assert "hunter2" not in "".join(map(str, errors))


def test_the_usual_file_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text(
        f"[supervice]\nenvironment = A=1\n{WEB}user = 0\nhealthcheck_type = none\n"
    )
    code = (
        "import sys\nfrom supervice.config import load\n"
        f"assert not load({str(tmp_path / 'x.conf')!r}).problems\n"
        "print(*sys.modules)"
    )
    run = [sys.executable, "-S", "-c", code]
    root = str(ROOT)
    done = subprocess.run(run, check=True, capture_output=True, text=True, cwd=root)
    heavy = "typing dataclasses re shlex configparser logging subprocess asyncio pathlib glob fnmatch difflib"
    assert {*heavy.split(), "json"} & set(done.stdout.split()) == set()


def test_files_of_the_environment_vary_with_the_number(conf: Any) -> None:
    loaded = conf(
        f"{WEB}numprocs = 2\nenv_file = a.env %(process_num)02d.env\nsecrets = S=/s/%(process_num)d\n"
    )
    assert [(c.env_file, c.secrets) for c in loaded.processes] == [
        (("/start/a.env", "/start/00.env"), {"S": "/s/0"}),
        (("/start/a.env", "/start/01.env"), {"S": "/s/1"}),
    ]
    built = ProgramConfig(
        "a", "x", numprocs=2, env_file=("%(process_num)02d.env",), secrets={"S": "%(process_num)d"}
    )
    assert [(c.env_file, c.secrets) for c in instances(built)] == [
        (("00.env",), {"S": "0"}),
        (("01.env",), {"S": "1"}),
    ]


def test_dependencies_that_cannot_work_are_said_with_their_line(conf: Any) -> None:
    loaded = conf(
        f"{WEB}depends_on = dbb\n"
        "[program:db]\ncommand = x\nnumprocs = 2\n"
        "[program:a]\ncommand = x\ndepends_on = db:healthy, b:completed\n"
        "[program:b]\ncommand = x\ndepends_on = c\n"
        "[program:c]\ncommand = x\ndepends_on =\n  b:ready\n"
        "[program:d]\ncommand = x\ndepends_on = d, web:up\n"
        "[program:e]\ndepends_on = web, d\n"
    )
    found = [(p.line, p.option, p.message.partition("]")[2].strip(" :")) for p in loaded.errors]
    assert found == [
        (3, "depends_on", "depends_on: there is no program 'dbb'; did you mean 'db'?"),
        (9, "depends_on", "depends_on: db:healthy never holds: db has no health check; add one there"),
        (
            9,
            "depends_on",
            "depends_on: b:completed never holds: b is no oneshot; set type = oneshot there",
        ),
        (
            12,
            "depends_on",
            "depends_on: b -> c -> b is a cycle, none of these can be first; remove one of them",
        ),
        (
            19,
            "depends_on",
            "depends_on = d, web:up: unknown condition after the colon; write started, ready, healthy or completed",
        ),
        (20, "", "has no command; write command = PROGRAM ARGUMENTS"),
    ]


def test_dependencies_reach_every_process(conf: Any) -> None:
    loaded = conf(
        f"{WEB}numprocs = 2\ndepends_on = db%(process_num)s:healthy, job:completed\n"
        "[program:db00]\ncommand = x\nhealthcheck_type = script\nhealthcheck_command = true\n"
        "[program:db01]\ncommand = x\nhealthcheck_type = script\nhealthcheck_command = true\n"
        "[program:job]\ncommand = x\ntype = oneshot\n"
    )
    assert loaded.problems == []
    assert [p.depends_on for p in loaded.processes[:2]] == [
        (("db00", "healthy"), ("job", "completed")),
        (("db01", "healthy"), ("job", "completed")),
    ]


@pytest.mark.parametrize("option", ["log_maxbytes", "stdout_logfile_maxbytes", "stderr_logfile_maxbytes"])
@pytest.mark.parametrize(("value", "fine"), [("0", True), ("4KB", True), ("4095", False), ("1", False)])
def test_a5_a_log_file_is_not_rotated_all_the_time(conf: Any, option: str, value: str, fine: bool) -> None:
    section = "[supervice]" if option == "log_maxbytes" else "[supervice]\n[program:web]\ncommand = x"
    loaded = conf(f"{section}\n{option} = {value}\n")
    messages = [problem.message for problem in loaded.errors]
    assert bool(messages) != fine
    if not fine:
        assert messages[0].endswith("write 4KB or more, or 0 for never")
        assert loaded.errors[0].option == option


@pytest.mark.parametrize("option", ["log_backups", "stdout_logfile_backups", "stderr_logfile_backups"])
@pytest.mark.parametrize(
    ("value", "fine"), [("0", True), ("1000", True), ("1001", False), ("999999999", False)]
)
def test_a6_a_log_has_a_thousand_backups_at_most(conf: Any, option: str, value: str, fine: bool) -> None:
    section = "[supervice]" if option == "log_backups" else "[supervice]\n[program:web]\ncommand = x"
    loaded = conf(f"{section}\n{option} = {value}\n")
    messages = [problem.message for problem in loaded.errors]
    assert bool(messages) != fine
    assert all(message.endswith("write 1000 or less") for message in messages)


@pytest.mark.parametrize(("mode", "fine"), [("0640", True), ("600", True), ("4755", False), ("640x", False)])
def test_the_mode_of_log_files_is_permissions_only(conf: Any, mode: str, fine: bool) -> None:
    loaded = conf(f"[supervice]\nlogfile_mode = {mode}\n[program:web]\ncommand = x\nlogfile_mode = {mode}\n")
    assert len(loaded.errors) == (0 if fine else 2)
    if fine:
        assert loaded.config.logfile_mode == loaded.processes[0].logfile_mode == int(mode, 8)


def test_every_unknown_variable_of_a_value_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text(
        "[supervice]\n[program:a]\ncommand = x %(ENV_A)s %(ENV_B)s %(ENV_A)s %(hre)s\n"
        "environment = C=%(ENV_C)s,D=%(ENV_D)s\n"
    )
    found = [
        (p.line, p.message.partition(": ")[2].partition(";")[0]) for p in load(str(path), environ={}).problems
    ]
    assert found == [
        (3, "the environment variable A is not set"),
        (3, "the environment variable B is not set"),
        (3, "unknown name %(hre)s"),
        (4, "the environment variable C is not set"),
        (4, "the environment variable D is not set"),
    ]


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("supervice", "socket = {path}"),
        ("supervice", "http = unix:{path}"),
        ("supervice", "[program:a]\ncommand = x\nready = unix:{path}"),
        ("supervisord", "[unix_http_server]\nfile = {path}"),
    ],
)
def test_a_path_that_no_socket_can_have_is_an_error(tmp_path: Path, dialect: str, text: str) -> None:
    path = tmp_path / "x.conf"
    longest = f"/{'x' * 106}"
    path.write_text(f"[{dialect}]\n{text.format(path=longest)}\n")
    assert load(str(path), environ={}).errors == []
    path.write_text(f"[{dialect}]\n{text.format(path=longest + 'x')}\n")
    (problem,) = load(str(path), environ={}).errors
    assert problem.message.endswith("its path has 108 bytes, a Unix socket at most 107; write a shorter one")
