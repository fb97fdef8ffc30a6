"""The two reapers alone, with real children: nothing is lost, nothing is stolen, the order is kept."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from supervice.lean.loop import Loop
from supervice.pid1 import reaper as module
from supervice.pid1.leftovers import children_of
from supervice.pid1.reaper import BATCH, PAGE, STOLEN, PoliteReaper, Reaper
from supervice.pid1.signals import SignalRouter
from supervice.pid1.subreaper import become_subreaper
from tests.eventually import eventually
from tests.process.harness.isolated import isolated
from tests.process.harness.turning import turn, turn_for
from tests.procfs import state

# Forks argv[1] children that end at once with codes 0, 1, 2 ... and ends without having waited for any.
MOTHER = """
import os, sys
for number in range(int(sys.argv[1])):
    if os.fork() == 0:
        os._exit(number % 256)
"""


def sh(command: str) -> int:
    return os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ)


def ended(pid: int) -> None:
    """Until `pid` is a zombie, which nothing collects here."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


class Desk:
    """A loop with a reaper that is polled on SIGCHLD, as in the daemon."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.orphans: list[tuple[int, int]] = []
        self.reaper = Reaper(self.loop, lambda pid, status: self.orphans.append((pid, status)))
        self.router = SignalRouter(self.loop)
        self.router.handle(signal.SIGCHLD, lambda _signum: self.reaper.poll())

    def run(self, until: Callable[[], object], seconds: float = 30) -> None:
        turn(self.loop, until, seconds)


@isolated
def test_ten_thousand_orphans_come_in_batches_and_the_loop_stays_live() -> None:
    count = 10_000
    assert become_subreaper()
    desk = Desk()
    turns: list[int] = []
    mother = os.posix_spawn(
        sys.executable, [sys.executable, "-I", "-S", "-c", MOTHER, str(count)], os.environ
    )
    seen: list[int] = []
    desk.reaper.register(mother, seen.append)
    ended(mother)

    def tick() -> None:
        turns.append(len(desk.orphans))
        desk.loop.call_soon(tick)

    tick()
    begun = time.process_time()
    desk.run(lambda: len(desk.orphans) == count)
    used = time.process_time() - begun
    assert seen == [0]
    assert len({pid for pid, _ in desk.orphans}) == count
    codes = sorted(status for _, status in desk.orphans)
    assert codes == sorted(number % 256 for number in range(count))
    # Everything else had a turn after each batch; two, when a signal comes in the turn of the second.
    assert max(b - a for a, b in pairwise(turns)) <= 2 * BATCH
    assert used < 2, f"{used / count * 1e6:.0f} us each"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@isolated
def test_the_status_is_what_the_child_ended_with() -> None:
    desk = Desk()
    wanted = {0: "exit 0", 1: "exit 1", 255: "exit 255", -9: "kill -KILL $$", -15: "kill -TERM $$"}
    wanted |= {-11: "kill -SEGV $$", -10: "kill -USR1 $$", -37: "kill -37 $$"}
    seen: dict[int, int] = {}
    for status, command in wanted.items():
        pid = sh(command)
        desk.reaper.register(pid, partial(seen.__setitem__, status))
    desk.run(lambda: len(seen) == len(wanted))
    assert seen == {status: status for status in wanted}
    assert desk.orphans == []


@isolated
def test_the_zombie_is_there_before_and_gone_after() -> None:
    """What is done before the reaping can rely on the number of the process and of its group."""
    desk = Desk()
    order: list[tuple[str, str]] = []
    pid = sh("exit 3")
    desk.reaper.register(
        pid,
        lambda status: order.append((f"ended {status}", state(pid))),
        lambda: order.append(("before", state(pid))),
    )
    desk.run(lambda: len(order) == 2)
    assert order == [("before", "Z"), ("ended 3", "")]


@isolated
def test_a_pid_is_forgotten_in_the_step_in_which_it_is_reaped() -> None:
    """A new child with the old number is an orphan until it is registered itself."""
    desk = Desk()
    seen: list[int] = []
    pid = sh("exit 3")
    desk.reaper.register(pid, seen.append)
    desk.run(lambda: seen)
    assert pid not in desk.reaper._children
    unknown = sh("exit 4")
    desk.run(lambda: desk.orphans)
    assert desk.orphans == [(unknown, 4)]
    assert seen == [3]


@isolated
def test_a_callback_may_spawn_and_register_the_next() -> None:
    desk = Desk()
    statuses: list[int] = []

    def again(status: int) -> None:
        statuses.append(status)
        if len(statuses) < 200:
            desk.reaper.register(sh(f"exit {len(statuses)}"), again)

    desk.reaper.register(sh("exit 0"), again)
    desk.run(lambda: len(statuses) == 200)
    assert statuses == list(range(200))
    assert desk.orphans == []


@isolated
def test_a_callback_that_raises_costs_no_other_child_its_status() -> None:
    desk = Desk()
    errors: list[BaseException] = []
    desk.loop.on_error = errors.append
    seen: list[int] = []
    pids = [sh("exit 1"), sh("exit 2"), sh("exit 3")]

    def fails(_status: int) -> None:
        raise ValueError("mine")

    desk.reaper.register(pids[0], fails)
    desk.reaper.register(pids[1], seen.append)
    desk.reaper.register(pids[2], seen.append)
    for pid in pids:
        ended(pid)
    desk.run(lambda: errors and len(seen) == 2, 5)
    assert sorted(seen) == [2, 3]
    assert [str(error) for error in errors] == ["mine"]


@isolated
def test_no_callback_runs_after_close() -> None:
    desk = Desk()
    seen: list[int] = []
    pid = sh("exit 3")
    desk.reaper.register(pid, seen.append)
    desk.reaper.close()
    desk.run(lambda: desk.orphans)
    assert desk.orphans == [(pid, 3)]
    assert seen == []


SLEEP = ["sleep", "60"]


@isolated
def test_orphans_are_told_from_children_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert become_subreaper()
    desk = Desk()
    leave_one = "import os; os.fork() or os.execv('/bin/sleep', ['sleep', '60'])"
    # A list that is longer than one read of it.
    own = [os.posix_spawn("/bin/sleep", SLEEP, os.environ) for _ in range(PAGE // 4)]
    try:
        for pid in own:
            desk.reaper.register(pid, lambda _status: None)
        assert desk.reaper.strangers(fresh=True) == []
        mother = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", leave_one], os.environ)
        os.waitpid(mother, 0)
        found = desk.reaper.strangers(fresh=True)
        opened: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", lambda path, *_: opened.append(path))
            assert desk.reaper.strangers(fresh=True) == found
        assert opened == [], "the list is kept open"
    finally:
        everyone = children_of(os.getpid()) or []
        for pid in everyone:
            os.kill(pid, signal.SIGKILL)
    assert found == list(set(everyone) - set(own))
    assert len(found) == 1


@isolated
def test_without_a_descriptor_orphans_are_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    pid = os.posix_spawn("/bin/sleep", SLEEP, os.environ)

    def none_left(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", none_left)
        patch.setattr(os, "listdir", none_left)
        assert desk.reaper.strangers(fresh=True) == []
    assert desk.reaper.strangers(fresh=True) == [pid]
    os.kill(pid, signal.SIGKILL)
    before = len(os.listdir("/proc/self/fd"))
    desk.reaper.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1


# -- as a guest ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["with descriptors", "without"])
def pidfds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways of a PoliteReaper: a descriptor for each child, and a kernel that has none."""
    if request.param == "without":
        real = os.pidfd_open

        def refused(pid: int) -> int:
            if sys._getframe(1).f_code.co_filename == module.__file__:
                raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
            return real(pid)  # asyncio has its own use for it since 3.12

        monkeypatch.setattr(os, "pidfd_open", refused)
        monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    return bool(request.param == "with descriptors")


@pytest.mark.usefixtures("pidfds")
def test_a_guest_waits_for_its_own_children_alone() -> None:
    loop = Loop()
    reaper = PoliteReaper(loop)
    order: list[tuple[str, str]] = []
    mine, foreign = sh("exit 7"), sh("exit 9")
    ended(foreign)
    ended(mine)
    reaper.register(
        mine,
        lambda status: order.append((f"ended {status}", state(mine))),
        lambda: order.append(("before", state(mine))),
    )
    turn(loop, lambda: len(order) == 2)
    assert order == [("before", "Z"), ("ended 7", "")]
    reaper.poll()
    assert state(foreign) == "Z"
    assert os.waitstatus_to_exitcode(os.waitpid(foreign, 0)[1]) == 9
    reaper.close()
    loop.close()


@pytest.mark.usefixtures("pidfds")
def test_a_guest_many_at_once() -> None:
    loop = Loop()
    reaper = PoliteReaper(loop)
    seen: dict[int, int] = {}
    for number in range(100):
        pid = sh(f"exit {number}")
        reaper.register(pid, partial(seen.__setitem__, number))
    turn(loop, lambda: len(seen) == 100)
    assert seen == {number: number for number in range(100)}
    reaper.close()
    loop.close()


@pytest.mark.usefixtures("pidfds")
def test_a_status_that_was_taken_elsewhere_is_a_failure() -> None:
    loop = Loop()
    reaper = PoliteReaper(loop)
    seen: list[int] = []
    pid = sh("read x; exit 0")
    reaper.register(pid, seen.append)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    turn(loop, lambda: seen)
    assert seen == [STOLEN]
    reaper.close()
    loop.close()


def test_a_closed_guest_runs_no_callback_and_keeps_no_descriptor(pidfds: bool) -> None:
    loop = Loop()
    reaper = PoliteReaper(loop)
    before = len(os.listdir("/proc/self/fd"))
    seen: list[int] = []
    pid = sh("exit 7")
    reaper.register(pid, seen.append)
    assert len(os.listdir("/proc/self/fd")) == before + pidfds
    ended(pid)
    reaper.close()
    assert len(os.listdir("/proc/self/fd")) == before
    turn_for(loop, 0.1)  # ten of the looks that a guest without descriptors would have taken
    assert seen == []
    assert os.waitpid(pid, 0)[0] == pid
    loop.close()


async def test_a_guest_on_the_loop_of_asyncio(pidfds: bool) -> None:
    loop = asyncio.get_running_loop()
    reaper = PoliteReaper(loop)
    result: asyncio.Future[int] = loop.create_future()
    other = await asyncio.create_subprocess_exec("sh", "-c", "exit 5")
    reaper.register(sh("exit 6"), result.set_result)
    assert await asyncio.wait_for(result, 10) == 6
    assert await asyncio.wait_for(other.wait(), 10) == 5
    reaper.close()


def test_a_descriptor_of_a_process_becomes_readable_before_it_is_reaped() -> None:
    """What both reapers and the hunt for leftovers build upon."""
    pid = sh("exit 7")
    fd = os.pidfd_open(pid)
    assert select.select([fd], [], [], 10)[0] == [fd]
    eventually(lambda: state(pid) == "Z")
    os.close(fd)
    os.waitpid(pid, 0)
