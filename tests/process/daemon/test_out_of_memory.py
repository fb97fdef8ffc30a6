"""What a daemon says of processes that the kernel kills for want of memory.

The cgroup is a copy in files, mounted where the daemon looks; the kernel itself is in the container ring.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from supervice.lean.loop import Loop
from supervice.pid1 import cgroup as cgroups
from supervice.pid1.cgroup import Cgroup, KillCounter
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

MIB = 1024 * 1024
REASON = "killed by the kernel: out of memory (container limit 512 MiB)"
HAS_MOUNTS = (
    os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
)
needs_mounts = pytest.mark.skipif(not HAS_MOUNTS, reason="only root may mount")


def counted(directory: Path, kills: int) -> None:
    """Writes the counter as the kernel does: at once, in place."""
    with (directory / "memory.events").open("r+") as file:
        file.write(f"low 0\nhigh 0\nmax 3\noom 1\noom_kill {kills}\noom_group_kill 0\n")


@pytest.fixture
def cgroup(tmp_path: Path) -> Path:
    directory = tmp_path / "cgroup"
    directory.mkdir()
    (directory / "memory.events").touch()
    counted(directory, 7)  # before our time
    (directory / "memory.max").write_text(f"{512 * MIB}\n")
    (directory / "memory.peak").write_text(f"{512 * MIB}\n")
    (directory / "memory.current").write_text(f"{100 * MIB}\n")
    return directory


def over(directory: Path) -> tuple[str, ...]:
    """The command that runs another one with `directory` in the place of the cgroups."""
    script = 'mount --bind "$0" /sys/fs/cgroup && exec "$@"'
    return ("unshare", "-m", "--propagation", "private", "sh", "-c", script, str(directory))


@needs_mounts
def test_a_main_process_that_the_kernel_kills(daemon: Callable[..., Daemon], cgroup: Path) -> None:
    one = daemon(
        "[program:web]\ncommand = sleep 1000\nautorestart = false\nstartsecs = 0\n"
        "[program:other]\ncommand = sleep 1000\n",
        prefix=over(cgroup),
    )
    pid = one.wait_state("web", "RUNNING")["pid"]
    counted(cgroup, 8)
    os.kill(pid, signal.SIGKILL)
    row = one.wait_state("web", "EXITED")
    assert row["reason"] == REASON
    assert f"web: ended, {REASON} (unexpected)" in one.text()
    exit_ = one.ask("why", "web")["exits"][-1]
    assert (exit_["reason"], exit_["oom"], exit_["signal"]) == (REASON, True, 9)
    assert any(event.get("reason") == REASON for event in one.ask("events")["events"])


@needs_mounts
def test_a_leader_whose_group_takes_long_to_end(daemon: Callable[..., Daemon], cgroup: Path) -> None:
    """The reason is looked for when the leader dies, not when all that it left is gone."""
    one = daemon(
        "[program:web]\ncommand = sh -c 'trap \"\" TERM; sleep 1000 & exec sleep 1001'\nstopwaitsecs = 2\n"
        "startsecs = 0\nautorestart = true\n",
        prefix=over(cgroup),
    )
    pid = one.wait_state("web", "RUNNING")["pid"]
    eventually(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text())
    counted(cgroup, 8)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: one.ask("why", "web")["exits"])
    assert one.ask("why", "web")["exits"][-1]["reason"] == REASON
    assert "a process of this container was killed" not in one.text()


@needs_mounts
def test_a_kill_by_hand_is_not_called_one(daemon: Callable[..., Daemon], cgroup: Path) -> None:
    one = daemon(
        "[program:web]\ncommand = sleep 1000\nautorestart = false\nstartsecs = 0\n"
        "[program:other]\ncommand = sleep 1000\n",
        prefix=over(cgroup),
    )
    os.kill(one.wait_state("web", "RUNNING")["pid"], signal.SIGKILL)
    assert one.wait_state("web", "EXITED")["reason"] == "killed by SIGKILL"
    assert one.ask("why", "web")["exits"][-1]["oom"] is False


@needs_mounts
def test_a_worker_whose_leader_lives(daemon: Callable[..., Daemon], cgroup: Path) -> None:
    """Its end is no program's: the line says so a second after the kernel has counted it."""
    one = daemon(
        "[program:web]\ncommand = sh -c 'sleep 1000 & sleep 1001 & while :; do wait; done'\nstartsecs = 0\n"
        "[program:job]\ncommand = sleep 1000\nstartsecs = 0\n",
        prefix=over(cgroup),
    )
    leader = one.wait_state("web", "RUNNING")["pid"]
    children = Path(f"/proc/{leader}/task/{leader}/children")
    eventually(lambda: len(children.read_text().split()) == 2)
    worker = int(children.read_text().split()[0])
    counted(cgroup, 8)
    # A copy cannot tell that it changed: here it is looked at because another process has died.
    os.kill(one.row("job")["pid"], signal.SIGTERM)
    eventually(lambda: one.row("job")["restarts"] > 0)
    os.kill(worker, signal.SIGKILL)
    line = "a process of this container was killed: out of memory (container limit 512 MiB)"
    one.wait_text(f"{line}; of its processes web has lost 1")
    event = next(e for e in one.ask("events")["events"] if e["type"] == "OUT_OF_MEMORY")
    assert (event["name"], event["reason"]) == ("web", line)
    assert one.row("web")["pid"] == leader


@needs_mounts
def test_a_container_that_dies_as_one_is_said_once(daemon: Callable[..., Daemon], cgroup: Path) -> None:
    (cgroup / "memory.oom.group").write_text("1\n")
    one = daemon("[program:web]\ncommand = sleep 1000\n", prefix=over(cgroup))
    assert one.text().count("memory.oom.group is 1") == 1
    assert "memory_limit" in one.text()


@needs_mounts
def test_without_a_cgroup_nothing_is_claimed(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    one = daemon(
        "[program:web]\ncommand = sleep 1000\nautorestart = false\nstartsecs = 0\n"
        "[program:other]\ncommand = sleep 1000\n",
        prefix=over(empty),
    )
    os.kill(one.wait_state("web", "RUNNING")["pid"], signal.SIGKILL)
    assert one.wait_state("web", "EXITED")["reason"] == "killed by SIGKILL"
    assert "memory" not in one.text()


def test_the_kernel_says_that_a_file_of_a_cgroup_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown with `cgroup.events`: the same notification, and a process that moves in makes it."""
    roots = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]
    top = next((root for root in roots if (root / "cgroup.controllers").exists()), None)
    if top is None or not os.access(top, os.W_OK) or os.geteuid() != 0:
        pytest.skip("no cgroup v2 in which root can make one")
    group = top / f"supervice-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    monkeypatch.setitem(cgroups._COUNTERS, 2, "cgroup.events")
    loop, heard = Loop(), list[int | None]()
    counter = KillCounter(Cgroup(str(group), 2, str(top)))
    child = subprocess.Popen(["sleep", "1000"])
    try:

        def changed() -> None:
            heard.append(counter.read())

        async def hear() -> None:
            counter.read()  # what is not read is news
            assert counter.watch(loop, changed)
            future = loop.create_future()
            loop.call_later(0.2, future.set_result, None)
            await future
            assert heard == []  # not before anything changes
            (group / "cgroup.procs").write_text(str(child.pid))
            future = loop.create_future()
            loop.call_later(0.5, future.set_result, None)
            await future

        loop.run_until_complete(hear())
        assert 1 <= len(heard) <= 2  # told of it, and not again and again
    finally:
        child.kill()
        child.wait()
        counter.close()
        loop.close()
        eventually(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()
