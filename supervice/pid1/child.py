"""One run of a program: a live pid, its process group, and what is left of the group when the leader dies.

It never signals a pid that was reaped: `returncode` is set in the same step in which the reaper forgets it.
To embedders it is what `asyncio.subprocess.Process` is: `pid`, `returncode`, `wait()`, `send_signal()`,
`terminate()`, `kill()`.
"""

from __future__ import annotations

import os

from supervice.lean.builtin import signal
from supervice.pid1.leftovers import Hunt, group_members, read_stat
from supervice.pid1.signals import group_is_empty, signal_group, signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import AnyFuture
    from supervice.pid1.leftovers import Stat
    from supervice.pid1.runtime import Runtime


class Child:
    __slots__ = (
        "_clear_group",
        "_gone",
        "_grace",
        "_group",
        "_hunt",
        "_last_words",
        "_moved",
        "_runtime",
        "_stopping",
        "_waiters",
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
        clear_group: bool,
        grace: float,
        last_words: Callable[[], object] | None = None,
        moved: Callable[[Child, int], object] | None = None,
    ) -> None:
        """`gone(child)` is called once the leader is reaped and, with `clear_group`, nothing of its group is
        left; the members get SIGTERM (when no stop signal reached them before) and `grace` seconds.

        `last_words()` is called when the leader has ended, before it is reaped. With a `successor` that is
        ours by then the run goes on under its pid, and `moved(child, old_pid)` is called instead.
        """
        self.pid = pid
        self.successor = 0
        self._group = pid
        self._last_words = last_words
        self._moved = moved
        self.returncode: int | None = None
        self.spawned_at = runtime.loop.time()
        self._runtime = runtime
        self._gone = gone
        self._clear_group = clear_group
        self._grace = grace
        self._stopping = False
        self._hunt: Hunt | None = None
        self._waiters: list[AnyFuture] | None = None
        runtime.reaper.register(pid, self._reaped, self._before_reap if clear_group or last_words else None)

    def _before_reap(self) -> None:
        if self._last_words is not None:
            self._last_words()
        # The zombie still pins the group's number. A group that is being stopped has had its signal.
        if self._clear_group and not self._stopping and self._find_successor() is None:
            signal_group(self._group, signal.SIGTERM)

    def _find_successor(self) -> Stat | None:
        """The named successor, if it is a child of ours by now and nobody else's main process."""
        if not self.successor or self._runtime.reaper.knows(self.successor):
            return None
        stat = read_stat(self.successor)
        return stat if stat is not None and stat.ppid == os.getpid() else None

    def _reaped(self, status: int) -> None:
        successor = self._find_successor()
        if successor is not None and self._moved is not None:
            old, self.pid, self._group, self.successor = self.pid, successor.pid, successor.pgrp, 0
            before = self._before_reap if self._clear_group or self._last_words else None
            self._runtime.reaper.register(successor.pid, self._reaped, before)
            self._moved(self, old)
            return
        self.returncode = status
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(status)
        if self._clear_group and not group_is_empty(self._group):
            group = self._group
            self._hunt = Hunt(
                self._runtime.loop,
                lambda: group_members(group),
                self._group_gone,
                signum=0,  # they have had a signal; this waits for them
                grace=self._grace,
            )
        else:
            self._gone(self)

    def _group_gone(self, _left: list[Stat]) -> None:
        self._hunt = None
        self._gone(self)

    def signal(self, signum: int, *, group: bool, stop: bool = False) -> bool:
        """Signals the process or its group; `stop` says that this is its stop signal."""
        if self.returncode is not None:
            if self._hunt is not None and signum == signal.SIGKILL:
                self._hunt.kill()
            return False
        if stop and group:
            self._stopping = True
        return signal_group(self._group, signum) if group else signal_process(self.pid, signum)

    async def wait(self) -> int:
        """The exit code, or -n for signal n."""
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
