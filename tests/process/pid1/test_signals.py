"""Receiving signals: none is lost in a storm, none is counted twice, and everything is given back."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from supervice.lean.loop import Loop
from supervice.pid1.signals import SignalRouter, name
from tests.process.harness.isolated import isolated
from tests.process.harness.turning import turn, turn_for

# Sends us argv[2] of signal argv[3], each once; with a pause in microseconds of argv[4] between two.
SENDER = """
import os, sys, time
pid, count, signum, pause = map(int, sys.argv[1:])
for _ in range(count):
    os.kill(pid, signum)
    if pause:
        until = time.perf_counter() + pause / 1e6
        while time.perf_counter() < until:
            pass
"""


def sender(count: int, signum: int, pause: int = 0) -> subprocess.Popen[bytes]:
    words = map(str, (os.getpid(), count, int(signum), pause))
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", SENDER, *words])


@isolated
def test_a_hundred_thousand_sigchld_and_one_term_in_the_middle() -> None:
    loop = Loop()
    router = SignalRouter(loop)
    seen: Counter[int] = Counter()

    def note(signum: int) -> None:
        seen[signum] += 1

    router.handle(signal.SIGCHLD, note)
    router.handle(signal.SIGTERM, note)
    for number in range(100_000):  # the loop never has its turn meanwhile: the pipe is long full
        os.kill(os.getpid(), signal.SIGCHLD)
        if number == 50_000:
            os.kill(os.getpid(), signal.SIGTERM)
    turn(loop, lambda: seen[signal.SIGTERM])
    turn_for(loop, 0.2)
    assert seen[signal.SIGTERM] == 1
    assert 1 <= seen[signal.SIGCHLD] <= 4  # coalesced
    router.close()


@isolated
def test_a_storm_from_outside_while_the_loop_turns() -> None:
    loop = Loop()
    router = SignalRouter(loop)
    seen: Counter[int] = Counter()

    def note(signum: int) -> None:
        seen[signum] += 1

    for signum in (signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP):
        router.handle(signum, note)
    storm = [sender(30_000, signal.SIGUSR1) for _ in range(3)]
    lonely = [sender(1, signal.SIGTERM), sender(1, signal.SIGHUP)]
    turn(loop, lambda: all(one.poll() is not None for one in storm + lonely))
    turn_for(loop, 0.2)
    assert seen[signal.SIGTERM] == seen[signal.SIGHUP] == 1
    assert seen[signal.SIGUSR1] >= 1
    router.close()


@isolated
def test_the_stop_signals_come_before_the_deaths() -> None:
    loop = Loop()
    router = SignalRouter(loop)
    order: list[int] = []
    for signum in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        router.handle(signum, order.append)
        os.kill(os.getpid(), signum)
    turn(loop, lambda: len(order) == 3)
    assert order == [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD]
    router.close()


@isolated
def test_what_is_to_be_counted_is_counted() -> None:
    """Real-time signals queue up in the kernel: each one that was sent is one that is passed on."""
    loop = Loop()
    router = SignalRouter(loop)
    seen: Counter[int] = Counter()

    def note(signum: int) -> None:
        seen[signum] += 1

    router.handle(signal.SIGRTMIN + 3, note, every=True)
    router.handle(signal.SIGUSR1, note)
    for _ in range(500):
        os.kill(os.getpid(), signal.SIGRTMIN + 3)
        os.kill(os.getpid(), signal.SIGUSR1)
    turn(loop, lambda: seen[signal.SIGUSR1])
    turn_for(loop, 0.2)
    assert seen == {signal.SIGRTMIN + 3: 500, signal.SIGUSR1: 1}
    router.close()


@isolated
def test_what_is_to_be_counted_is_counted_once_while_more_come() -> None:
    loop = Loop()
    router = SignalRouter(loop)
    seen: Counter[int] = Counter()

    def note(signum: int) -> None:
        seen[signum] += 1
        time.sleep(0.0001)  # as long as passing it on takes; the next one comes meanwhile

    signum = signal.SIGRTMIN + 3
    router.handle(signum, note, every=True)
    count = 2000
    one = sender(count, signum, pause=150)
    turn(loop, lambda: one.poll() is not None)
    turn_for(loop, 0.5)
    assert seen[signum] == count
    router.close()


@isolated
def test_what_is_counted_is_not_doubled_when_the_loop_sleeps_twice_before_it_reads_the_pipe() -> None:
    """A loop that was woken by something else as well goes to sleep again first."""

    class Sleeper(Loop):
        def wakes(self) -> bool:
            return True

    router = SignalRouter(Sleeper())
    seen: Counter[int] = Counter()
    signum = signal.SIGRTMIN + 3
    router.handle(signum, lambda signum: seen.update([signum]), every=True)
    os.kill(os.getpid(), signum)
    os.kill(os.getpid(), signum)
    assert seen[signum] == 2
    router.drain()
    assert seen[signum] == 2
    router.close()


@isolated
def test_what_is_counted_is_not_doubled_by_another_handler() -> None:
    loop = Loop()
    router = SignalRouter(loop)
    seen: Counter[int] = Counter()
    signum = signal.SIGRTMIN + 3

    def note(_signum: int) -> None:
        seen[signum] += 1

    def busy(_signum: int) -> None:
        os.kill(os.getpid(), signum)  # comes while this one is handled

    router.handle(signum, note, every=True)
    router.handle(signal.SIGCHLD, busy)

    def more_than(number: int) -> bool:
        return seen[signum] > number

    for number in range(50):
        os.kill(os.getpid(), signal.SIGCHLD)
        turn(loop, partial(more_than, number))
    turn_for(loop, 0.1)
    assert seen[signum] == 50
    router.close()


@isolated
def test_a_storm_leaves_the_others_their_turn() -> None:
    """A signal that comes while it is being handled is for the next turn."""
    loop = Loop()
    router = SignalRouter(loop)
    handled: list[int] = []
    turns: list[int] = []

    def note(signum: int) -> None:
        handled.append(signum)
        if len(handled) < 100:
            os.kill(os.getpid(), signum)

    def tick() -> None:
        turns.append(len(handled))
        loop.call_soon(tick)

    router.handle(signal.SIGCHLD, note)
    os.kill(os.getpid(), signal.SIGCHLD)
    tick()
    turn(loop, lambda: len(handled) == 100)
    assert len(turns) >= 45  # the pipe and the queue may both call within one turn
    router.close()


@isolated
def test_what_overflows_the_pipe_still_comes() -> None:
    loop = Loop()
    router = SignalRouter(loop)
    seen: Counter[int] = Counter()

    def note(signum: int) -> None:
        seen[signum] += 1

    router.handle(signal.SIGUSR2, lambda _signum: None)
    router.handle(signal.SIGUSR1, note, every=True)
    for _ in range(70_000):
        os.kill(os.getpid(), signal.SIGUSR2)
    os.kill(os.getpid(), signal.SIGUSR1)  # its byte finds no room any more
    turn(loop, lambda: seen[signal.SIGUSR1], 5)
    turn_for(loop, 0.2)
    assert seen[signal.SIGUSR1] == 1
    router.close()


@isolated
def test_release_and_close_give_everything_back() -> None:
    def theirs(_signum: int, _frame: object) -> None:
        pass

    signal.signal(signal.SIGUSR1, theirs)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write)
    before = sorted(os.listdir("/proc/self/fd"))
    loop = Loop()
    router = SignalRouter(loop)
    for signum in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        router.handle(signum, lambda _signum: None)
        router.handle(signum, lambda _signum: None, every=True)  # a second time changes nothing of that
    router.release(signal.SIGUSR2)
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGUSR1) not in (theirs, signal.SIG_DFL)
    router.release(signal.SIGUSR2)  # not ours any more: nothing happens
    signal.signal(signal.SIGUSR2, theirs)
    router.release(signal.SIGUSR2)
    assert signal.getsignal(signal.SIGUSR2) is theirs
    router.close()
    loop.close()
    assert signal.getsignal(signal.SIGUSR1) is theirs
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.set_wakeup_fd(-1) == write
    assert sorted(os.listdir("/proc/self/fd")) == before


@isolated
def test_what_ends_a_sleep_is_acted_on_at_once_and_counted_once() -> None:
    loop = Loop()
    router = SignalRouter(loop)
    at_once: list[bool] = []
    after: list[int] = []

    def note(signum: int) -> None:
        unread = fcntl.ioctl(router._read, termios.FIONREAD, b"\0\0\0\0")
        at_once.append(unread != b"\0\0\0\0")
        loop.call_soon(after.append, signum)

    signum = signal.SIGRTMIN + 3
    router.handle(signum, note, every=True)
    loop.call_later(60, lambda: None)
    for count in (1, 2, 3):  # each ends a sleep of a minute
        one = sender(1, signum)
        loop._turn()
        while not after[count - 1 :]:
            loop._turn()
        one.wait()
    turn_for(loop, 0.1)
    assert at_once == [True] * 3
    assert after == [signum] * 3
    router.close()


@isolated
def test_at_the_end_of_the_process_the_handlers_may_stay() -> None:
    """So that a second TERM does not change its exit code."""
    loop = Loop()
    router = SignalRouter(loop)
    seen: list[int] = []
    router.handle(signal.SIGTERM, seen.append)
    router.close(restore=False)
    os.kill(os.getpid(), signal.SIGTERM)
    turn_for(loop, 0.05)
    assert not seen
    assert signal.set_wakeup_fd(-1) == -1
    loop.close()


@isolated
def test_a_handler_that_raises_takes_no_other_signal_with_it() -> None:
    loop = Loop()
    errors: list[BaseException] = []
    loop.on_error = errors.append
    router = SignalRouter(loop)
    seen: list[int] = []

    def fails(_signum: int) -> None:
        raise ValueError("mine")

    router.handle(signal.SIGHUP, fails)
    router.handle(signal.SIGTERM, seen.append)
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGTERM)
    turn(loop, lambda: errors and seen, 5)
    assert seen == [signal.SIGTERM]
    router.close()


# Blocks TERM, sends it to itself and becomes the words: the signal waits until it is unblocked.
EARLY = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
os.kill(os.getpid(), signal.SIGTERM)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("what", ["a command", "a configuration"])
def test_a_signal_from_before_the_first_line_is_obeyed(tmp_path: Path, what: str) -> None:
    """Nothing may be unblocked before there is a handler: as PID 1 it would be lost, otherwise deadly."""
    config = tmp_path / "supervice.conf"
    config.write_text("[supervice]\nsocket = none\n[program:a]\ncommand = sleep 1000\n")
    words = [sys.executable, "-m", "supervice.cli", "-c"]
    words += ["none", "sleep", "1000"] if what == "a command" else [str(config)]
    done = subprocess.run([sys.executable, "-c", EARLY, *words], capture_output=True, timeout=30, check=False)
    assert done.returncode == (143 if what == "a command" else 0)


@pytest.mark.parametrize(
    ("signum", "words"),
    [(15, "SIGTERM"), (int(signal.SIGRTMIN), "SIGRTMIN"), (37, "SIGRTMIN+3"), (99, "signal 99")],
)
def test_names(signum: int, words: str) -> None:
    assert name(signum) == words
