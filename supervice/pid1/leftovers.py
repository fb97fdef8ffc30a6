"""Finds processes that outlived their parents in /proc, signals them by descriptor, waits for their end.

A pidfd names one process for ever; a bare number may be another process's by the time a signal is sent. Used
for the rest of a dead leader's group, and at the end for everything else.
"""

from __future__ import annotations

import errno
import os

from supervice.lean.builtin import signal
from supervice.pid1.signals import AFTER_KILL_OF_LEFTOVERS, signal_group, signal_pidfd, signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from supervice.lean.loop import Cancellable, EventLoop

# In place of a descriptor when the kernel (before 5.3) or a sandbox gives none: then the process is known by
# its number and start time, which are checked before each signal.
NUMBER_ONLY = -1
RESCAN = 0.05
# Signs of forking faster than we look: a process is gone before we can signal it, MANY_WAVES looks in a row
# show new ones, or our list of children changes while we read it, ONCE_MORE times in a row. Then we look
# every HURRY seconds, and it counts as gone after QUIET seconds and QUIET_LOOKS looks without any.
HURRY = 0.005
QUIET = 0.3
QUIET_LOOKS = 10
MANY_WAVES = 3
ONCE_MORE = 5


class Stat:
    """The part of /proc/PID/stat that is used here; `started` in clock ticks since boot.

    `environment`: its size in bytes; -1 for a process without memory: for a moment during exec, and from the
    beginning of its end until it is a zombie.
    """

    __slots__ = ("environment", "name", "pgrp", "pid", "ppid", "session", "started", "state")

    def __init__(self, pid: int, text: bytes) -> None:
        # The name may hold blanks and brackets; all other fields follow the last bracket.
        head, _, tail = text.rpartition(b")")
        fields = tail.split()
        self.pid = pid
        self.name = head.partition(b"(")[2].decode(errors="replace")
        self.state = fields[0].decode()
        self.ppid = int(fields[1])
        self.pgrp = int(fields[2])
        self.session = int(fields[3])
        self.started = int(fields[19])
        begin, end = fields[47:49] if len(fields) > 48 else (b"0", b"0")
        self.environment = -1 if end == b"0" else int(end) - int(begin)
        if self.state == "Z" and int(fields[17]) > 1:
            self.state = "S"  # its first thread has ended, the others live


def read_stat(pid: int) -> Stat | None:
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return Stat(pid, os.read(fd, 4096))
    except (OSError, ValueError, IndexError):
        return None
    finally:
        os.close(fd)


def processes() -> Iterator[Stat]:
    """Yields every process that /proc shows and that is not a zombie."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    for name in names:
        if name.isdecimal():
            stat = read_stat(int(name))
            if stat is not None and stat.state not in "ZX":
                yield stat


def descendants(root: int) -> list[Stat]:
    """Returns every process below `root`; a call of setsid does not change that."""
    found: list[Stat] = []
    todo = [root]
    while todo:
        kids = children_of(todo.pop())
        if kids is None:
            return _descendants_by_parent(root)
        for pid in kids:
            todo.append(pid)
            stat = read_stat(pid)
            if stat is not None and stat.state not in "ZX":
                found.append(stat)
    return found


def children_of(pid: int) -> list[int] | None:
    """Returns the children of all its threads; None without CONFIG_PROC_CHILDREN."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            fd = os.open(f"/proc/{pid}/task/{thread}/children", os.O_RDONLY | os.O_CLOEXEC)
            try:
                while part := os.read(fd, 65536):
                    found += map(int, part.split())
            finally:
                os.close(fd)
    except OSError:  # it has ended meanwhile, unless the kernel has no such file for us either
        me = os.getpid()
        return found if os.path.exists(f"/proc/{me}/task/{me}/children") else None
    return found


def zombie_children() -> list[int]:
    """Returns the children of this process that have ended and were not waited for yet."""
    stats = (read_stat(pid) for pid in children_of(os.getpid()) or ())
    return [stat.pid for stat in stats if stat is not None and stat.state == "Z"]


def look_through(
    find: Callable[[], list[Stat]], children: Callable[[], list[int] | None]
) -> tuple[list[Stat], bool]:
    """Returns what `find` finds and, when that is nothing, whether it is certain that nothing is there.

    A process that forks and ends between the listing of our `children` and the look at each of them is
    missed, but the kernel makes its child ours before it becomes a zombie. No child of ours leaves the list
    while we do not wait for it, so the new child shows in a later list. When both lists are equal, none was
    missed.
    """
    for _ in range(ONCE_MORE):
        before = children()
        found = find()
        if found or children() == before:
            return found, True
    return [], False


def _descendants_by_parent(root: int) -> list[Stat]:
    children: dict[int, list[Stat]] = {}
    for stat in processes():
        children.setdefault(stat.ppid, []).append(stat)
    found: list[Stat] = []
    todo = [root]
    while todo:
        for stat in children.get(todo.pop(), ()):
            found.append(stat)
            todo.append(stat.pid)
    return found


def everyone_else(me: int) -> list[Stat]:
    """Returns every process of the namespace whose PID 1 is `me`."""
    return [stat for stat in processes() if stat.pid != me]


class Hunt:
    """Stops whatever `find` finds: `signum`, a grace in seconds, SIGKILL; then calls `done(left)` once.

    `left` are the processes that survive even SIGKILL. It looks again until nothing new appears, because a
    process that is being stopped may still fork. One that forks and ends between the look and the signal is
    caught by a SIGKILL to its whole group, which no fork escapes.
    """

    def __init__(
        self,
        loop: EventLoop,
        find: Callable[[], list[Stat]],
        done: Callable[[list[Stat]], object],
        *,
        signum: int = signal.SIGTERM,
        grace: float = 5.0,
        notify: Callable[[list[Stat], int], object] | None = None,
        spared: Callable[[Stat], bool] | None = None,
        kill_all: Callable[[], object] | None = None,
        certain: Callable[[], bool] | None = None,
        thorough: bool = True,
    ) -> None:
        """Begins the hunt.

        `spared(stat)`: the process has had its stop signal; it is waited for, and gets SIGKILL like the
        others. `kill_all()` sends SIGKILL to all that `find` may find, faster than `find` can. `certain()`
        returns whether nothing is there when `find` has found nothing. With `thorough` false the first look
        that finds nothing is believed: what it missed ends with us.
        """
        self._loop = loop
        self._find = find
        self._done = done
        self._signum = signum
        self._notify = notify
        self._spared = spared
        self._kill_all = kill_all
        self._certain = certain
        self._thorough = thorough
        self._elusive = False  # whether some were there and gone before they could be signalled
        self._waves = 0  # looks that found something new
        self._empty_since = 0.0
        self._empty_looks = 0
        self._fds: dict[tuple[int, int], int] = {}  # (pid, started) -> pidfd
        self._gone: set[tuple[int, int]] = set()
        self._finished = False
        self._rescan: Cancellable | None = None
        self._deadline = loop.call_later(grace, self.kill)
        self._look()

    def kill(self) -> None:
        """Ends the grace: SIGKILL now."""
        if self._finished:
            return
        self._deadline.cancel()
        self._signum = signal.SIGKILL
        for key, fd in self._fds.items():
            _send(key, fd, signal.SIGKILL)
        self._deadline = self._loop.call_later(AFTER_KILL_OF_LEFTOVERS, self._give_up)
        self._look()

    def _look(self) -> None:
        if self._finished:
            return
        for key in [key for key, fd in self._fds.items() if fd == NUMBER_ONLY]:
            if not _is_there(key):
                self._forget(key)
        fresh = []
        missed = False
        begun = self._loop.time()
        if self._signum == signal.SIGKILL and self._kill_all is not None:
            self._kill_all()
        found, certain = self._search()
        if self._signum == signal.SIGKILL:
            self._kill_groups(found)
        for stat in found:
            key = (stat.pid, stat.started)
            if key in self._fds or key in self._gone:
                continue
            fd = _open(stat)
            if fd is None:
                missed = True
                continue
            fresh.append(stat)
            self._fds[key] = fd
            if fd != NUMBER_ONLY:
                self._loop.add_reader(fd, self._one_gone, key)
            if self._spared is not None and self._signum != signal.SIGKILL and self._spared(stat):
                continue
            _send(key, fd, self._signum)
            if self._signum == signal.SIGTERM:
                _send(key, fd, signal.SIGCONT)  # a stopped process would not see its SIGTERM
        if fresh and self._notify is not None:
            self._notify(fresh, self._signum)
        self._waves += bool(fresh)
        self._elusive = self._elusive or missed or self._waves >= MANY_WAVES
        if self._fds or missed:
            self._empty_since, self._empty_looks = 0.0, 0
        elif self._is_over(certain):
            self._finish([])
            return
        if fresh or not self._fds or self._elusive or NUMBER_ONLY in self._fds.values():
            if self._rescan is not None:
                self._rescan.cancel()
            pause = HURRY if self._elusive or not self._fds else RESCAN
            self._rescan = self._loop.call_later(max(pause, 4 * (self._loop.time() - begun)), self._look)

    def _search(self) -> tuple[list[Stat], bool]:
        """Returns what is there, and whether an empty result is certain."""
        if not self._thorough:
            return self._find(), True
        if self._certain is None:
            return look_through(self._find, lambda: children_of(os.getpid()))
        return self._find(), self._certain()

    def _is_over(self, certain: bool) -> bool:
        """Returns whether nothing is left, after a look that found nothing."""
        if certain and not self._elusive:
            return True
        now = self._loop.time()
        self._empty_since = self._empty_since or now
        self._empty_looks += 1
        return now - self._empty_since >= QUIET and self._empty_looks >= QUIET_LOOKS

    def _kill_groups(self, found: list[Stat]) -> None:
        """Sends SIGKILL to the groups of those that are our children.

        Until we reap one, in the next turn at the earliest, no other group can have its number.
        """
        me, session = os.getpid(), os.getsid(0)
        for group in {stat.pgrp for stat in found if stat.ppid == me and stat.session != session}:
            if group > 1:
                signal_group(group, signal.SIGKILL)

    def _forget(self, key: tuple[int, int]) -> None:
        fd = self._fds.pop(key)
        self._gone.add(key)
        if fd != NUMBER_ONLY:
            self._loop.remove_reader(fd)
            os.close(fd)

    def _one_gone(self, key: tuple[int, int]) -> None:
        self._forget(key)
        if not self._fds:
            self._look()  # for what it forked meanwhile

    def _give_up(self) -> None:
        self._finish(self._find())

    def _finish(self, left: list[Stat]) -> None:
        self._finished = True
        self._deadline.cancel()
        if self._rescan is not None:
            self._rescan.cancel()
        for key in list(self._fds):
            self._forget(key)
        self._done(left)


def _open(stat: Stat) -> int | None:
    """Returns a descriptor of that very process, or NUMBER_ONLY when the kernel gives none.

    None when the process is gone or another one, or when we have no descriptor left: then it needs another
    look.
    """
    try:
        fd = os.pidfd_open(stat.pid)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            return None
        fd = NUMBER_ONLY
    # The number may have passed to another process since, even within one tick of the clock.
    again = read_stat(stat.pid)
    if again is None or (again.started, again.pgrp, again.session) != (
        stat.started,
        stat.pgrp,
        stat.session,
    ):
        if fd != NUMBER_ONLY:
            os.close(fd)
        return None
    return fd


def _is_there(key: tuple[int, int]) -> bool:
    pid, started = key
    stat = read_stat(pid)
    return stat is not None and stat.started == started and stat.state not in "ZX"


def _send(key: tuple[int, int], fd: int, signum: int) -> None:
    if fd != NUMBER_ONLY:
        signal_pidfd(fd, signum)
    elif _is_there(key):
        signal_process(key[0], signum)
