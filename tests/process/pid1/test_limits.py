"""What the kernel holds a program to, asked of the kernel; it counts from the program's first instruction."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervice.models import Limits
from supervice.pid1.identity import Identity
from supervice.pid1.spawn import Order, Spawner, SpawnError
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon, alive
from tests.process.harness.isolated import isolated

Make = Callable[..., Daemon]
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = Identity(65534, 65534, (), "nobody", "/")
LOOK = (
    "grep -E '^(Cap|NoNewPrivs|Uid|SigBlk)' /proc/self/status; cat /proc/self/oom_score_adj;"
    "cut -d ' ' -f 19 /proc/self/stat; cat /proc/self/limits"
)


def run(limits: Limits | None, *argv: str, **more: Any) -> tuple[int, str]:
    """Exit code and output of a program."""
    for name in os.listdir("/proc/self/fd"):  # what the tests were started with
        if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}"):
            os.set_inheritable(int(name), False)
    read, write = os.pipe2(os.O_CLOEXEC)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        order = Order(list(argv), dict(os.environ), null, write, write, limits=limits, **more)
        pid = Spawner(exclusive=True).spawn(order)
    finally:
        os.close(write)
        os.close(null)
    with open(read, "rb") as answer:
        text = answer.read().decode()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def look(limits: Limits | None, **more: Any) -> dict[str, list[str]]:
    code, text = run(limits, "sh", "-c", LOOK, **more)
    assert code == 0, text
    status, (oom, nice, *rlimits) = text.splitlines()[:8], text.splitlines()[8:]
    found = {line.split(":")[0]: line.split(":")[1].split() for line in status}
    found |= {line[:26].strip(): line[26:].split()[:2] for line in rlimits}
    return {**found, "oom": [oom], "nice": [nice]}


@isolated
def test_limits_and_priorities() -> None:
    found = look(
        Limits(
            nice=7,
            oom_score_adj=321,
            no_new_privs=True,
            rlimits=(("as", 64 << 20, 128 << 20), ("core", 0, 0), ("nofile", 100, 200), ("cpu", 5, 6)),
        )
    )
    assert (found["nice"], found["oom"], found["NoNewPrivs"]) == (["7"], ["321"], ["1"])
    assert found["Max address space"] == [str(64 << 20), str(128 << 20)]
    assert found["Max core file size"] == ["0", "0"]
    assert found["Max open files"] == ["100", "200"]
    assert found["Max cpu time"] == ["5", "6"]
    assert int(found["SigBlk"][0], 16) == 0
    mine = look(None)
    assert (mine["nice"], mine["NoNewPrivs"]) == ([str(os.getpriority(os.PRIO_PROCESS, 0))], ["0"])
    assert os.getpriority(os.PRIO_PROCESS, 0) != 7  # nothing of it stays here
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] != 5


@isolated
def test_the_program_begins_as_every_other() -> None:
    umask = "umask; pwd; ls /proc/self/fd; kill -PIPE $$; exit 3"
    code, text = run(Limits(nice=1), "sh", "-c", umask, directory="/usr", umask=0o027)
    words = text.split()
    assert code == -signal.SIGPIPE
    assert (words[0], words[1]) == ("0027", "/usr")
    assert words[-4:-1] == ["0", "1", "2"]  # and that of the listing


@ROOT
@isolated
def test_capabilities_of_a_user() -> None:
    found = look(Limits(capabilities=("KILL", "NET_BIND_SERVICE")), identity=NOBODY)
    assert found["Uid"] == ["65534"] * 4
    kept = [f"{1 << 5 | 1 << 10:016x}"]
    assert [found[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == [kept] * 5
    none = look(Limits(capabilities=()), identity=NOBODY)
    assert {none[f"Cap{name}"][0] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    plain = look(Limits(nice=1), identity=NOBODY)
    assert (plain["Uid"], plain["CapEff"]) == (["65534"] * 4, ["0" * 16])


@ROOT
@isolated
def test_capabilities_of_root() -> None:
    found = look(Limits(capabilities=("CHOWN", "SETUID")))
    kept = [f"{1 << 0 | 1 << 7:016x}"]
    assert [found[f"Cap{name}"] for name in ("Prm", "Eff", "Bnd")] == [kept] * 3
    assert found["CapAmb"] == ["0" * 16]


@ROOT
@isolated
def test_a_user_that_is_confined_cannot_get_rights_back() -> None:
    limits = Limits(capabilities=(), rlimits=(("nofile", 50, 50),))
    code, text = run(limits, "sh", "-c", "ulimit -n 51 && echo more; ulimit -n", identity=NOBODY)
    assert (code, text.splitlines()[-1]) == (0, "50")
    assert "more" not in text


@ROOT
@isolated
def test_a_limit_on_descriptors_that_we_have_reached_ourselves() -> None:
    """The child has our descriptors until exec closes them, so what it does after `setrlimit` opens nothing."""
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    for _ in range(60):
        os.dup(null)
    limits = Limits(capabilities=(), rlimits=(("nofile", 50, 50),))
    assert run(limits, "sh", "-c", "ulimit -n", identity=NOBODY) == (0, "50\n")
    assert run(Limits(capabilities=("CHOWN",), rlimits=limits.rlimits), "sh", "-c", "ulimit -n") == (
        0,
        "50\n",
    )


def failure(limits: Limits, **more: Any) -> SpawnError:
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(SpawnError) as caught:
        run(limits, "true", **more)
    assert len(os.listdir("/proc/self/fd")) == len(before) + 1  # the pipe of `run`
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    return caught.value


@ROOT
@isolated
def test_what_cannot_be_set_is_named() -> None:
    """Asked as a user without rights, in a process that is only for this test."""
    look(Limits(no_new_privs=True))  # the interpreter's files may be root's alone
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limits, words in (
        (Limits(nice=-5), "nice: Permission denied"),
        (Limits(oom_score_adj=-900), "oom_score_adj: Permission denied"),
        (Limits(rlimits=(("nofile", 1, most + 1),)), f"rlimit_nofile: {most + 1} is above the hard limit"),
        (Limits(capabilities=("SYS_ADMIN",)), "capabilities: we do not have SYS_ADMIN ourselves"),
        (Limits(capabilities=()), "capabilities: the bounding set cannot be reduced without CAP_SETPCAP"),
    ):
        error = failure(limits)
        assert words in str(error)
        assert error.permanent
    assert "only root may start a program as uid 0" in str(
        failure(Limits(nice=19), identity=Identity(0, 0, (), "root", "/root"))
    )
    found = look(Limits(capabilities=(), no_new_privs=True))
    assert (found["CapPrm"], found["NoNewPrivs"]) == (["0" * 16], ["1"])


@isolated
def test_errors_of_the_program_are_the_usual_ones() -> None:
    with pytest.raises(SpawnError, match="command /no/such not found") as caught:
        run(Limits(nice=1), "/no/such")
    assert (caught.value.code, caught.value.permanent) == (127, False)
    with pytest.raises(SpawnError, match="directory /no/where"):
        run(Limits(nice=1), "true", directory="/no/where")


@pytest.mark.parametrize(
    ("module", "more"),
    [
        ("supervice.pid1.fork", {"identity": NOBODY, "limits": None}),
        ("supervice.pid1.limits", {"limits": Limits(nice=1)}),
    ],
)
def test_what_cannot_be_loaded_is_an_error_of_the_start(
    module: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that has become another user may not be able to read a module; nothing may hang for that."""
    monkeypatch.setitem(sys.modules, module, None)
    null = os.open(os.devnull, os.O_RDWR)
    try:
        with pytest.raises(SpawnError, match=f"true: import of {module} halted") as caught:
            Spawner(exclusive=True).spawn(Order(["true"], dict(os.environ), null, null, null, **more))
    finally:
        os.close(null)
    assert not caught.value.permanent


@isolated
def test_descriptors_are_handed_over_too() -> None:
    read, write = os.pipe2(os.O_CLOEXEC)
    import fcntl

    high = fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, 60)
    pairs = tuple((high, number) for number in range(5, 20))  # one of them is the child's way to complain
    code, _ = run(Limits(nice=1), "sh", "-c", "echo here >&9; echo there >/proc/self/fd/15", extra_fds=pairs)
    assert (code, os.read(read, 100)) == (0, b"here\nthere\n")
    with pytest.raises(SpawnError, match="command /no/such not found"):
        run(Limits(nice=1), "/no/such", extra_fds=pairs)
    with pytest.raises(SpawnError, match="oom_score_adj"):
        run(Limits(oom_score_adj=100_000), "true", extra_fds=pairs)


@ROOT
@isolated
def test_no_process_left_is_an_error_that_leaves_nothing() -> None:
    look(Limits(nice=1))
    os.setgroups([])
    os.setresgid(65533, 65533, 65533)
    os.setresuid(65533, 65533, 65533)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    error = failure(Limits(nice=1))
    assert "Resource temporarily unavailable" in str(error)
    assert not error.permanent


@isolated
def test_a_tiny_address_space_is_an_error_of_the_program_and_not_ours() -> None:
    limits = Limits(rlimits=(("as", 4096, 4096), ("data", 4096, 4096)), no_new_privs=True)
    try:
        code, _ = run(limits, "true")
    except SpawnError as error:
        code = error.code
    assert code != 0


def test_an_application_with_threads_is_told(tmp_path: Path) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        null = os.open(os.devnull, os.O_RDWR)
        order = Order(["true"], {}, null, null, null, limits=Limits(nice=1))
        with pytest.raises(SpawnError, match="not safe in an application with threads"):
            Spawner(exclusive=False).spawn(order)
    finally:
        os.close(null)
        stop.set()
        thread.join()


def test_a_single_thread_may_fork() -> None:
    """In an interpreter of its own: the tests may have any threads by now."""
    code = (
        "import os; from supervice.models import Limits; from supervice.pid1.spawn import Order, Spawner\n"
        "pid = Spawner(exclusive=False).spawn(Order(['sh', '-c', 'ulimit -n'], dict(os.environ), 0, 1, 2,"
        " limits=Limits(rlimits=(('nofile', 77, 77),))))\n"
        "os.waitpid(pid, 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "77\n"


def test_a_program_of_a_file_has_them_and_dies_with_us(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sleep 1000\nstartsecs = 0\nnice = 3\nrlimit_nofile = 64:128\n"
        "oom_score_adj = 700\nno_new_privs = true\npdeathsig = KILL\n"
        "[program:b]\ncommand = sleep 1000\nrlimit_nofile = unlimited\nstartsecs = 0\n"
        "[program:plain]\ncommand = sleep 1000\nstartsecs = 0\n"
    )
    pid = one.wait_state("a", "RUNNING")["pid"]
    plain = one.wait_state("plain", "RUNNING")["pid"]
    process = Path(f"/proc/{pid}")
    assert "Max open files            64                   128" in (process / "limits").read_text()
    assert (process / "oom_score_adj").read_text() == "700\n"
    assert os.getpriority(os.PRIO_PROCESS, pid) == 3
    assert "NoNewPrivs:\t1" in (process / "status").read_text()
    fatal = one.wait_state("b", "FATAL")
    assert "rlimit_nofile: unlimited is above what the kernel has, fs.nr_open" in fatal["reason"]
    assert fatal["restarts"] == 0
    one.process.kill()
    one.wait()
    eventually(lambda: not alive(pid), message="it had its signal when we died")
    assert alive(plain)  # it did not ask for one
    os.kill(plain, signal.SIGKILL)


def test_the_daemon_raises_its_limits(daemon: Make) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    nproc = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        one = daemon(
            "; a file without [supervice]\n[supervisord]\nminfds = 600\n[program:a]\ncommand = sh -c 'ulimit -n'\nstartsecs = 0\n",
            "-s",
            "none",
            wait=False,
        )
        one.wait_text("600\n")
        one.signal(signal.SIGTERM)
        one.wait()
        one = daemon(
            f"[supervice]\nsocket = none\nminfds = {hard + 1}\n[program:a]\ncommand = sh -c 'ulimit -n'\nstartsecs = 0\n",
            wait=False,
        )
        # Root with every capability may raise it, others are told.
        said = f"minfds: {hard + 1} is above our limit of {hard}"
        eventually(lambda: f"{hard + 1}\n" in one.text() or said in one.text(), message=one.text())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert nproc == resource.getrlimit(resource.RLIMIT_NPROC)[1]


@ROOT
def test_a_user_that_cannot_read_the_interpreter_is_refused(daemon: Make) -> None:
    if all(os.stat(p).st_mode & 0o005 for p in Path(os.__file__).parents):
        pytest.skip("any user can read it here; the container ring has the rest")
    one = daemon("[supervice]\nsocket = none\nuser = 65534\n[program:a]\ncommand = echo here\n", wait=False)
    assert one.wait() == 2
    assert "cannot read Python's library" in one.text()
    assert "nothing was started" in one.text()
    assert "here" not in one.text().replace("there", "")
