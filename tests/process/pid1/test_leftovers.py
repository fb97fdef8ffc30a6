"""Finding and stopping what outlived its parents, with real processes that do not want to go."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from supervice.pid1 import belongings as belongings_module
from supervice.pid1 import leftovers
from supervice.pid1.belongings import Belongings
from supervice.pid1.leftovers import Hunt, Stat, children_of, descendants, read_stat
from tests.eventually import eventually
from tests.paths import ROOT
from tests.process.harness.field import Field, Leader
from tests.process.harness.isolated import isolated
from tests.process.harness.turning import turn, turn_for

TERM, KILL = 15, 9
STUBBORN = "trap '' TERM; while :; do sleep 0.05; done"
# Told to stop it ends, but not before it has forked a successor that does the same; argv[1] generations.
HYDRA = """
import os, signal, sys
left = int(sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # so that one that comes early is kept
os.write(1, b"x")
while left:
    signal.sigwait({signal.SIGTERM})
    left -= 1
    if not left or os.fork():
        os._exit(0)
    os.setsid()
"""


class Hunting(Field):
    """Hunts on it too."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[list[int], int]] = []
        self.left: list[list[Stat]] = []

    def hunt(self, find: Callable[[], list[Stat]] | None = None, **options: object) -> Hunt:
        def notify(found: list[Stat], signum: int) -> None:
            self.told.append((sorted(stat.pid for stat in found), signum))

        return Hunt(
            self.loop,
            find or (lambda: descendants(os.getpid())),
            self.left.append,
            notify=notify,
            **options,  # type: ignore[arg-type]
        )

    def over(self, seconds: float = 20) -> float:
        """Until the hunt is done; how long that took."""
        begun = time.monotonic()
        turn(self.loop, lambda: self.left, seconds)
        return time.monotonic() - begun


def sh(command: str, *, session: bool = True) -> int:
    return os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ, setsid=session)


def busy(pid: int) -> int:
    """Until the shell has begun to ignore SIGTERM."""

    def there() -> int:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.partition("SigIgn:")[2].split()[0], 16) & 1 << TERM - 1

    eventually(there, interval=0.002)
    return pid


def gone(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is None or stat.state in "ZX"


@isolated
def test_none_found_is_done_at_once() -> None:
    field = Hunting()
    field.hunt()
    assert field.left == [[]]
    assert field.told == []


@isolated
def test_who_can_be_stopped_gets_no_more_than_the_signal() -> None:
    field = Hunting()
    pids = sorted([sh("exec sleep 1000"), sh("exec sleep 1000"), sh("sleep 1000 & sleep 1000")])
    eventually(lambda: len(descendants(os.getpid())) == 5, interval=0.002)
    field.hunt(grace=1000)
    field.over()
    assert field.left == [[]]
    assert all(signum == TERM for _, signum in field.told)
    assert set(pids) <= {pid for found, _ in field.told for pid in found}
    assert all(gone(pid) for pid in pids)


@isolated
def test_who_ignores_it_is_killed_when_the_grace_is_over() -> None:
    field = Hunting()
    stubborn, good = busy(sh(STUBBORN)), sh("exec sleep 1000")
    field.hunt(grace=2)
    turn(field.loop, lambda: gone(good))
    assert not gone(stubborn)
    field.over()
    assert field.left == [[]]
    assert gone(stubborn)


@isolated
def test_kill_ends_the_patience() -> None:
    field = Hunting()
    pid = busy(sh(STUBBORN))
    hunt = field.hunt(grace=1000)
    turn_for(field.loop, 0.1)
    assert field.left == []
    hunt.kill()
    field.over()
    assert field.left == [[]]
    assert gone(pid)
    hunt.kill()  # after the end it does nothing
    assert field.left == [[]]


@isolated
def test_a_grace_of_nothing_is_a_kill() -> None:
    field = Hunting()
    pid = busy(sh(STUBBORN))
    field.hunt(grace=0)
    field.over()
    assert gone(pid)


@isolated
def test_what_forks_while_it_is_hunted_is_hunted_too() -> None:
    field = Hunting()
    generations = 8
    words = [sys.executable, "-I", "-S", "-c", HYDRA, str(generations)]
    read, write = os.pipe()
    os.posix_spawn(
        sys.executable, words, os.environ, setsid=True, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)]
    )
    os.read(read, 1)
    field.hunt(grace=1000)
    field.over()
    assert field.left == [[]]
    assert descendants(os.getpid()) == []
    assert len({pid for found, signum in field.told if signum == TERM for pid in found}) == generations


@isolated
def test_a_family_that_ignores_it_and_goes_on_forking_is_killed() -> None:
    field = Hunting()
    sh("trap '' TERM; while :; do sleep 0.02 & sleep 0.01; done")
    busy(children_of(os.getpid())[0])  # type: ignore[index]
    field.hunt(grace=0.3)
    field.over()
    assert field.left == [[]]
    assert descendants(os.getpid()) == []


def chain(kind: str, width: int = 1) -> int:
    """Starts what forks faster than it is counted; returns a descriptor that ends when all of it has."""
    read, write = os.pipe()
    words = [sys.executable, "-I", "-S", f"{ROOT}/tests/programs/chain.py", kind, "60", str(width)]
    os.posix_spawn(
        sys.executable, words, os.environ, setsid=True, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)]
    )
    os.close(write)
    said = b""
    while said.count(b"up\n") < width:
        said += os.read(read, 100)
    os.set_blocking(read, False)
    return read


def has_ended(fd: int) -> bool:
    try:
        return os.read(fd, 100) == b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize("kind", ["group", "session"])
@pytest.mark.parametrize("width", [1, 3])
@isolated
def test_what_forks_faster_than_it_is_counted_ends_all_the_same(kind: str, width: int) -> None:
    # A race that has to be won once: how many tries two seconds hold is a matter of who else has the CPUs.
    vars(leftovers)["AFTER_KILL_OF_LEFTOVERS"] = 30.0
    field = Hunting()
    fd = chain(kind, width)
    field.hunt(grace=0.3)
    field.over(40)
    assert field.left == [[]]
    assert has_ended(fd)
    assert descendants(os.getpid()) == []


# Moves on, to a session of its own each time, once it is told so by a byte.
MOVES = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"x")
while os.read(0, 1):
    if os.fork():
        os._exit(0)
    os.setsid()
    os.write(1, b"x")
"""


class Mover:
    """What has moved on whenever it is looked at, `times` times: between the list and the look at its entry."""

    def __init__(self, times: int, marks: dict[str, str]) -> None:
        hear, self.tell = os.pipe()
        self.heard, say = os.pipe()
        self.pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", "-c", MOVES],
            {**os.environ, **marks},
            setsid=True,
            file_actions=[(os.POSIX_SPAWN_DUP2, hear, 0), (os.POSIX_SPAWN_DUP2, say, 1)],
        )
        os.close(say)
        os.read(self.heard, 1)
        self.moved: set[int] = set()
        self.times = times
        for module in (leftovers, belongings_module):
            module.read_stat = self.late  # type: ignore[attr-defined]

    def late(self, pid: int) -> Stat | None:
        stat = read_stat(pid)
        if (
            stat is not None
            and stat.state not in "ZX"
            and self.times > len(self.moved)
            and pid not in self.moved
        ):
            self.moved.add(pid)
            os.write(self.tell, b"x")
            eventually(lambda: gone(pid), interval=0.0005)
            os.read(self.heard, 1)
        return read_stat(pid)


@pytest.mark.parametrize("times", [1, 3, 12])
@pytest.mark.parametrize("what", ["descendants", "belongings"])
@isolated
def test_what_has_moved_on_when_it_is_looked_at_is_looked_for_again(what: str, times: int) -> None:
    field = Hunting()
    mover = Mover(times, {"MARK": "mine"})
    if what == "descendants":
        field.hunt(grace=0.1)
    else:
        belongings = Belongings(field.reaper, ("MARK=mine",))
        field.hunt(belongings.find, certain=lambda: belongings.certain, grace=0.1)
    assert field.left == []
    field.over()
    assert field.left == [[]]
    assert len(mover.moved) == times
    assert has_ended(mover.heard)


@pytest.mark.parametrize("seen", [0, 5])
@isolated
def test_what_begins_to_end_may_have_forked_before(seen: int) -> None:
    """From then on it shows no environment, or not all of it, which would say whose it is."""
    field = Hunting()
    belongings = Belongings(field.reaper, ("MARK=mine",))
    pid = os.posix_spawn("/bin/sleep", ["sleep", "1000"], {"A": "b", "MARK": "mine"}, setsid=True)
    eventually(lambda: (stat := read_stat(pid)) and stat.name == "sleep" and stat.environment > 0)
    environment = belongings_module._environment
    looks: list[int] = []

    def none_at_first(pid: int) -> bytes | None:
        looks.append(pid)
        return (environment(pid) or b"")[: None if len(looks) > 3 else seen]

    belongings_module._environment = none_at_first
    field.hunt(belongings.find, certain=lambda: belongings.certain, grace=1000)
    assert field.left == []
    field.over()
    assert [signum for _, signum in field.told] == [TERM]
    assert descendants(os.getpid()) == []


@isolated
def test_the_environment_of_what_has_no_memory_is_empty() -> None:
    """Of a zombie here; of what has begun to end, it is the same. Kernels differ in how they say so."""
    pid = os.posix_spawn("/bin/true", ["true"], {"MARK": "mine"})
    eventually(lambda: read_stat(pid).state == "Z", interval=0.002)  # type: ignore[union-attr]
    assert belongings_module._environment(pid) == b""
    assert read_stat(pid).environment == -1  # type: ignore[union-attr]


@isolated
def test_a_process_without_an_environment_is_believed_to_have_none() -> None:
    field = Hunting()
    belongings = Belongings(field.reaper, ("MARK=mine",))
    pid = os.posix_spawn("/bin/sleep", ["sleep", "1000"], {}, setsid=True)
    eventually(lambda: (stat := read_stat(pid)) and stat.name == "sleep" and stat.environment == 0)
    assert belongings.find() == []
    assert belongings.certain
    os.kill(pid, signal.SIGKILL)


@isolated
def test_a_process_whose_first_thread_has_ended_is_none_that_has_ended() -> None:
    field = Hunting()
    code = (
        "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(1000,)).start();"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", code], os.environ, setsid=True)
    eventually(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert [stat.pid for stat in descendants(os.getpid())] == [pid]
    field.hunt(grace=1000)
    field.over()
    turn(field.loop, lambda: not children_of(os.getpid()))


@isolated
def test_a_stopped_process_gets_its_signal() -> None:
    field = Hunting()
    pid = sh("exec sleep 1000")
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: read_stat(pid).state == "T", interval=0.002)  # type: ignore[union-attr]
    field.hunt(grace=1000)
    field.over()
    assert gone(pid)


@isolated
def test_without_a_signal_it_only_waits() -> None:
    """The rest of a group that had its signal already."""
    field = Hunting()
    pid = sh("sleep 0.3; exit 0")
    field.hunt(signum=0, grace=1000)
    assert field.over() > 0.1
    assert field.told
    assert all(signum == 0 for _, signum in field.told)
    assert gone(pid)


@isolated
def test_who_cannot_be_killed_is_reported() -> None:
    field = Hunting()
    vars(leftovers)["AFTER_KILL_OF_LEFTOVERS"] = 0.2
    leftovers.signal_pidfd = lambda _fd, _signum: False  # type: ignore[assignment, attr-defined]
    leftovers.signal_group = lambda _pgid, _signum: False  # type: ignore[assignment, attr-defined]
    pid = sh("exec sleep 1000")
    eventually(lambda: read_stat(pid).name == "sleep", interval=0.002)  # type: ignore[union-attr]
    before = len(os.listdir("/proc/self/fd"))
    field.hunt(grace=0.1)
    field.over()
    assert [[stat.pid for stat in left] for left in field.left] == [[pid]]
    assert field.left[0][0].name == "sleep"
    assert len(os.listdir("/proc/self/fd")) == before
    os.kill(pid, signal.SIGKILL)


@isolated
def test_more_than_there_are_descriptors() -> None:
    field = Hunting()
    pids = [sh("exec sleep 1000") for _ in range(60)]
    eventually(lambda: len(descendants(os.getpid())) == 60, interval=0.002)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 20, 1024))
    field.hunt(grace=1000)
    field.over()
    assert field.left == [[]]
    assert all(gone(pid) for pid in pids)


@isolated
def test_without_descriptors_of_processes() -> None:
    """An old kernel, or a sandbox that refuses the call: the same by numbers."""

    def refused(_pid: int) -> int:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    os.pidfd_open = refused  # type: ignore[assignment]
    field = Hunting()
    stubborn, good = busy(sh(STUBBORN)), sh("exec sleep 1000")
    field.hunt(grace=2)
    turn(field.loop, lambda: gone(good))
    assert field.left == []
    field.over()
    assert field.left == [[]]
    assert gone(stubborn)


@isolated
def test_zombies_do_not_count() -> None:
    """Another process's child that ended cannot be stopped, and need not be."""
    field = Hunting()
    field.router.release(signal.SIGCHLD)
    pid = sh("exit 0")
    eventually(lambda: read_stat(pid).state == "Z", interval=0.002)  # type: ignore[union-attr]
    field.hunt()
    field.over()
    assert field.left == [[]]


# -- who is found --------------------------------------------------------------------------------------------


@isolated
def test_descendants_are_found_wherever_they_have_gone() -> None:
    field = Hunting()
    sh("setsid sleep 1000 & (setsid sleep 1000 &) ; sh -c 'sleep 1000; :' & exec sleep 1000")

    def sleepers() -> list[Stat]:
        return [stat for stat in descendants(os.getpid()) if stat.name == "sleep"]

    eventually(lambda: len(sleepers()) == 4, interval=0.01)
    by_children = sorted(stat.pid for stat in descendants(os.getpid()))
    by_parent = sorted(stat.pid for stat in leftovers._descendants_by_parent(os.getpid()))
    assert by_children == by_parent
    assert os.getpid() not in by_children
    leftovers.children_of = lambda _pid: None  # type: ignore[assignment]
    assert sorted(stat.pid for stat in descendants(os.getpid())) == by_children
    field.hunt()
    field.over()


def test_a_name_full_of_traps(tmp_path: Path) -> None:
    program = tmp_path / ") S 1 (x) 2"
    program.write_text("#!/bin/sh\nread x\n")
    program.chmod(0o755)
    read, write = os.pipe()
    pid = os.posix_spawn(program, [str(program)], {}, file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)])
    try:
        stat = eventually(lambda: (one := read_stat(pid)) and one.name == program.name and one)
        assert (stat.pid, stat.ppid, stat.pgrp) == (pid, os.getpid(), os.getpgrp())
    finally:
        os.close(write)
        os.waitpid(pid, 0)
        os.close(read)
    assert read_stat(pid) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")
def test_a_number_that_was_given_out_again(tmp_path: Path) -> None:
    """Between the look into /proc and the opening of the descriptor the number changes its owner."""
    program = tmp_path / "recycle.py"
    program.write_text(RECYCLE)
    root = str(ROOT)
    words = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, str(program), root]
    done = os.spawnvp(os.P_WAIT, words[0], words)
    assert done == 0


# Run as PID 1 of a namespace of its own, where the next pid can be chosen.
RECYCLE = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from supervice.lean.loop import Loop
from supervice.pid1 import leftovers
from supervice.pid1.leftovers import Hunt

def fork(body, pid=0):
    if pid:
        with open("/proc/sys/kernel/ns_last_pid", "w") as file:
            file.write(str(pid - 1))
    got = os.fork()
    if got == 0:
        try:
            body()
        finally:
            os._exit(0)
    assert pid in (0, got), (pid, got)
    return got

def note(*_):
    open("/proc/self/fd/2", "w").write("a bystander was signalled\\n")
    os._exit(99)

def bystander():
    for signum in (1, 2, 10, 12, 15):
        signal.signal(signum, note)
    time.sleep(1000)

def status(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

# A leader with one member; the leader is reaped, the member is what is to be stopped.
def member():
    time.sleep(1000)

def lead():
    os.setsid()
    os.set_inheritable(say, True)
    pid = os.fork()
    if pid == 0:
        member()
    os.write(say, f"{pid}\\n".encode())
    os._exit(0)

hear, say = os.pipe()
leader = fork(lead)
victim = int(os.read(hear, 100))
assert status(leader) == 0
def members():
    return [stat for stat in leftovers.processes() if stat.pgrp == leader]

found = members()
assert [stat.pid for stat in found] == [victim], found

# While the hunt opens its descriptor, the member dies and its number goes to another process.
real = os.pidfd_open
strangers = []

def late(pid, *flags):
    if not strangers:
        os.kill(victim, signal.SIGKILL)
        assert status(victim) == -9  # an orphan is PID 1's
        strangers.append(fork(bystander, victim))
        time.sleep(0.1)
    return real(pid, *flags)

os.pidfd_open = late
loop = Loop()
left = []
# Told what it was told before: the same tick of the clock, the worst case of a number given out at once.
same = found[0].started
read_stat = leftovers.read_stat
def frozen(pid):
    stat = read_stat(pid)
    if stat is not None:
        stat.started = same
    return stat
leftovers.read_stat = frozen
looks = []
def find():
    looks.append(1)
    return found if len(looks) == 1 else members()
Hunt(loop, find, left.append, grace=0.2)
until = time.monotonic() + 1
loop.call_later(1, lambda: None)
while time.monotonic() < until:
    loop._turn()
assert strangers == [victim]
assert left == [[]], left
assert os.waitpid(victim, os.WNOHANG) == (0, 0), "the bystander is gone"
"""


@isolated
def test_what_is_left_of_a_group_is_found_in_a_storm_of_orphans() -> None:
    """In a storm the list of our children may be some milliseconds old, and this orphan younger than that."""
    field = Hunting()
    field.reaper._look_again = time.monotonic() + 100  # as if it had just been dear to list them
    pid = sh("sleep 1000 & exit 1")
    end = Leader(field, pid)
    turn(field.loop, lambda: end.gone)
    assert [stat.pgrp for stat in end.left[0]] == [pid]
    assert descendants(os.getpid()) == []
