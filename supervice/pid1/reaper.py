"""The only module that waits for children.

The caller that spawns registers the pid in the same turn of the loop, before any wait can run; waiting for a
pid and forgetting it are one step too. So no status is lost, and no signal can go to a pid that the kernel
has given to another process.

`Reaper` is for a process that is ours alone (the daemon, PID 1 or subreaper): it collects every child,
unregistered ones (orphans) silently. `PoliteReaper` is for an embedding application: it waits only for
registered pids, because all other children are the application's.
"""

from __future__ import annotations

import os
import time

from supervice.pid1.leftovers import children_of, processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.lean.loop import EventLoop

    class AnyReaper(Protocol):
        def register(
            self, pid: int, on_exit: Callable[[int], object], before_reap: Callable[[], object] | None = None
        ) -> None: ...
        def poll(self) -> bool: ...
        @property
        def old(self) -> bool: ...
        def knows(self, pid: int) -> bool: ...
        def strangers(self, *, fresh: bool = False) -> list[int] | None: ...
        def close(self) -> None: ...


PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT
# Two orphans within so many seconds make a storm.
STORM_GAP = 0.001
# The most children, and seconds of work that follows from them (each may be respawned at once), per turn:
# more would keep timers and the control socket waiting.
BATCH = 256
TURN = 0.01
# The status to report when other code has taken that of our child: a failure, since it is unknown.
STOLEN = 255
POLL_SECONDS = 0.1
# Listing our children is expensive when it takes more seconds than this; then the list is used for so many
# times as long.
DEAR = 0.001
SPARING = 20
# Bytes that one read of the list of our children gives at most.
PAGE = 4096
# Seconds within which the rest of an application must have waited for a child of its own.
PATIENCE = 1.0


class Reaper:
    """Collects every child of this process; `poll` is called on SIGCHLD."""

    def __init__(self, loop: EventLoop, on_orphan: Callable[[int, int], object] | None = None) -> None:
        self._loop = loop
        self._on_orphan = on_orphan
        self._children: dict[int, tuple[Callable[[int], object], Callable[[], object] | None]] = {}
        self._again = False
        self._last_orphans = 0.0
        self._list = -1  # the descriptor of the list of our children
        self._strangers: list[int] = []
        self._look_again = 0.0
        self.old = False  # whether the last list of strangers was made before it was asked for

    def register(
        self, pid: int, on_exit: Callable[[int], object], before_reap: Callable[[], object] | None = None
    ) -> None:
        """Calls `on_exit(status)` when the pid is reaped: the exit code, or -n for signal n.

        `before_reap()` runs before that, while the zombie still pins its pid and group.
        """
        self._children[pid] = (on_exit, before_reap)

    def poll(self) -> bool:
        """Collects ended children, at most BATCH of them, and continues in the next turn.

        Returns True in a storm of orphans: they come one after another, and the caller may let a few gather.
        """
        children, waitid, waitpid = self._children, os.waitid, os.waitpid
        give_up = time.monotonic() + TURN
        orphans = 0
        for count in range(BATCH):
            if count & 7 == 7 and time.monotonic() > give_up:
                break
            # This leaves the zombie: it must still pin its group when the leftovers are dealt with.
            try:
                seen = waitid(os.P_ALL, 0, PEEK)
            except ChildProcessError:
                seen = None
            if seen is None:
                return orphans == count > 0 and self._is_storm()
            pid = seen.si_pid
            child = children.pop(pid, None)
            if child is None:
                orphans += 1
                status = waitpid(pid, os.WNOHANG)[1]
                if self._on_orphan is not None:
                    _guarded(self._loop, self._on_orphan, pid, os.waitstatus_to_exitcode(status))
            else:
                # An error in a callback goes to the loop, so that no other child loses its status.
                if child[1] is not None:
                    _guarded(self._loop, child[1])
                _guarded(self._loop, child[0], _collect(pid))
        if not self._again:
            self._again = True
            self._loop.call_soon(self._poll_again)
        return False

    def _is_storm(self) -> bool:
        """Returns whether the last turn with nothing but orphans was a moment ago."""
        before, self._last_orphans = self._last_orphans, self._loop.time()
        return self._last_orphans - before < STORM_GAP

    def _poll_again(self) -> None:
        self._again = False
        self.poll()

    def knows(self, pid: int) -> bool:
        return pid in self._children

    def strangers(self, *, fresh: bool = False) -> list[int]:
        """Returns the unregistered children of this process, orphans, newest last.

        The kernel takes long to list thousands of children, so the list may be old by a multiple of that
        time, unless it has to be `fresh`, so that none in it was reaped meanwhile.
        """
        begun = time.monotonic()
        self.old = begun < self._look_again and not fresh
        if self.old:
            return self._strangers
        known = self._children
        try:
            text = self._read_children()
        except OSError:  # a kernel that does not tell, or no descriptor left
            children = children_of(os.getpid())
            if children is None:
                me = os.getpid()
                children = [stat.pid for stat in processes() if stat.ppid == me]
        else:
            # Each number has a blank behind it. All of them are read only where there are more than we know.
            children = [] if text.count(b" ") == len(known) else [int(pid) for pid in text.split()]
        found = [pid for pid in children if pid not in known]
        cost = time.monotonic() - begun
        if cost > DEAR:
            self._strangers, self._look_again = found, begun + cost * SPARING
        return found

    def _read_children(self) -> bytes:
        """Returns the children of our first thread, which spawns them, and to which orphans come. OSError.

        Every end of a leader asks, and to open the file takes longer than to read it: it is kept open.
        """
        if self._list < 0:
            me = os.getpid()
            self._list = os.open(f"/proc/{me}/task/{me}/children", os.O_RDONLY | os.O_CLOEXEC)
        text = part = os.pread(self._list, PAGE, 0)
        while len(part) > PAGE // 2:  # the kernel fills a page, but for a number
            part = os.pread(self._list, PAGE, len(text))
            text += part
        return text

    def close(self) -> None:
        self._children.clear()
        if self._list >= 0:
            os.close(self._list)
            self._list = -1


class PoliteReaper:
    """Waits for registered pids only, each by a pidfd, and touches no signal handler."""

    old = False

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._children: dict[int, int] = {}
        self._open = True

    def register(
        self, pid: int, on_exit: Callable[[int], object], before_reap: Callable[[], object] | None = None
    ) -> None:
        """Does the same as `Reaper.register`."""
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:  # a kernel or sandbox without pidfds, or no descriptors left
            self._children[pid] = -1
            self._loop.call_later(POLL_SECONDS, self._look, pid, on_exit, before_reap)
            return
        self._children[pid] = pidfd
        self._loop.add_reader(pidfd, self._ended, pid, on_exit, before_reap)

    def _ended(
        self, pid: int, on_exit: Callable[[int], object], before_reap: Callable[[], object] | None
    ) -> None:
        pidfd = self._children.pop(pid)
        self._loop.remove_reader(pidfd)
        os.close(pidfd)
        if before_reap is not None:
            _guarded(self._loop, before_reap)
        on_exit(_collect(pid))

    def _look(
        self, pid: int, on_exit: Callable[[int], object], before_reap: Callable[[], object] | None
    ) -> None:
        if not self._open:
            return
        try:
            seen = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            seen = True  # type: ignore[assignment]
        if seen is None:
            self._loop.call_later(POLL_SECONDS, self._look, pid, on_exit, before_reap)
            return
        del self._children[pid]
        if before_reap is not None:
            _guarded(self._loop, before_reap)
        on_exit(_collect(pid))

    def poll(self) -> bool:
        """Does nothing: the loop watches the descriptors."""
        return False

    def knows(self, pid: int) -> bool:
        return pid in self._children

    def strangers(self, *, fresh: bool = False) -> list[int] | None:
        """Returns None: an application gets no orphans, and its other children are its own."""
        return None

    def close(self) -> None:
        self._open = False
        for pidfd in self._children.values():
            if pidfd >= 0:
                self._loop.remove_reader(pidfd)
                os.close(pidfd)
        self._children.clear()


class OrphanSweep:
    """Collects orphans for an application that is PID 1 itself, and leaves it its own children.

    The kernel does not say which zombie is an orphan and which a child that the application is about to wait
    for. The application waits at once, so what is still there after PATIENCE is an orphan.
    """

    def __init__(self, loop: EventLoop, zombies: Callable[[], list[int]], ours: AnyReaper) -> None:
        self._loop = loop
        self._zombies = zombies
        self._ours = ours
        self._seen: frozenset[int] = frozenset()
        self._due = False
        self._open = True

    def poll(self) -> bool:
        """Notes that a child has ended; looks when the application has had time to wait for it."""
        if not self._due and self._open:
            self._due = True
            self._loop.call_later(PATIENCE, self._sweep)
        return False

    def _sweep(self) -> None:
        self._due = False
        if not self._open:
            return
        now = frozenset(pid for pid in self._zombies() if not self._ours.knows(pid))
        for pid in now & self._seen:
            _collect(pid)
        self._seen = now - self._seen
        if self._seen:
            self.poll()

    def close(self) -> None:
        self._open = False


def collect_unregistered(pid: int) -> None:
    """Waits for a child that is about to end and was never registered: a fork whose exec failed."""
    os.waitpid(pid, 0)


def _guarded(loop: EventLoop, callback: Callable[..., object], *args: int) -> None:
    try:
        callback(*args)
    except Exception as error:
        loop.call_soon(_raise, error)


def _raise(error: Exception) -> None:
    raise error


def _collect(pid: int) -> int:
    """Returns the status of a child that is known to have ended."""
    try:
        _, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return STOLEN
    return os.waitstatus_to_exitcode(status)
