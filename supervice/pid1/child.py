"""One run of a program: a live pid, its process group, and what remains when the leader ends.

The owner decides about what remains (of its group, and of all that it started). It never signals a pid that
was reaped: `returncode` is set in the same step in which the reaper forgets it. Embedders see what
`asyncio.subprocess.Process` has: `pid`, `returncode`, `wait()`, `send_signal()`, `terminate()`, `kill()`.
"""

from __future__ import annotations

import os

from supervice.lean.builtin import signal
from supervice.pid1.leftovers import Hunt, read_stat
from supervice.pid1.signals import group_is_empty, signal_group, signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.lean.loop import AnyFuture, Cancellable
    from supervice.pid1.belongings import Belongings
    from supervice.pid1.leftovers import Stat
    from supervice.pid1.runtime import Runtime

    class Owner(Protocol):
        """Decides what becomes of the processes that a leader leaves."""

        looked_at: float  # when it last searched outside of the group, by the loop's clock
        unseen: bool  # whether the last end of a leader skipped that search

        def belongings(self) -> Belongings: ...
        def judge(self, child: Child, left: list[Stat]) -> int:
            """Returns what becomes of `left`: LEAVE, CLEAR_GROUP, CLEAR_LATER or CLEAR_ALL."""
            ...


# What becomes of the processes that the leader has left.
LEAVE = 0  # it lives on
CLEAR_GROUP = 1  # its group is stopped
CLEAR_LATER = 2  # the same after a moment, in which a process on its way to the background can call setsid
CLEAR_ALL = 3  # its group and everything else that it started are stopped

LOOKED_AT = 24  # orphans, the newest first, when a leader ends
# Seconds between two searches outside of the group of a program that ends again and again: a search takes a
# fifth of the time of a respawn.
LOOK_AGAIN = 5.0
# Seconds of that moment, at most: it ends when the group is empty, which is checked every TICK seconds.
MOMENT = 1.0
TICK = 0.02


class Child:
    __slots__ = (
        "_gone",
        "_grace",
        "_group",
        "_hunt",
        "_last_words",
        "_moment",
        "_moved",
        "_owner",
        "_runtime",
        "_session",
        "_stopping",
        "_waiters",
        "blame",
        "killed",
        "pid",
        "returncode",
        "spawned_at",
        "successor",
    )

    stdin = None
    stdout = None
    stderr = None

    def __init__(
        self,
        runtime: Runtime,
        pid: int,
        gone: Callable[[Child], object],
        *,
        grace: float,
        owner: Owner | None,
        last_words: Callable[[], object] | None = None,
        moved: Callable[[Child, int], object] | None = None,
    ) -> None:
        """Registers the pid; calls `gone(child)` when the leader is reaped and the rest cleared.

        Processes to be cleared get SIGTERM, unless a stop signal has reached them, and `grace` seconds;
        without an `owner` all that the leader leaves lives on. `last_words()` is called when the leader has
        ended, before it is reaped. With a successor that is ours by then the run continues under its pid,
        and `moved(child, old_pid)` is called instead.
        """
        self.pid = pid
        self.successor: Stat | None = None
        self.killed = False  # by us
        self.blame = ""  # why it was killed, when it was not by us and that is known
        self._group = self._session = pid
        self._last_words = last_words
        self._moved = moved
        self.returncode: int | None = None
        self.spawned_at = runtime.loop.time()
        self._runtime = runtime
        self._gone = gone
        self._owner = owner
        self._grace = grace
        self._stopping = False
        self._hunt: Hunt | None = None
        self._moment: Cancellable | None = None
        self._waiters: list[AnyFuture] | None = None
        runtime.reaper.register(pid, self._reaped, last_words)

    def __repr__(self) -> str:
        ended = "" if self.returncode is None else f" returncode={self.returncode}"
        return f"<Child pid={self.pid}{ended}>"

    def name_successor(self, pid: int) -> None:
        """Notes the process that continues the run when this one exits, if it is one of the program's."""
        from supervice.pid1.successor import successor

        self.successor = successor(pid, self.pid, self._session)

    def _find_successor(self) -> Stat | None:
        """Returns the named successor if it is our child by now and no other program's main process."""
        named = self.successor
        if named is None or self._runtime.reaper.knows(named.pid):
            return None
        stat = read_stat(named.pid)
        return (
            stat if stat is not None and (stat.ppid, stat.started) == (os.getpid(), named.started) else None
        )

    def _reaped(self, status: int) -> None:
        successor = self._find_successor()
        if successor is not None and self._moved is not None:
            old, self.pid, self.successor = self.pid, successor.pid, None
            # Elsewhere it may be in the group of another program.
            self._group = successor.pgrp if successor.session == self._session else successor.pid
            self._runtime.reaper.register(successor.pid, self._reaped, self._last_moment)
            self._moved(self, old)
            return
        self.returncode = status
        if status:  # now, since what it left may take long to end
            self.blame = self._runtime.blame(status, self.killed)
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(status)
        owner = self._owner
        in_group = owner is not None and not group_is_empty(self._group)
        if owner is None or not (in_group or self._may_have_left_any(owner)):
            self._gone(self)
            return
        # Few, for there may be a storm of orphans; a stop of the program looks at more. A process that has
        # just become an orphan is in no list made earlier.
        left = owner.belongings().find(group=self._group, most=LOOKED_AT, fresh=in_group)
        what = owner.judge(self, left) if left or self._stopping else LEAVE
        # Finding nothing may mean that it forks faster than we look: a stop makes sure.
        self._clear(what if left or what == CLEAR_ALL else LEAVE, self._group)

    def _last_moment(self) -> None:
        self._check_group()
        if self._last_words is not None:
            self._last_words()

    def _check_group(self) -> None:
        """Forgets the group of a successor that has left it: the number may be another program's by now.

        A process that leads no group pins its own pid: no other group can have that number.
        """
        try:
            if os.getpgid(self.pid) != self._group:
                self._group = self.pid
        except ProcessLookupError:
            self._group = self.pid

    def _may_have_left_any(self, owner: Owner) -> bool:
        """Returns whether a process outside of the group may be its own; in a crash loop it looks rarely."""
        now = self._runtime.loop.time()
        owner.unseen = now - owner.looked_at < LOOK_AGAIN and not self._stopping
        if owner.unseen:
            return False
        owner.looked_at = now
        reaper = self._runtime.reaper
        if reaper.strangers(fresh=self._stopping):
            return True
        owner.unseen = reaper.old
        return False

    def _clear(self, what: int, this_moment: int = 0) -> None:
        """Stops what was left. `this_moment`: the number of our group if it was reaped in this turn."""
        if what == LEAVE or self._owner is None:
            self._end()
        elif what == CLEAR_LATER:
            self._wait_a_moment(self._runtime.loop.time() + MOMENT)
        else:
            everything = what == CLEAR_ALL
            group, belongings = self._group, self._owner.belongings()

            def find() -> list[Stat]:
                nonlocal this_moment
                found, this_moment = belongings.find(group=this_moment), 0
                return [stat for stat in found if everything or stat.pgrp == group]

            self._hunt = Hunt(
                self._runtime.loop,
                find,
                self._end,
                grace=self._grace,
                kill_all=belongings.kill_orphans if everything else None,
                certain=lambda: belongings.certain,
                spared=(lambda stat: stat.pgrp == group) if self._stopping else None,
            )

    def _wait_a_moment(self, until: float) -> None:
        self._moment = None
        loop = self._runtime.loop
        if group_is_empty(self._group) or loop.time() >= until:
            self._clear(CLEAR_GROUP)
        else:
            self._moment = loop.call_later(TICK, self._wait_a_moment, until)

    def _end(self, _left: list[Stat] | None = None) -> None:
        self._hunt = None
        self._gone(self)

    def signal(self, signum: int, *, group: bool, stop: bool = False) -> bool:
        """Signals the process or its group; `stop` says that this is its stop signal."""
        if self.returncode is not None:
            if self._moment is not None and stop:
                self._moment.cancel()
                self._moment = None
                self._clear(CLEAR_ALL)
            if self._hunt is not None and signum == signal.SIGKILL:
                self._hunt.kill()
            return False
        if stop and group:
            self._stopping = True
        if signum == signal.SIGKILL:
            self.killed = True
        if group and self._group != self.pid:
            self._check_group()
        return (group and signal_group(self._group, signum)) or signal_process(self.pid, signum)

    async def wait(self) -> int:
        """Returns the exit code, or -n for signal n."""
        if self.returncode is None:
            if self._waiters is None:
                self._waiters = []
            future = self._runtime.loop.create_future()
            self._waiters.append(future)
            await future
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, signal: int) -> None:
        if self.returncode is None:
            signal_process(self.pid, signal)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
