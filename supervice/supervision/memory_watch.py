"""Opens the container's counter of kills when the daemon starts; loads the rest at the first kill.

Where no cgroup can be read, it claims nothing.
"""

from __future__ import annotations

from supervice import logger
from supervice.pid1.cgroup import KillCounter, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.events import EventBus
    from supervice.lean.loop import EventLoop
    from supervice.pid1.cgroup import Cgroup
    from supervice.supervision.journal import Journal
    from supervice.supervision.memory_kills import MemoryKills
    from supervice.supervision.table import ProcessTable


class MemoryWatch:
    """The watch of one daemon."""

    __slots__ = ("_counter", "_kills", "_parts", "_start", "cgroup")

    def __init__(
        self,
        loop: EventLoop,
        table: ProcessTable,
        journal: Journal,
        events: EventBus,
        cgroup: Cgroup | None = None,
    ) -> None:
        self._parts = (loop, table, journal, events)
        self._kills: MemoryKills | None = None
        self._counter: KillCounter | None = None
        self._start = 0
        self.cgroup = cgroup or find()  # None: it cannot be read
        if self.cgroup is None:
            return
        try:
            counter = KillCounter(self.cgroup)
        except OSError:
            return
        start = counter.read()
        if start is None:
            counter.close()
            return
        self._counter, self._start = counter, start
        counter.watch(loop, self.look)
        if self.cgroup.version == 2:
            from supervice.pid1.container_memory import WHOLE_CONTAINER, kills_whole_container

            if kills_whole_container(self.cgroup):
                logger.warning(WHOLE_CONTAINER)

    def total(self) -> int | None:
        """Returns how many processes were killed since the daemon began; None when they are not counted."""
        if self._counter is None:
            return None
        self.look()
        return 0 if self._kills is None else self._kills.total

    def _account(self) -> MemoryKills | None:
        """Returns the account of kills; None while there are none."""
        counter = self._counter
        if self._kills is None and counter is not None and self.cgroup is not None:
            if counter.read() == self._start:
                return None
            from supervice.supervision.memory_kills import MemoryKills

            self._kills = MemoryKills(counter.read, self._start, self.cgroup, *self._parts)
        return self._kills

    def look(self) -> None:
        """Records the kills since the last look."""
        kills = self._account()
        if kills is not None:
            kills.look()

    def blame(self, status: int, ours: bool) -> str:
        """Returns why a process that ended with `status` was killed, if memory was the reason; else "".

        `ours`: the last signal that it got was our own SIGKILL.
        """
        kills = self._account()
        return "" if kills is None else kills.blame(status, ours)

    def close(self) -> None:
        if self._kills is not None:
            self._kills.close()
            self._kills = None
        if self._counter is not None:
            self._counter.close()
            self._counter = None
