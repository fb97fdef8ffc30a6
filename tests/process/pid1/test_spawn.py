"""The one place that makes processes: what the program finds itself with, and what is put back here."""

from __future__ import annotations

import errno
import json
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervice.models import Limits
from supervice.pid1.identity import Identity
from supervice.pid1.spawn import Order, Spawner, SpawnError
from supervice.pid1.spawn_errors import is_shortage
from tests import paths
from tests.process.harness.isolated import isolated

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")

# What a process finds, as JSON, seen from outside Python's own doings: read before it changes anything.
LOOK = """
import json, os, sys
def field(name):
    for line in open("/proc/self/status"):
        if line.startswith(name + ":"):
            return line.split()[1:]
fds = sorted(int(name) for name in os.listdir("/proc/self/fd"))  # with that of the listing itself
fds = [fd for fd in fds if os.path.exists(f"/proc/self/fd/{fd}")]
umask = os.umask(0)
print(json.dumps({
    "fds": fds, "cwd": os.getcwd(), "umask": umask, "argv": sys.argv[1:], "env": dict(os.environ),
    "uid": os.getuid(), "gid": os.getgid(), "groups": sorted(os.getgroups()),
    "leads": os.getpgrp() == os.getpid(), "session": os.getsid(0) == os.getpid(),
    "blocked": int(field("SigBlk")[0], 16), "ignored": int(field("SigIgn")[0], 16),
    "in": os.readlink("/proc/self/fd/0"), "streams": [os.fstat(fd).st_ino for fd in (1, 2)],
}))
"""
# The interpreter that looks ignores these two itself; 32 and 33 belong to the C library.
PYTHONS_OWN = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1 | 3 << 31


class Pipes:
    def __init__(self) -> None:
        for name in os.listdir("/proc/self/fd"):  # what the tests were started with
            if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}"):
                os.set_inheritable(int(name), False)
        self.null = os.open(os.devnull, os.O_RDONLY)
        self.read, self.write = os.pipe()

    def order(self, *argv: str, **more: Any) -> Order:
        more.setdefault("env", dict(os.environ))
        return Order(argv=list(argv), stdin=self.null, stdout=self.write, stderr=self.write, **more)

    def look(self, spawner: Spawner, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.answer(
            spawner.spawn(self.order(sys.executable, "-I", "-S", "-c", LOOK, **more))
        )
        return found

    def answer(self, pid: int) -> Any:
        text = b""
        while not text.endswith(b"\n"):
            assert select.select([self.read], [], [], 20)[0], "no answer"
            text += os.read(self.read, 65536)
        os.waitpid(pid, 0)
        return json.loads(text)

    def close(self) -> None:
        for fd in (self.null, self.read, self.write):
            os.close(fd)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    made.close()


@pytest.fixture(params=[True, False], ids=["exclusive", "guest"])
def spawner(request: pytest.FixtureRequest) -> Spawner:
    return Spawner(exclusive=request.param)


def test_a_program_begins_clean(spawner: Spawner, pipes: Pipes) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
    extra = os.open(os.devnull, os.O_RDONLY)  # not inheritable, as everything that Python opens
    try:
        found = pipes.look(spawner)
    finally:
        os.close(extra)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert found["fds"] == [0, 1, 2]
    assert found["in"] == "/dev/null"
    assert found["blocked"] == 0
    assert found["ignored"] & ~PYTHONS_OWN == 0
    assert found["leads"]
    assert found["session"]
    assert found["streams"][0] == found["streams"][1]


@pytest.mark.parametrize(
    "more", [{}, {"umask": 0o022}, {"limits": Limits(nice=1)}], ids=["", "umask", "limits"]
)
@isolated  # a guest with threads does not fork, and a worker of pytest-xdist has one
def test_what_we_ignore_a_program_does_not(spawner: Spawner, pipes: Pipes, more: dict[str, Any]) -> None:
    """As an application does, or a shell for what it runs in the background."""
    signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGRTMIN)
    before = [signal.signal(signum, signal.SIG_IGN) for signum in signals]
    try:
        found = pipes.look(spawner, **more)
        assert [signal.getsignal(signum) for signum in signals] == [signal.SIG_IGN] * 3
    finally:
        for signum, handler in zip(signals, before, strict=True):
            signal.signal(signum, handler)
    assert found["ignored"] & ~PYTHONS_OWN == 0


def test_sigpipe_ends_a_program_as_everywhere_else(spawner: Spawner, pipes: Pipes) -> None:
    """Python ignores it, and an ignored signal would be inherited."""
    pid = spawner.spawn(pipes.order("sh", "-c", "kill -PIPE $$; exit 3"))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGPIPE


def test_directory_and_umask_are_the_programs_and_not_ours(
    spawner: Spawner, pipes: Pipes, tmp_path: Path
) -> None:
    here = os.getcwd()
    mask = os.umask(0o022)
    try:
        found = pipes.look(spawner, directory=str(tmp_path), umask=0o027)
        assert (found["cwd"], found["umask"]) == (str(tmp_path), 0o027)
        assert os.getcwd() == here
        assert os.umask(0o022) == 0o022
        # Also when it comes to nothing.
        for order in (
            pipes.order("/no/such", directory=str(tmp_path), umask=0o077),
            pipes.order("/etc/passwd", directory=str(tmp_path), umask=0o077),
            pipes.order("true", directory=str(tmp_path / "missing"), umask=0o077),
        ):
            with pytest.raises(SpawnError):
                spawner.spawn(order)
            assert os.getcwd() == here
            assert os.umask(0o022) == 0o022
        found = pipes.look(spawner)
        assert (found["cwd"], found["umask"]) == (here, 0o022)
    finally:
        os.umask(mask)


def test_a_failed_start_keeps_no_descriptor_and_no_zombie(
    spawner: Spawner, pipes: Pipes, tmp_path: Path
) -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before, others = sorted(os.listdir("/proc/self/fd")), set(children.read_text().split())
    for _ in range(20):
        for argv, more in (
            (["/no/such"], {}),
            (["/etc/passwd"], {}),
            (["true"], {"directory": str(tmp_path / "no")}),
            (["no-such-command"], {}),
        ):
            with pytest.raises(SpawnError):
                spawner.spawn(pipes.order(*argv, **more))
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert set(children.read_text().split()) <= others  # what an earlier test has left may end meanwhile


def test_the_words_and_the_environment_arrive_as_they_are(spawner: Spawner, pipes: Pipes) -> None:
    words = ["", " ", "a b", "ü", "--", "$HOME", "\n", "\udcff"]
    env = {"A": "", "B": "x=y", "C": "two\nlines", "PATH": os.environ["PATH"]}
    pid = spawner.spawn(pipes.order(sys.executable, "-I", "-S", "-c", LOOK, *words, env=env))
    found = pipes.answer(pid)
    assert found["argv"] == words
    # What a C locale makes of Python, and nothing else, is added.
    assert {key: value for key, value in found["env"].items() if key != "LC_CTYPE"} == env


ERRORS: dict[str, tuple[list[str], dict[str, Any], int, str]] = {
    "no such path": (["/no/such"], {}, 127, "command /no/such not found"),
    "not in PATH": (["no-such-command"], {}, 127, "command 'no-such-command' not found in PATH"),
    "below a file": (["/etc/passwd/x"], {}, 127, "not found"),
    "no right": (["{tmp}/plain"], {}, 126, "is not executable"),
    "no right, in PATH": (["plain"], {"env": {"PATH": "{tmp}"}}, 126, "{tmp}/plain is not executable"),
    "a directory": (["{tmp}"], {}, 126, "is not executable"),
    "no interpreter": (["{tmp}/orphan"], {}, 127, "its interpreter (the #! line, or the loader) is missing"),
    "no #! line": (["{tmp}/bare"], {}, 126, "is not a program for this machine"),
    "no directory": (["true"], {"directory": "{tmp}/no"}, 1, "directory {tmp}/no does not exist"),
    "a file as directory": (
        ["true"],
        {"directory": "{tmp}/plain"},
        1,
        "directory {tmp}/plain is no directory",
    ),
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text, mode in (
        ("plain", "x", 0o644),
        ("orphan", "#!/no/such/shell\n", 0o755),
        ("bare", "\x7fnonsense", 0o755),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    return tmp_path


def filled(value: Any, tmp: Path) -> Any:
    if isinstance(value, str):
        return value.replace("{tmp}", str(tmp))
    if isinstance(value, dict):
        return {key: filled(one, tmp) for key, one in value.items()}
    return [filled(one, tmp) for one in value]


@pytest.mark.parametrize("case", ERRORS.values(), ids=ERRORS)
def test_what_cannot_be_started(
    spawner: Spawner, pipes: Pipes, files: Path, case: tuple[list[str], dict[str, Any], int, str]
) -> None:
    argv, more, code, text = case
    with pytest.raises(SpawnError) as caught:
        spawner.spawn(pipes.order(*filled(argv, files), **filled(more, files)))
    assert filled(text, files) in str(caught.value)
    assert caught.value.code == code
    assert not caught.value.permanent


BIG = "x" * 200_000


@pytest.mark.parametrize("ways", ["quick", "by fork"])
@pytest.mark.parametrize(
    ("words", "more", "named"),
    [
        ([], {"BIG": BIG}, "the variable BIG is too long: 200005 bytes, and the kernel takes 131072"),
        ([BIG], {}, "word 2 of the command is too long: 200001 bytes"),
        ([], {f"V{n:02}": "y" * 100_000 for n in range(40)}, "together: 40"),
    ],
    ids=["variable", "word", "all together"],
)
def test_t11_what_is_too_long_is_named_and_final(
    spawner: Spawner, pipes: Pipes, words: list[str], more: dict[str, str], named: str, ways: str
) -> None:
    """E2BIG: it heals with another configuration only; no value is repeated."""
    limits = Limits(nice=0) if ways == "by fork" and spawner.exclusive else None
    with pytest.raises(SpawnError) as caught:
        spawner.spawn(pipes.order("/bin/true", *words, env={**os.environ, **more}, limits=limits))
    assert named in str(caught.value)
    assert caught.value.permanent
    assert not is_shortage(caught.value)
    assert "xxx" not in str(caught.value)
    assert "yyy" not in str(caught.value)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE])
def test_t5_what_the_container_lacks_says_nothing_about_the_program(
    spawner: Spawner, pipes: Pipes, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """T12: nor does it end a container with 126, which says that the file is not executable."""

    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_spawn", refuse)
    with pytest.raises(SpawnError) as caught:
        spawner.spawn(pipes.order("/bin/true"))
    assert is_shortage(caught.value)
    assert caught.value.code == 1
    assert not caught.value.permanent
    assert os.strerror(number) in str(caught.value)


def test_a_program_is_found_as_a_shell_in_its_directory_would(
    spawner: Spawner, pipes: Pipes, tmp_path: Path
) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\necho '{}'\n")
    tool.chmod(0o755)
    path = os.environ["PATH"]
    for argv, env in ((["./tool"], path), (["tool"], f":{path}"), (["tool"], f".:{path}")):
        order = pipes.order(*argv, env={"PATH": env}, directory=str(tmp_path))
        assert pipes.answer(spawner.spawn(order)) == {}
    with pytest.raises(SpawnError):
        spawner.spawn(pipes.order("tool", env={"PATH": path}, directory=str(tmp_path)))


WHO = "echo '[\"'$(id -u)'\",\"'$(id -g)'\",\"'$(id -G)'\",\"'$(umask)'\",\"'$PWD'\"]'"


@ROOT
def test_another_user(spawner: Spawner, pipes: Pipes) -> None:
    identity = Identity(12345, 23456, (4, 5), "", "/")
    order = pipes.order("sh", "-c", WHO, identity=identity, umask=0o077, directory="/usr")
    uid, gid, groups, *rest = pipes.answer(spawner.spawn(order))
    assert (uid, gid, sorted(groups.split())) == ("12345", "23456", ["23456", "4", "5"])
    assert rest == ["0077", "/usr"]


@ROOT
@isolated
def test_a_user_without_the_right_to_switch_is_told_so_and_it_is_final() -> None:
    pipes = Pipes()
    os.setgroups([])
    os.setresgid(12345, 12345, 12345)
    os.setresuid(12345, 12345, 12345)
    with pytest.raises(SpawnError, match="only root may start a program as uid 0") as caught:
        Spawner(exclusive=True).spawn(pipes.order("true", identity=Identity(0, 0, (), "root", "/")))
    assert caught.value.permanent
    # To be asked for who we are already is no switch.
    order = pipes.order("sh", "-c", WHO, identity=Identity(12345, 12345, (), "", "/"))
    assert pipes.answer(Spawner(exclusive=True).spawn(order))[0] == "12345"


@isolated
def test_no_descriptors_left_is_an_error_that_heals() -> None:
    pipes = Pipes()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
    try:
        while True:
            taken.append(os.dup(0))
    except OSError:
        pass
    with pytest.raises((SpawnError, OSError)) as caught:
        Spawner(exclusive=True).spawn(pipes.order("true", directory="/usr"))
    assert not getattr(caught.value, "permanent", False)
    for fd in taken:
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert pipes.look(Spawner(exclusive=True), directory="/usr")["cwd"] == "/usr"


# -- what the program's user may do between fork and exec -------------------------------------------------------


@ROOT
@isolated
def test_a_program_that_its_user_stops_before_exec_is_not_waited_for() -> None:
    from supervice.pid1 import fork

    def stop(path: str) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    fork._break_lease = stop  # in a process of the test's own
    pipes = Pipes()
    with pytest.raises(
        SpawnError, match=r"stopped it before it began \(SIGSTOP\); it is tried again"
    ) as caught:
        Spawner(exclusive=True).spawn(pipes.order("true", identity=Identity(12345, 12345, (), "", "/")))
    assert is_shortage(caught.value)
    assert not caught.value.permanent
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


LEASE = """
import fcntl, os, signal, sys
os.setresuid(12345, 12345, 12345)
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
sys.stdin.read()
"""


@ROOT
@pytest.mark.parametrize("interpreter", [False, True])
def test_a_lease_on_the_file_holds_nothing_up(
    pipes: Pipes, monkeypatch: pytest.MonkeyPatch, interpreter: bool
) -> None:
    """exec waits for the end of a lease, 45 s by default; also for one on the interpreter of a script."""
    from supervice.pid1 import fork

    monkeypatch.setattr(fork, "ASLEEP", 10)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        leased = folder / "program"
        shutil.copy("/bin/true", leased)
        os.chown(leased, 12345, 12345)
        program = leased
        if interpreter:
            program = folder / "script"
            program.write_text(f"#!{leased}\n")
            program.chmod(0o755)
        order = pipes.order(str(program), identity=Identity(12345, 12345, (), "", "/"))
        with subprocess.Popen(
            [sys.executable, "-c", LEASE, str(leased)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"leased\n"
            begun = time.monotonic()
            with pytest.raises(SpawnError, match=r"lease .*; it is tried again") as caught:
                Spawner(exclusive=True).spawn(order)
            assert time.monotonic() - begun < 15
            assert is_shortage(caught.value)
            holder.kill()
        os.waitpid(Spawner(exclusive=True).spawn(order), 0)


# -- the foreground of a terminal ------------------------------------------------------------------------------


def on_a_terminal(body: Any) -> None:
    """Runs `body(slave)` in a session of its own whose controlling terminal is a new one."""

    @isolated
    def run() -> None:
        master, slave = pty.openpty()
        os.setsid()
        import fcntl
        import termios

        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # comes when the terminal is closed at the end
        assert os.tcgetpgrp(slave) == os.getpgrp()
        body(slave)
        os.close(master)

    run()


def test_in_the_foreground_before_it_begins() -> None:
    def body(terminal: int) -> None:
        pipes = Pipes()
        spawner = Spawner(exclusive=True)
        before = os.getcwd(), os.umask(0o022)
        found = pipes.look(
            spawner, new_session=False, terminal=terminal, directory="/usr", umask=0o027, env={"A": "b"}
        )
        assert found["leads"]
        assert not found["session"]
        assert (found["cwd"], found["umask"], found["env"].get("A")) == ("/usr", 0o027, "b")
        assert (found["in"], found["fds"]) == ("/dev/null", [0, 1, 2])
        assert (found["blocked"], found["ignored"] & ~PYTHONS_OWN & ~1) == (0, 0)  # 1: HUP, see above
        assert (os.getcwd(), os.umask(before[1])) == (before[0], 0o022)
        # Known at once, without a wait: it is done before the program is executed.
        pid = spawner.spawn(pipes.order("sleep", "1000", new_session=False, terminal=terminal))
        assert os.tcgetpgrp(terminal) == pid
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    on_a_terminal(body)


@pytest.mark.parametrize("name", ["no such path", "no right", "no interpreter", "no #! line"])
def test_errors_of_the_foreground_are_the_same(files: Path, name: str) -> None:
    argv, more, code, text = ERRORS[name]

    def body(terminal: int) -> None:
        pipes = Pipes()
        before = sorted(os.listdir("/proc/self/fd"))
        order = pipes.order(*filled(argv, files), new_session=False, terminal=terminal, **more)
        with pytest.raises(SpawnError) as caught:
            Spawner(exclusive=True).spawn(order)
        assert filled(text, files) in str(caught.value)
        assert caught.value.code == code
        assert sorted(os.listdir("/proc/self/fd")) == before
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)

    on_a_terminal(body)


def test_a_missing_directory_of_the_foreground_is_named(tmp_path: Path) -> None:
    def body(terminal: int) -> None:
        pipes = Pipes()
        order = pipes.order("true", new_session=False, terminal=terminal, directory=str(tmp_path / "no"))
        with pytest.raises(SpawnError, match=f"directory {tmp_path}/no") as caught:
            Spawner(exclusive=True).spawn(order)
        assert caught.value.code == 1

    on_a_terminal(body)


def oom_score(*argv: str, expendable: bool = True, **more: Any) -> tuple[int, int, int]:
    """oom_score_adj of a program, of what it forks at once, and ours after it."""
    pipes = Pipes()
    try:
        script = "cat /proc/self/oom_score_adj; (cat /proc/self/oom_score_adj) & wait; echo"
        spawner = Spawner(exclusive=True, expendable=expendable)
        pid = spawner.spawn(pipes.order("/bin/sh", "-c", script, **more))
        text = b""
        while not text.endswith(b"\n\n"):
            assert select.select([pipes.read], [], [], 20)[0], "no answer"
            text += os.read(pipes.read, 65536)
        os.waitpid(pid, 0)
        spawner.close()
        program, child = text.split()
        return int(program), int(child), int(Path("/proc/self/oom_score_adj").read_text())
    finally:
        pipes.close()


@isolated
def test_t4_the_kernel_takes_a_program_before_us() -> None:
    Path("/proc/self/oom_score_adj").write_text("7")
    assert oom_score() == (107, 107, 7)
    assert oom_score(umask=0o22, directory="/") == (107, 107, 7)
    assert oom_score(limits=Limits(nice=0)) == (107, 107, 7)
    assert oom_score(expendable=False) == (7, 7, 7)


@isolated
def test_t4_what_a_program_sets_is_what_it_gets() -> None:
    assert oom_score(limits=Limits(oom_score_adj=300)) == (300, 300, 0)
    assert oom_score(limits=Limits(oom_score_adj=0)) == (0, 0, 0)


@isolated
def test_t4_there_is_no_more_than_the_most() -> None:
    Path("/proc/self/oom_score_adj").write_text("950")
    assert oom_score() == (1000, 1000, 950)


@ROOT
@isolated
def test_t4_it_needs_no_root() -> None:
    """Any user may raise it, and lower it again to where it came from."""
    os.setgid(12345)
    os.setuid(12345)
    from supervice.pid1.subreaper import stay_dumpable

    stay_dumpable()
    assert oom_score() == (100, 100, 0)


@ROOT
@isolated
def test_t4_another_user_is_expendable_too() -> None:
    assert oom_score(identity=Identity(12345, 12345, (12345,), "", "/")) == (100, 100, 0)


def test_no_other_module_makes_processes() -> None:
    """Everything above would be in vain beside a second way. (`supervicectl exec` is a process of its own.)"""
    package = paths.ROOT / "supervice"
    words = r"os\.fork\(|os\.posix_spawn|import subprocess|os\.exec|forkpty|os\.system\(|os\.popen"
    done = subprocess.run(
        ["grep", "-rlE", words, "--include=*.py", str(package)], capture_output=True, text=True
    )
    found = {str(Path(line).relative_to(package)) for line in done.stdout.split()}
    clients = {"cli/execution.py", "cli/shell.py"}
    assert found - clients == {"pid1/popen.py", "pid1/fork.py", "pid1/forked_call.py", "pid1/spawn.py"}
