"""`supervicectl exec`: the client becomes a process with everything that the program has."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.terminal import on_terminal, read_until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts programs as another user")
OF_THE_TERMINAL = {"TERM": "vt100", "COLUMNS": "91"}
CALLER = {**{k: v for k, v in os.environ.items() if k not in ("COLORTERM", "LINES")}, **OF_THE_TERMINAL}


def words(one: Daemon, *args: str) -> list[str]:
    return [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), "exec", *args]


def run(one: Daemon, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words(one, *args), capture_output=True, timeout=60, env=CALLER, input=stdin)


def said(one: Daemon, *args: str) -> str:
    done = run(one, *args)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def variables(data: bytes) -> dict[bytes, bytes]:
    lines = [line.partition(b"=") for line in data.rstrip(b"\0").split(b"\0")]
    return {name: value for name, _, value in lines}


def open_up(*directories: Path) -> None:
    """What pytest makes is root's alone."""
    for directory in directories:
        directory.chmod(0o755)


@pytest.fixture
def rich(daemon: Callable[..., Daemon], tmp_path: Path) -> Daemon:
    """A program that has everything that can be configured."""
    open_up(tmp_path, *tmp_path.parents[:2])
    (tmp_path / "secret").write_bytes(b"s3cr3t \xff\xfe with = and 'quotes'\n")
    (tmp_path / "file.env").write_text("FROM_FILE=1\nEMPTY_IN_FILE=\n")
    return daemon(
        "[program:web]\ncommand = sleep 1000\nstartsecs = 0\n"
        f'environment = EMPTY="",TERM="dumb",LINES="5",WITH="a b"\nenv_file = {tmp_path}/file.env\n'
        f"secrets = PW={tmp_path}/secret\ndirectory = /usr\numask = 027\n"
        "rlimit_nofile = 64:128\nnice = 3\nno_new_privs = true\nwatchdog = 1000\nuser = 12345:23456\n",
        env={"LANG": "C.UTF-8", "FROM_CONTAINER": "\udcff\udcfe"},
    )


@as_root
def test_the_environment_byte_for_byte(rich: Daemon) -> None:
    pid = rich.wait_state("web", "RUNNING")["pid"]
    real = variables(Path(f"/proc/{pid}/environ").read_bytes())
    done = run(rich, "web", "--", "cat", "/proc/self/environ")
    assert done.returncode == 0, done.stderr
    ours = variables(done.stdout)
    assert real[b"NOTIFY_SOCKET"]
    for name in (b"TERM", b"LINES", b"COLORTERM", b"COLUMNS"):
        real.pop(name, None)
    caller = {name.encode(): value.encode() for name, value in OF_THE_TERMINAL.items()}
    assert ours == {**real, **caller}
    assert [name for name in ours if name in real] == list(real)
    assert (ours[b"EMPTY"], ours[b"EMPTY_IN_FILE"], ours[b"FROM_CONTAINER"]) == (b"", b"", b"\xff\xfe")
    assert ours[b"PW"] == b"s3cr3t \xff\xfe with = and 'quotes'"


@as_root
def test_what_the_kernel_knows_of_it(rich: Daemon) -> None:
    proc = Path(f"/proc/{rich.wait_state('web', 'RUNNING')['pid']}")

    def facts(status: str, limits: str, stat: str, score: str) -> tuple[object, ...]:
        lines = re.findall(r"^(?:Uid|Gid|Groups|NoNewPrivs|Cap\w+|Umask|Sig(?:Ign|Blk)):.*$", status, re.M)
        rows = [line.split() for line in limits.splitlines()]
        return lines, rows, stat.rpartition(")")[2].split()[16], score

    names = ("status", "limits", "stat", "oom_score_adj")
    real = facts(*((proc / name).read_text() for name in names))
    assert facts(*(said(rich, "web", "--", "cat", f"/proc/self/{name}") for name in names)) == real
    assert said(rich, "web", "pwd") == "/usr\n"
    assert said(rich, "web", "--", "id", "-u") == "12345\n"


@as_root
@pytest.mark.parametrize(
    "options", ["capabilities = NET_BIND_SERVICE\nuser = 12345", "capabilities = none", ""]
)
def test_its_rights(daemon: Callable[..., Daemon], options: str) -> None:
    one = daemon(f"[program:web]\ncommand = sleep 1000\nstartsecs = 0\n{options}\n")
    status = Path(f"/proc/{one.wait_state('web', 'RUNNING')['pid']}/status").read_text()
    caps = re.findall(r"^Cap.*$", status, re.M)
    assert re.findall(r"^Cap.*$", said(one, "web", "--", "cat", "/proc/self/status"), re.M) == caps


@as_root
def test_another_user_directory_and_variables(rich: Daemon) -> None:
    script = 'id -u; pwd; echo "$HOME|$USER|$MINE|$FROM_CALLER|${EMPTY+set}|$FROM_FILE"'
    given = ["-u", "nobody", "-w", "share", "-e", "MINE=a=b", "-e", "FROM_CALLER", "-e", "EMPTY"]
    done = subprocess.run(
        words(rich, *given, "web", "--", "sh", "-c", script),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "FROM_CALLER": "yes"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["65534", "/usr/share", "/nonexistent|nobody|a=b|yes||1"]


def test_a_stopped_program(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    """Its settings are known, so it works; and a stop does not reach what was run."""
    one = daemon(
        "[program:off]\ncommand = sleep 1000\nautostart = false\nenvironment = A=1\n"
        "[program:web]\ncommand = sleep 1000\n"
    )
    assert said(one, "off", "--", "sh", "-c", "echo $A $SUPERVISOR_PROCESS_NAME") == "1 off\n"
    assert one.row("off")["state"] == "STOPPED"
    beside = subprocess.Popen(words(one, "web", "--", "sh", "-c", f"echo > {tmp_path}/up; exec sleep 1000"))
    eventually(lambda: (tmp_path / "up").exists())
    one.ask("stop", "web")
    assert beside.poll() is None
    beside.kill()
    assert beside.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("web", "--", "nosuch"), 127, "'nosuch' not found in PATH"),
        (("web", "-e", "A=1", "true"), 2, "-e stands behind web; write supervicectl exec [OPTIONS] NAME --"),
        (("web", "--", "/no/such"), 127, "/no/such not found"),
        (("web", "--", "/etc/passwd"), 126, "/etc/passwd is not executable"),
        (("-w", "/nowhere", "web", "--", "true"), 126, "directory /nowhere"),
        (("-u", "nosuchuser", "web", "--", "true"), 1, "there is no user 'nosuchuser'"),
        (("all", "--", "true"), 1, "name one of web, other"),
        (("nosuch", "--", "true"), 1, "nosuch"),
        (("web",), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_run(
    daemon: Callable[..., Daemon], args: tuple[str, ...], code: int, message: str
) -> None:
    one = daemon("[program:web]\ncommand = sleep 1000\n[program:other]\ncommand = sleep 1000\n")
    done = run(one, *args)
    assert message in done.stderr.decode()
    assert (done.returncode, done.stdout) == (code, b"")


def test_exit_code_and_signal_are_the_command_s(daemon: Callable[..., Daemon]) -> None:
    one = daemon("[program:web]\ncommand = sleep 1000\n")
    assert run(one, "web", "--", "sh", "-c", "exit 7").returncode == 7
    assert run(one, "web", "--", "sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM
    assert run(one, "web", "--", "cat", stdin=b"x\0y").stdout == b"x\0y"
    assert run(one, "web", "sh", "-c", "echo $0", "--", "-x").stdout == b"--\n"


def test_it_is_a_line_and_an_event_without_what_may_be_secret(daemon: Callable[..., Daemon]) -> None:
    one = daemon("[program:web]\ncommand = sleep 1000\n")
    said(one, "web", "--", "echo", "--password=hunter2")
    assert "web: a client runs echo beside it (exec)" in one.text()
    event = next(e for e in one.ask("events")["events"] if e["type"] == "EXEC")
    assert (event["name"], event["reason"]) == ("web", "echo")
    assert "hunter2" not in one.text()


@as_root
def test_a_limit_above_our_own_is_126(daemon: Callable[..., Daemon]) -> None:
    one = daemon("[program:web]\ncommand = sleep 1000\nrlimit_nofile = 100:400\nuser = 12345\n")
    low = ["prlimit", "--nofile=200:200", "setpriv", "--bounding-set=-sys_resource"]
    done = subprocess.run(
        [*low, *words(one, "web", "--", "true")], capture_output=True, text=True, timeout=60
    )
    assert "rlimit_nofile: 400 is above the hard limit 200" in done.stderr
    assert done.returncode == 126


# -- on a terminal ---------------------------------------------------------------------------------------


def test_the_terminal_is_the_caller_s(daemon: Callable[..., Daemon]) -> None:
    """/dev/tty, the size of the window, job control and Ctrl-C: what a process in another session has not."""
    one = daemon("[program:web]\ncommand = sleep 1000\n")
    script = (
        "echo to-tty > /dev/tty; stty size; echo $TERM; set -m; sleep 0 & wait;"
        "trap 'echo interrupted; exit 9' INT; echo waiting; while :; do sleep 0.05; done"
    )
    with on_terminal(words(one, "web", "--", "sh", "-c", script)) as (pid, fd):
        text = read_until(fd, "waiting")
        assert "to-tty" in text
        assert "31 77" in text
        assert "xterm" in text
        assert "job control" not in text
        os.write(fd, b"\x03")
        read_until(fd, "interrupted")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


def test_in_the_shell_the_next_prompt_comes(daemon: Callable[..., Daemon]) -> None:
    one = daemon("[program:web]\ncommand = sleep 1000\n")
    with on_terminal(words(one)[:-1]) as (pid, fd):
        read_until(fd, "supervice>")
        os.write(fd, b"exec web -- sh -c 'echo i''n; exit 3'\n")
        read_until(fd, "in\r\n")
        read_until(fd, "supervice>")
        os.write(fd, b"exit\n")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
