"""Stock supervisord files: its defaults, what it tolerates, and what is deliberately different here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervice.config import Loaded, load
from supervice.models import ListenerConfig, ProgramConfig, SocketConfig, SupervisorConfig

HEAD = "[supervisord]\n"
WEB = f"{HEAD}[program:web]\ncommand=/bin/web\n"


@pytest.fixture
def conf(tmp_path: Path) -> Any:
    def read(content: str, **options: Any) -> Loaded:
        path = tmp_path / "x.conf"
        path.write_bytes(content.encode(errors="surrogateescape"))
        loaded = load(str(path), **{"environ": {}, "cwd": "/start", **options})
        assert loaded.dialect == "supervisord"
        return loaded

    return read


def test_defaults_are_supervisords(conf: Any) -> None:
    loaded = conf(WEB)
    assert loaded.problems == []
    program = ProgramConfig("web", "/bin/web", autorestart="unexpected", stdin="pipe")
    # it stays when nothing runs: many images start programs there that go into the background
    assert loaded.config == SupervisorConfig(
        exit_when_idle=False, logfile_mode=0o644, minfds=1024, log_on_stdout_too=True, programs=[program]
    )


def test_supervisord_section(conf: Any) -> None:
    loaded = conf(
        HEAD + "logfile=/var/log/s.log\nlogfile_maxbytes=1MB\nlogfile_backups=2\nloglevel=blather\n"
        'pidfile=s.pid\nenvironment=A="1",B="x,y"\numask=027\nnodaemon=true\nminfds=1024\n'
    )
    assert loaded.problems == []
    config = loaded.config
    assert (config.logfile, config.log_maxbytes, config.log_backups) == ("/var/log/s.log", 1048576, 2)
    assert (config.loglevel, config.pidfile, config.umask) == ("DEBUG", "/start/s.pid", 0o27)
    assert config.logfile_mode == 0o640
    assert config.environment == {"A": "1", "B": "x,y"}
    assert loaded.given == {
        "logfile",
        "log_maxbytes",
        "log_backups",
        "loglevel",
        "pidfile",
        "environment",
        "umask",
        "minfds",
    }
    assert (config.minfds, config.minprocs, config.user) == (1024, None, None)


def test_silent_is_no_log_on_stdout(conf: Any) -> None:
    assert conf(HEAD + "silent=true\n").config.logfile == "/dev/null"
    assert conf(HEAD + "silent=true\nlogfile=/var/log/s.log\n").config.logfile == "/var/log/s.log"
    assert "logfile" not in conf(HEAD + "silent=false\n").given


@pytest.mark.parametrize(
    ("content", "command"),
    [
        ("[program: web]\ncommand=a", "a"),
        ("[program:web] text\ncommand=a", "a"),
        ("[program:web]\r\ncommand=a\r\n", "a"),
        ("[program:web]\ncommand=a\n  b\n\tc", "a\nb\nc"),
        ("[program:web]\ncommand=a\ncommand=b", "b"),
        ("[program:web]\ncommand=a\n[program:web]\ncommand=b", "b"),
        ("[program:web]\ncommand=a ; no", "a"),
        ("[program:web]\ncommand=a;b #no", "a;b"),
        ("[program:web]\ncommand: a=b", "a=b"),
        ("[program:web]\nCOMMAND=a", "a"),
        ("[program:web]\ncommand=date +%%s", "date +%s"),
        ("[program:web]\ncommand=date +%s", "date +%s"),
        ("[program:web]\ncommand=x %(process_num)s", "x 0"),
        ("[program:web]\ncommand=x \udce9", "x \udce9"),
        ('[program:web]\ncommand=x "open', 'x "open'),
        ("[program:web]\ncommand=", ""),
    ],
)
def test_what_supervisord_tolerates(conf: Any, content: str, command: str) -> None:
    loaded = conf(f"{HEAD}{content}\n")
    assert loaded.errors == []
    assert [p.command for p in loaded.processes] == [command]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("comand=x", "did you mean 'command'"),
        ("command=x %s", "a bare % is literal here"),
        ("user=no-such-user", "the user does not exist here"),
        ("stdout_syslog=true", "has no effect"),
        ("stdout_logfile=syslog", "has no effect"),
        ("depends_on=db", "add a [supervice] section"),
        ("startsecs=-1", "counts as 0"),
        ("redirect_stderr=true\nstderr_logfile=/x", "stderr_logfile has no effect"),
        ("[supervisord]\nnodaemon=false", "always stays in the foreground"),
        ("[supervisord]\nchildlogdir=/tmp", "no AUTO log files"),
        ("[supervisrod]", "unknown section"),
        ("[rpcinterface:other]", "plug-ins are not loaded"),
        ("[include]\nfiles=nothing/*.conf", "nothing matches"),
    ],
)
def test_what_has_no_effect_is_one_warning(conf: Any, option: str, words: str) -> None:
    loaded = conf(f"{WEB}{option}\n")
    assert [p.severity for p in loaded.problems] == ["warning"], loaded.problems
    assert words in loaded.problems[0].message
    assert len(loaded.processes) == 1


@pytest.mark.parametrize(
    "option",
    ["stdout_capture_maxbytes=0", "stdout_events_enabled=false", "serverurl=AUTO", "stderr_syslog=false"],
)
def test_what_asks_for_what_is_anyway_is_no_warning(conf: Any, option: str) -> None:
    assert conf(f"{WEB}{option}\n").problems == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[program:web]\nautostart=true", "has no command"),
        ("[program:a b]\ncommand=x", "cannot hold"),
        ("[program:web]\ncommand=%(nope)s", "unknown name"),
        ("[program:web]\ncommand=%(ENV_X)s", "X is not set"),
        ("[program:web]\ncommand=x\nenvironment=WORD", "KEY=value"),
        ("[program:web]\ncommand=x\nnumprocs=2", "must hold %(process_num)s"),
        ("[program:web]\ncommand=x\nautorestart=never", "write true, false or unexpected"),
        ("[program:web]\ncommand=x\nstopasgroup=true\nkillasgroup=false", "cannot stand beside"),
        ("[program:web]\ncommand=x\nexitcodes=256", "from 0 to 255"),
        ("[group:g]\nprograms=nope", "no program 'nope'"),
        ("[eventlistener:l]\ncommand=x", "names no events"),
        ("[eventlistener:l]\ncommand=x\nevents=NOPE", "unknown event type"),
        ("[eventlistener:l]\ncommand=x\nevents=PROCESS_STATES", "did you mean 'process_state'"),
        ("[eventlistener:l]\ncommand=x\nevents=TICK_5\nredirect_stderr=true", "disturb"),
        ("[fcgi-program:f]\ncommand=x", "socket: no address"),
        ("[fcgi-program:f]\ncommand=x\nsocket=tcp://a:0", "socket: no address"),
        ("[fcgi-program:f]\ncommand=x\nsocket=unix://s", "socket: no address"),
        ("[fcgi-program:f]\ncommand=x\nsocket=unix:///" + "s" * 107, "longer than 107"),
        ("[fcgi-program:f]\ncommand=x\nsocket=tcp://a:1\nsocket_mode=0700", "unix:// sockets only"),
        ("[inet_http_server]\nport=$PORT", "no port number"),
        ("[inet_http_server]\nport=:1\nusername=x", "only one of username and password"),
        ("[unix_http_server]\nchmod=0700", "has no file"),
        ("[include]\nother=1", "has no option 'files'"),
    ],
)
def test_what_supervisord_refuses_is_an_error(conf: Any, content: str, words: str) -> None:
    errors = conf(f"{HEAD}{content}\n").errors
    assert len(errors) == 1, errors
    assert words in errors[0].message


@pytest.mark.parametrize(
    ("options", "stop", "kill"),
    [
        ("", True, True),
        ("stopasgroup=false", False, False),
        ("stopasgroup=true", True, True),
        ("stopasgroup=false\nkillasgroup=true", False, True),
        ("killasgroup=false", True, False),
    ],
)
def test_the_whole_group_unless_it_is_written_out(conf: Any, options: str, stop: bool, kill: bool) -> None:
    [program] = conf(f"{WEB}{options}\n").processes
    assert (program.stopasgroup, program.killasgroup) == (stop, kill)


def test_what_supervisord_expands_twice(conf: Any) -> None:
    loaded = conf(
        HEAD + "environment=A=%%(here)s\n[program:web]\ncommand=x\nstdout_logfile=/l/%%(program_name)s\n"
        "stderr_logfile=/l/%(ENV_X)s\n",
        environ={"X": "%(group_name)s"},
    )
    assert loaded.problems == []
    [program] = loaded.processes
    assert (program.stdout_logfile, program.stderr_logfile) == ("/l/web", "/l/web")
    assert "%" not in loaded.config.environment["A"]


def test_groups(conf: Any) -> None:
    loaded = conf(
        HEAD + "[program:a]\ncommand=a\n[program:b]\ncommand=b\nnumprocs=2\npriority=3\n"
        "process_name=%(group_name)s_%(process_num)02d\n[group:one]\nprograms=a, b\npriority=7\n"
        "[group:two]\nprograms=b\n"
    )
    assert loaded.problems == []
    assert [
        (p.name, p.group, p.process_name or p.name, p.priority, p.group_priority) for p in loaded.processes
    ] == [
        ("a", "one", "a", 999, 7),
        ("one:one_00", "one", "one_00", 3, 7),
        ("one:one_01", "one", "one_01", 3, 7),
        ("two:two_00", "two", "two_00", 3, 999),
        ("two:two_01", "two", "two_01", 3, 999),
    ]


def test_the_last_of_two_processes_with_one_name_wins(conf: Any) -> None:
    loaded = conf(
        HEAD + "[program:a]\ncommand=a\nprocess_name=x\n[program:b]\ncommand=b\nprocess_name=x\n"
        "[group:g]\nprograms=a,b\n"
    )
    assert [p.severity for p in loaded.problems] == ["warning"]
    assert [(p.name, p.command) for p in loaded.processes] == [("g:x", "b")]


def test_the_user_of_supervisord_is_the_programs_user(conf: Any) -> None:
    loaded = conf("[supervisord]\nuser=nobody\n[program:a]\ncommand=a\n[program:b]\ncommand=b\nuser=daemon\n")
    assert [p.user for p in loaded.processes] == ["nobody", "daemon"]
    assert conf("[supervisord]\nuser=root\n[program:a]\ncommand=a\n").processes[0].user is None


def test_listeners_sockets_and_servers_are_read(conf: Any) -> None:
    loaded = conf(
        HEAD + "[eventlistener:l]\ncommand=listen\nevents=PROCESS_STATE,tick_5,TICK_5\nbuffer_size=5\n"
        "numprocs=2\nprocess_name=l%(process_num)d\n"
        "[eventlistener:m]\ncommand=listen\nevents=EVENT\npriority=7\nstdout_logfile=/l\n"
        "[fcgi-program:f]\ncommand=f\nsocket=tcp://localhost:9\n"
        "[fcgi-program:u]\ncommand=f\nsocket=unix:///run/%(program_name)s.sock\nsocket_mode=0770\n"
        "socket_owner=nobody\nsocket_backlog=9\n"
        "[unix_http_server]\nfile=/s\nchmod=0770\n[inet_http_server]\nport=*:9001\nusername=u\npassword=p\n"
    )
    assert loaded.errors == []
    assert {p.name: p.listener for p in loaded.processes if p.listener} == {
        "l:l0": ListenerConfig(("PROCESS_STATE", "TICK_5"), 5),
        "l:l1": ListenerConfig(("PROCESS_STATE", "TICK_5"), 5),
        "m": ListenerConfig(("EVENT",), 10),
    }
    assert {p.name: p.priority for p in loaded.processes} == {
        "l:l0": -1,
        "l:l1": -1,
        "m": 7,
        "f": 999,
        "u": 999,
    }
    assert {p.name: p.socket for p in loaded.processes if p.socket} == {
        "f": SocketConfig("tcp://localhost:9"),
        "u": SocketConfig("unix:///run/u.sock", "nobody", 0o770, 9),
    }
    assert [p.name for p in loaded.config.programs] == ["f", "u", "l", "m"]
    assert all(p.listener or p.socket for p in loaded.config.programs)
    unix, inet = loaded.servers
    assert (unix.file, unix.chmod) == ("/s", 0o770)
    assert (inet.host, inet.port, inet.username, inet.password) == ("", 9001, "u", "p")


def test_an_event_of_a_plugin_is_a_warning(conf: Any) -> None:
    """supervisord loads plug-ins before it looks at listeners, so that they can bring events of their own."""
    loaded = conf(
        HEAD + "[rpcinterface:supervisor]\na=b\n[rpcinterface:twiddler]\na=b\n"
        "[eventlistener:l]\ncommand=x\nevents=TWIDDLED,TICK_5\n"
    )
    assert loaded.errors == []
    assert any("TWIDDLED is an event of a plug-in" in problem.message for problem in loaded.problems)
    assert loaded.processes[0].listener == ListenerConfig(("TICK_5",), 10)


def test_output_as_events_and_identity_are_read(conf: Any) -> None:
    loaded = conf(
        "[supervisord]\nstrip_ansi=true\nidentifier=me\n[program:web]\ncommand=x\nstdout_events_enabled=true\n"
        "stdout_capture_maxbytes=1MB\n"
    )
    assert loaded.problems == []
    assert (loaded.config.strip_ansi, loaded.config.identifier) == (True, "me")
    web = loaded.processes[0]
    assert (web.stdout_events_enabled, web.stdout_capture_maxbytes) == (True, 1024 * 1024)
    assert (web.stderr_events_enabled, web.stderr_capture_maxbytes) == (False, 0)


def test_an_open_port_without_password_is_a_warning(conf: Any) -> None:
    words = "open to the network"
    for port, warned in ((":9001", True), ("0.0.0.0:9001", True), ("127.0.0.1:9001", False)):
        loaded = conf(f"{HEAD}[inet_http_server]\nport={port}\n")
        assert any(words in p.message for p in loaded.problems) is warned, port


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ("chmod=0777", True),
        ("chmod=0702", True),
        ("chmod=0770", False),
        ("", False),
        ("chmod=0777\nusername=u\npassword=p", False),
    ],
)
def test_a_socket_that_everyone_may_use_is_a_warning(conf: Any, options: str, warned: bool) -> None:
    loaded = conf(f"[supervisord]\n[unix_http_server]\nfile=/s\n{options}\n")
    said = [problem for problem in loaded.problems if "every user" in problem.message]
    assert [problem.option for problem in said] == (["chmod"] if warned else [])


def test_passwords_are_not_echoed(conf: Any) -> None:
    loaded = conf(f"{HEAD}[inet_http_server]\nport=1\nusername=u\npassword=%(ENV_hunter)s hunter2%\n")
    assert "hunter2" not in "".join(map(str, loaded.problems))


def test_rotation_without_bounds_is_bounded_and_said(conf: Any) -> None:
    """A stock file runs as it is; the daemon's loop is not held for it (A5, A6)."""
    loaded = conf(
        "[supervisord]\nlogfile=/var/log/s.log\nlogfile_maxbytes=100\nlogfile_backups=5000000\n"
        "[program:web]\ncommand=/bin/web\nstdout_logfile_maxbytes=1\nstdout_logfile_backups=1001\n"
    )
    assert loaded.errors == []
    assert (loaded.config.log_maxbytes, loaded.config.log_backups) == (4096, 1000)
    program = loaded.processes[0]
    assert (program.stdout_logfile_maxbytes, program.stdout_logfile_backups) == (4096, 1000)
    assert [(p.severity, p.line) for p in loaded.problems] == [("warning", n) for n in (3, 4, 7, 8)]
    for problem in loaded.problems:
        assert "is taken; write" in problem.message


@pytest.mark.parametrize(
    ("written", "values", "cut"),
    [
        ("PW=secret!", {"PW": "secret"}, ["PW"]),
        ("PW=abc$", {"PW": "abc"}, ["PW"]),
        ("PW=abc#def", {"PW": "abc"}, ["PW"]),
        ("A=x! B=2", {"A": "x", "B": "2"}, ["A"]),
        ('PW="secret!",B=a/b', {"PW": "secret!", "B": "a/b"}, []),
        ('PW="a#b!"', {"PW": "a#b!"}, []),
        ("A=1,B=2", {"A": "1", "B": "2"}, []),
    ],
)
def test_r6_a_value_that_supervisord_cuts_is_cut_and_named(
    conf: Any, written: str, values: dict[str, str], cut: list[str]
) -> None:
    text = f"{WEB}environment={written}\n"
    loaded = conf(text)
    assert loaded.processes[0].environment == values
    said = [problem for problem in loaded.problems if "is cut where supervisord cuts it" in str(problem)]
    assert len(said) == len(cut)
    for key, problem in zip(cut, said, strict=True):
        assert f"x.conf:4: [program:web] environment: {key} is cut" in str(problem)
        assert "secret" not in str(problem)


def test_s6_a_stock_file_asks_for_supervisords_descriptors(conf: Any) -> None:
    assert conf(WEB).config.minfds == 1024
    assert "minfds" not in conf(WEB).given
    assert conf(f"{HEAD}minfds=100\n[program:web]\ncommand=x\n").config.minfds == 100
