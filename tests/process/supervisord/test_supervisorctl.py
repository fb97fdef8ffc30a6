"""The real supervisorctl against our daemon, and beside the real supervisord."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import pytest
from supervisor.xmlrpc import SupervisorTransport

from supervice.core import Supervisor
from tests.eventually import eventually
from tests.ports import free_port
from tests.process.harness.supervisorctl import HEAD, SUPERVICE, SUPERVISORD, Stock, comparable

Daemon = Callable[..., Stock]

PROGRAMS = """\
[program:cat]
command=cat /dev/zero /dev/null --
autostart=false
[program:sleeper]
command=sleep 1000
startsecs=0
stdout_logfile={dir}/sleeper.log
[program:once]
command=sh -c 'echo said it; echo an error >&2'
startsecs=0
autorestart=false
stdout_logfile={dir}/once.log
stderr_logfile={dir}/once.err
[program:quick]
command=false
autostart=false
startretries=0
startsecs=1
[program:missing]
command=/nonexistent/program
autostart=false
[program:text]
command={dir}/supervisord.conf
autostart=false
[program:many]
command=sleep 1000
startsecs=0
numprocs=2
process_name=%(program_name)s_%(process_num)02d
[program:a]
command=sleep 1001
startsecs=0
priority=5
stdout_logfile={dir}/a.log
[program:b]
command=sleep 1001
startsecs=0
redirect_stderr=true
stdout_logfile={dir}/b.log
[group:g]
programs=a,b
priority=7
"""

# What is asked of both daemons, in this order. Not among it: the words for a program that failed, which are
# ours; and what `clear` does to a program that does not run, which is nothing there.
SCRIPT = """\
version
status
status g:*
status g:a sleeper
status nope
status nope:*
status nope:a
start sleeper
start nope
start nope:*
start missing
start text
start quick
stop quick
start quick
stop sleeper
stop sleeper
status sleeper
start sleeper
restart sleeper
restart g:*
stop g:a
stop g:*
start g:*
stop g:a g:b
start g:b
start g:a g:b
restart many:many_00 g:a
stop many:*
start many:*
stop nope
stop nope:*
restart nope
signal HUP nope
signal NOPE sleeper
signal CONT sleeper
signal 18 sleeper
signal SIGCONT g:*
signal CONT quick
signal CONT nope:*
signal CONT all
pid nope
pid quick
tail once
tail -3 once
tail once stderr
tail once nonsense
tail b stderr
tail nope
tail g:a
clear once
clear nope
clear all
avail
reread
update
add sleeper
add nope
remove sleeper
remove nope
stop sleeper
remove sleeper
remove sleeper
status sleeper
start sleeper
reread
add sleeper
status sleeper
update nope
update all
stop all
status once
status g:*
start g:*
stop all
fg nope
nonsense
reload nonsense
shutdown nonsense
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made: list[Stock] = []

    def make(text: str, program: list[str] = SUPERVICE, head: str = HEAD) -> Stock:
        one = Stock(tmp_path / str(len(made)), text, program, head)
        made.append(one)
        one.wait()
        return one

    yield make
    for one in made:
        one.tell_to_stop()
    for one in made:
        one.wait_stopped()


def script(pair: list[Stock], lines: str) -> list[str]:
    """Where the two do not say the same."""

    def asked(one: Stock, line: str) -> str:
        out, code = one.ctl(*line.split())
        # in the order in which processes came to rest, which is chance there
        lines = sorted(out.splitlines()) if line.startswith(("start", "stop", "restart")) else [out]
        return comparable("\n".join([*lines, f"exit code {code}"]), one.directory)

    different = []
    with ThreadPoolExecutor(2) as pool:
        for line in lines.splitlines():
            ours, theirs = pool.map(asked, pair, [line] * 2)
            if ours != theirs:
                different.append(f"$ {line}\n{ours}\n--- supervisord says\n{theirs}")
    return different


def test_the_same_as_with_supervisord(daemon: Daemon) -> None:
    pair = [daemon(PROGRAMS, SUPERVICE), daemon(PROGRAMS, SUPERVISORD)]
    for one in pair:
        one.wait_status("once +EXITED")
    different = script(pair, SCRIPT)
    assert not different, "\n\n".join(different)
    ours, theirs = map(everything, pair)
    assert ours == theirs


def everything(one: Stock, name: str = "g:a") -> dict[str, Any]:
    """The names of methods, and the fields with their types of what is said about processes."""
    transport = SupervisorTransport(None, None, serverurl=f"unix://{one.socket}")
    try:
        server: Any = ServerProxy("http://127.0.0.1", transport=transport)
        names = server.system.listMethods()
        config = server.supervisor.getAllConfigInfo()
        return {
            "methods": names,
            "signatures": {name: server.system.methodSignature(name) for name in names},
            "info": {key: type(value) for key, value in server.supervisor.getProcessInfo(name).items()},
            "config": [
                (c["name"], sorted((key, type(value)) for key, value in c.items() if key != "directory"))
                for c in config
            ],
            "values": [
                [
                    c[key]
                    for key in (
                        "name",
                        "stdout_logfile_maxbytes",
                        "stopsignal",
                        "exitcodes",
                        "uid",
                        "startsecs",
                        "serverurl",
                        "directory",
                        "process_prio",
                    )
                ]
                for c in config
            ],
        }
    finally:
        transport.close()


CHANGED = (
    PROGRAMS.replace("sleep 1000", "sleep 999")
    .replace("programs=a,b", "programs=b")
    .replace("[program:quick]", "[program:fresh]")
    .replace("numprocs=2", "numprocs=3")
)


def test_a_changed_file_as_with_supervisord(daemon: Daemon) -> None:
    pair = [daemon(PROGRAMS, SUPERVICE), daemon(PROGRAMS, SUPERVISORD)]
    for one in pair:
        one.wait_status("once +EXITED")
        one.write(CHANGED)
    assert script(pair, "reread\navail\nupdate many\nreread\nstatus g:*\nupdate\nreread\navail") == []
    for one in pair:
        one.wait_status("a +RUNNING")
        assert "fresh" in one.ctl("status")[0]
        assert "quick" not in one.ctl("status")[0]
        assert one.ctl("status")[0].count("many:many_") == 3
        one.write("[program:x]\nautostart=true\n")
    for one in pair:
        out, code = one.ctl("reread")
        assert (out.startswith("ERROR: CANT_REREAD: "), code) == (True, 1)
        assert one.ctl("update")[1] == 1
        one.write(PROGRAMS + "[program:last]\ncommand=sleep 9\n")
    assert script(pair, "reread\nupdate last\nupdate\nupdate\nreread") == []


def test_reload_restarts_all_and_the_daemon_stays(daemon: Daemon) -> None:
    one = daemon(PROGRAMS)
    one.ctl("stop", "many:*")
    before = one.ctl("pid", "sleeper")[0]
    one.write(PROGRAMS + "[program:added]\ncommand=sleep 5000\nstartsecs=0\n")
    assert one.ctl("reload") == ("Restarted supervisord\n", 0)
    one.wait_status("added +RUNNING")
    one.wait_status("many:many_01 +RUNNING")
    one.wait_status("sleeper +RUNNING")
    assert one.ctl("pid", "sleeper")[0] not in (before, "0\n")
    assert int(one.ctl("pid")[0]) == one.process.pid
    one.write("[program:x]\n")
    out, code = one.ctl("reload")
    assert "CANT_REREAD" in out
    assert code == 1
    assert one.ctl("status", "sleeper")[1] == 0


def test_shutdown(daemon: Daemon) -> None:
    one = daemon(PROGRAMS)
    assert one.ctl("shutdown") == ("Shut down\n", 0)
    assert one.process.wait(20) == 0
    assert not one.socket.exists()


TALKER = """\
[program:talker]
command=sh -c 'n=0; while :; do n=$((n+1)); echo line $n; echo error $n >&2; sleep 0.05; done'
startsecs=0
[program:filed]
command=sh -c 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done'
stdout_logfile={dir}/filed.log
"""


def follow(one: Stock, *words: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        one.command(*words), stdout=subprocess.PIPE, text=True, env=env, cwd=one.directory
    )


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        (["tail", "-f", "talker"], r"line \d+"),
        (["tail", "-f", "talker", "stderr"], r"error \d+"),
        (["tail", "-f", "filed"], r"line \d+"),
        (["maintail", "-f"], r"talker: (running|stopped)"),
    ],
)
def test_following(daemon: Daemon, words: list[str], pattern: str) -> None:
    one = daemon(TALKER, head=HEAD.replace("logfile={dir}/main.log", "logfile=/dev/stdout"))
    client = follow(one, *words)
    try:
        assert client.stdout is not None
        seen = 0
        for line in client.stdout:
            seen += bool(re.search(pattern, line))
            if seen >= 6:
                break
            if words[0] == "maintail":
                one.ctl("restart", "talker")
        assert seen >= 6
    finally:
        client.kill()  # in the middle of it
        client.communicate()
    assert one.ctl("status", "talker")[1] == 0


def test_tail_without_files_and_clear(daemon: Daemon) -> None:
    one = daemon("[program:said]\ncommand=sh -c 'printf \"a\\033[1mb\\n\"; exec sleep 100'\nstartsecs=0\n")
    eventually(lambda: "a\ufffd[1mb" in one.ctl("tail", "said")[0])  # XML cannot hold an escape character
    assert one.ctl("tail", "-3", "said")[0] == "mb\n\n"
    assert one.ctl("clear", "said") == ("said: cleared\n", 0)
    assert one.ctl("tail", "said") == ("\n", 0)
    out, code = one.ctl("maintail")
    assert (" said: running" in out, code) == (True, 0)


def test_the_other_methods(daemon: Daemon) -> None:
    one = daemon(
        PROGRAMS, head=HEAD + "[inet_http_server]\nport=127.0.0.1:0\n".replace(":0", f":{free_port()}")
    )
    port = re.search(r"port=127.0.0.1:(\d+)", one.config.read_text())
    assert port is not None
    with ServerProxy(f"http://127.0.0.1:{port[1]}/RPC2") as proxy:
        server: Any = proxy
        assert server.supervisor.getIdentification() == "supervisor"
        assert server.supervisor.getState() == {"statecode": 1, "statename": "RUNNING"}
        names = server.system.listMethods()
        assert "supervisor.tailProcessLog" in names
        assert all(server.system.methodHelp(name) for name in names)
        assert server.system.methodSignature("supervisor.startProcess") == ["boolean", "string", "boolean"]
        assert server.supervisor.tailProcessLog("once", 0, 100) == ["said it\n", 8, False]
        assert server.supervisor.tailProcessLog("once", 8, 100) == ["", 8, False]
        assert server.supervisor.tailProcessLog("once", 0, 3) == ["it\n", 8, True]
        assert server.supervisor.readProcessStderrLog("once", 3, 5) == "error"
        for params in ((-4, 1), (1, -4)):
            with pytest.raises(Fault, match="BAD_ARGUMENTS"):
                server.supervisor.readLog(*params)
        calls: tuple[tuple[Callable[[], object], str], ...] = (
            (lambda: server.supervisor.sendProcessStdin("nope", "x"), "BAD_NAME: nope"),
            (lambda: server.supervisor.sendProcessStdin("sleeper", 7), "INCORRECT_PARAMETERS"),
            (lambda: server.supervisor.sendProcessStdin("once", "x"), "NOT_RUNNING: once"),
            (lambda: server.supervisor.nope(), "UNKNOWN_METHOD"),
            (lambda: server.supervisor.getState(1), "INCORRECT_PARAMETERS"),
            (lambda: server.supervisor.startProcess(1), "INCORRECT_PARAMETERS"),
            (lambda: server.supervisor.getProcessInfo("g:*"), "BAD_NAME: g:\\*"),
            (lambda: server.system.methodHelp("nope"), "SIGNATURE_UNSUPPORTED"),
        )
        for call, words in calls:
            with pytest.raises(Fault, match=words):
                call()
        assert server.supervisor.sendRemoteCommEvent("a", "b") is True
        assert server.supervisor.stopProcess("sleeper", False) is True
        assert server.supervisor.startAllProcesses(False)
        answers = server.system.multicall(
            [
                {"methodName": "supervisor.getAPIVersion", "params": []},
                {"methodName": "supervisor.stopProcess", "params": ["sleeper"]},
                {"methodName": "supervisor.stopProcess", "params": ["sleeper"]},
                {"methodName": "system.multicall", "params": [[]]},
                {"nothing": 1},
                7,
            ]
        )
        assert answers[:2] == ["3.0", True]
        assert [answer["faultCode"] for answer in answers[2:]] == [70, 2, 2, 2]
        info = server.supervisor.getProcessInfo("sleeper")
        assert (info["pid"], info["statename"], info["exitstatus"]) == (0, "STOPPED", -1)


def test_r3_a_prompt_is_seen_by_tail(daemon: Daemon) -> None:
    prompt = "command=sh -c 'printf \"Enter password: \"; exec sleep 1000'\nstartsecs=0\n"
    one = daemon(f"[program:filed]\n{prompt}stdout_logfile={{dir}}/filed.log\n[program:said]\n{prompt}")
    for name in ("filed", "said"):
        eventually(lambda name=name: "Enter password: " in one.ctl("tail", name)[0])  # type: ignore[misc]


def rpc(one: Stock) -> ServerProxy:
    return ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{one.socket}"))


READERS = """\
[program:cat]
command=cat
startsecs=0
stdout_logfile={dir}/cat.log
[program:deaf]
command=sh -c 'exec <&-; echo closed; exec sleep 1000'
startsecs=0
stdout_logfile={dir}/deaf.log
[program:once]
command=sh -c 'read line; echo "got $line"; read line; echo "and $line"'
startsecs=0
autorestart=false
stdout_logfile={dir}/once.log
"""


@pytest.mark.parametrize("program", [SUPERVICE, SUPERVISORD])
def test_r4_what_is_sent_is_the_standard_input(daemon: Daemon, program: list[str]) -> None:
    one = daemon(READERS, program)
    said = {name: one.directory / f"{name}.log" for name in ("cat", "deaf", "once")}
    with rpc(one) as proxy:
        server: Any = proxy
        send = server.supervisor.sendProcessStdin
        assert send("cat", "half") is True
        assert send("cat:cat", " a line, gr\u00fcn\n") is True
        eventually(lambda: said["cat"].read_text() == "half a line, gr\u00fcn\n")
        eventually(lambda: said["deaf"].read_text() == "closed\n")
        with pytest.raises(Fault, match="NO_FILE: deaf"):
            send("deaf", "x\n")
        assert send("once", "one\n") is True
        eventually(lambda: said["once"].read_text() == "got one\n")
        assert send("once", "two\n") is True
        eventually(lambda: said["once"].read_text() == "got one\nand two\n")
        one.wait_status(r"once +EXITED")
        with pytest.raises(Fault, match="NOT_RUNNING: once"):
            send("once", "x\n")
        server.supervisor.stopProcess("cat")
        with pytest.raises(Fault, match="NOT_RUNNING: cat"):
            send("cat", "x\n")
        server.supervisor.startProcess("cat")
        assert send("cat", "again\n") is True
        eventually(lambda: said["cat"].read_text().endswith("again\n"))


def test_r4_what_a_program_does_not_read_holds_nothing_up(daemon: Daemon) -> None:
    one = daemon(READERS + "[program:full]\ncommand=sleep 1000\nstartsecs=0\n")
    with rpc(one) as proxy:
        server: Any = proxy
        send = server.supervisor.sendProcessStdin
        for _ in range(12):  # the pipe holds 64 KiB, and 1 MiB may wait, with what was begun below that
            send("full", "x" * 100_000)
        with pytest.raises(Fault, match="FAILED: full: does not read its standard input"):
            send("full", "x")
        assert send("cat", "a line\n") is True
        eventually(lambda: (one.directory / "cat.log").read_text() == "a line\n")
        assert server.supervisor.stopProcess("full") is True


@pytest.mark.parametrize("program", [SUPERVICE, SUPERVISORD])
def test_r4_fg(daemon: Daemon, program: list[str]) -> None:
    """The real `supervisorctl fg` types and shows what the program says."""
    one = daemon(READERS, program)
    with subprocess.Popen(
        one.command("fg", "cat"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        cwd=one.directory,
    ) as client:
        try:
            assert client.stdin is not None
            assert client.stdout is not None
            seen = b""
            for line in client.stdout:
                seen += line
                if b"Press Ctrl-C" in line:
                    client.stdin.write(b"hello\n")
                    client.stdin.flush()
                if line == b"hello\n":
                    client.stdin.close()
                if b"Exiting foreground" in line:
                    break
            assert seen == b"==> Press Ctrl-C to exit <==\nhello\nExiting foreground\n"
        finally:
            client.kill()


def test_an_interactive_session(daemon: Daemon) -> None:
    one = daemon(PROGRAMS)
    out, _ = one.ctl(stdin="status sleeper\nstop sleeper\nstart sleeper\npid\nquit\n")
    assert "sleeper: stopped" in out
    assert str(one.process.pid) in out


# -- servers ---------------------------------------------------------------------------------------------


SLEEPER = "[program:sleeper]\ncommand=sleep 1000\nstartsecs=0\n"


def test_passwords(daemon: Daemon) -> None:
    port = free_port()
    sha = hashlib.sha1(b"se:cret").hexdigest()
    head = HEAD.replace("s.sock\n[supervisord]", "s.sock\nusername=u\npassword=plain\n[supervisord]")
    head = head.replace("s.sock\n[rpc", "s.sock\nusername=u\npassword=plain\n[rpc")
    head += f"[inet_http_server]\nport=127.0.0.1:{port}\nusername=me\npassword={{SHA}}{sha.upper()}\n"
    one = daemon(SLEEPER, head=head)
    for user, password, right in (
        ("me", "se:cret", True),
        ("me", "wrong", False),
        ("you", "se:cret", False),
        ("me", sha, False),
        ("me", "", False),
    ):
        out, code = one.ctl("-s", f"http://127.0.0.1:{port}", "-u", user, "-p", password, "pid", "sleeper")
        assert (code == 0) == right, out
        assert ("requires authentication" in out) != right
    assert one.ctl("-u", "x", "pid")[1] != 0
    for path in ("/", "/RPC2", "/logtail/sleeper", "/mainlogtail", "/nothing"):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = sock.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 401")
        assert b'www-authenticate: Basic realm="default"' in answer.lower().replace(b"basic", b"Basic")
        assert b"sleep" not in answer


def test_the_socket_and_what_programs_are_told(daemon: Daemon) -> None:
    one = daemon(
        "[program:env]\ncommand=sh -c 'echo at $SUPERVISOR_SERVER_URL; exec sleep 100'\n"
        "[program:own]\ncommand=sh -c 'echo own $SUPERVISOR_SERVER_URL; exec sleep 100'\nserverurl=http://x:1\n"
    )
    assert stat.S_IMODE(one.socket.stat().st_mode) == 0o700
    eventually(lambda: f"at unix://{one.socket}\n" in one.text() and "own http://x:1\n" in one.text())


async def test_in_an_application_of_asyncio(tmp_path: Path) -> None:
    one = Stock(tmp_path / "0", SLEEPER, ["true"])
    one.stop()
    supervisor = Supervisor()
    supervisor.load_config(str(one.config))
    supervisor.config.socket_path = "none"
    running = asyncio.create_task(supervisor.run())

    async def ctl(*words: str) -> tuple[str, int]:
        return await asyncio.to_thread(one.ctl, *words)

    try:
        while (await ctl("status", "sleeper"))[1]:
            assert not running.done()
        assert await ctl("restart", "sleeper") == ("sleeper: stopped\nsleeper: started\n", 0)
        assert await ctl("stop", "all") == ("sleeper: stopped\n", 0)
        with_loop = await asyncio.to_thread(everything, one, "sleeper")
        assert with_loop["info"]["pid"] is int
    finally:
        await supervisor.shutdown()
        await running
    assert not one.socket.exists()


def test_servers_come_and_go_with_a_reload(daemon: Daemon) -> None:
    one = daemon(SLEEPER)
    port = free_port()
    one.head = HEAD + f"[inet_http_server]\nport=127.0.0.1:{port}\n"
    one.write(SLEEPER)
    one.process.send_signal(signal.SIGHUP)
    there = ["-s", f"http://127.0.0.1:{port}", "status", "sleeper"]
    eventually(lambda: one.ctl(*there)[1] == 0)
    one.head = HEAD.replace("[unix_http_server]\nfile={dir}/s.sock\n", "") + one.head[len(HEAD) :]
    one.write(SLEEPER)
    assert one.ctl("reload") == ("Restarted supervisord\n", 0)
    eventually(lambda: not one.socket.exists())
    assert one.ctl(*there)[1] == 0


def test_what_cannot_be_opened_is_a_warning(daemon: Daemon) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one = daemon(SLEEPER, head=HEAD + f"[inet_http_server]\nport=127.0.0.1:{port}\n")
        assert one.ctl("status", "sleeper")[1] == 0
        main = (one.directory / "main.log").read_text()
        assert f"[inet_http_server] is not served: 127.0.0.1:{port}: the port is in use" in main


# -- crowds and vandals ------------------------------------------------------------------------------------


def test_a_hundred_at_once(daemon: Daemon) -> None:
    """Forty of the real ones (each is a whole Python), and clients of their library for the rest."""
    one = daemon(SLEEPER)

    def ask(_number: int) -> str:
        transport = SupervisorTransport(None, None, serverurl=f"unix://{one.socket}")
        try:
            server: Any = ServerProxy("http://127.0.0.1", transport=transport)
            names = [server.supervisor.getProcessInfo("sleeper")["name"] for _ in range(20)]
            return str(names[-1])
        finally:
            transport.close()

    with ThreadPoolExecutor(100) as pool:
        real = [pool.submit(one.ctl, "status", "sleeper") for _ in range(40)]
        assert list(pool.map(ask, range(100))) == ["sleeper"] * 100
        assert [future.result()[1] for future in real] == [0] * 40


def test_a_huge_multicall_holds_no_client_up_for_long(daemon: Daemon) -> None:
    one = daemon(SLEEPER)
    call = "<value><struct><member><name>methodName</name><value>supervisor.getAllProcessInfo</value></member></struct></value>"
    count = 900_000 // len(call)
    body = (
        "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>"
        f"{call * count}</data></array></value></param></params></methodCall>"
    )
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(one.socket))
        sock.sendall(f"POST /RPC2 HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        assert one.ctl("status", "sleeper")[1] == 0
        answer = sock.makefile("rb").read()
    assert answer.count(b"<name>spawnerr</name>") == count


def test_vandals(daemon: Daemon) -> None:
    one = daemon(TALKER)
    eventually(lambda: one.ctl("status")[1] == 0)
    before = len(os.listdir(f"/proc/{one.process.pid}/fd"))
    socks = []
    for number in range(50):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(one.socket))
        sock.sendall(
            [b"POST /RPC2 HT", b"GET /logtail/talker HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 100][number % 3]
        )
        socks.append(sock)
    assert one.ctl("status", "talker")[1] == 0
    for sock in socks:
        sock.close()
    eventually(lambda: len(os.listdir(f"/proc/{one.process.pid}/fd")) <= before)
    assert "unexpected" not in one.text()
