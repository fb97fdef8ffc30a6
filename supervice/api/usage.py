"""Measures what processes and the container use, for `status` and `/metrics`. Loaded when a client asks.

Nothing is measured in between: the share of a CPU is that since the previous look.
"""

from __future__ import annotations

from supervice.lean.loop import running_loop
from supervice.pid1 import container_memory
from supervice.pid1.usage import Usage, fit, look
from supervice.supervision.status import pid_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from supervice.pid1.container_memory import Memory
    from supervice.process import Process
    from supervice.supervision.memory_watch import MemoryWatch

# The least time between two looks for a share, in seconds: CPU time is counted in ticks of 10 ms.
SHORTEST = 0.5


class _Before:
    """What a process had used at an earlier look."""

    __slots__ = ("cpu", "percent", "pid", "when")

    def __init__(self, pid: int, cpu: float, when: float, percent: float | None) -> None:
        self.pid = pid
        self.cpu = cpu
        self.when = when
        self.percent = percent


class Looks:
    """The looks of one daemon; it keeps, for each process, what it had used at the previous look."""

    def __init__(self, memory: MemoryWatch | None) -> None:
        self._memory = memory
        self._before: dict[str, _Before] = {}

    async def processes(self, processes: Collection[Process]) -> dict[str, dict[str, Any] | None]:
        """Returns what each process uses, with all that it started; None for one that does not run."""
        leaders = {process.config.name: pid_of(process) for process in processes}
        loop = running_loop()
        pids = [pid for pid in leaders.values() if pid is not None]
        found = fit(await look(loop, pids), self._container().used) if pids else {}
        now = loop.time()
        return {
            name: None if pid is None or pid not in found else self._row(name, pid, found[pid], now)
            for name, pid in leaders.items()
        }

    def container(self) -> dict[str, Any]:
        """Returns what the container uses; None for a value that is not known."""
        memory = self._container()
        kills = None if self._memory is None else self._memory.total()
        return {"memory": memory.used, "limit": memory.limit, "oom_kills": kills}

    def _container(self) -> Memory:
        cgroup = None if self._memory is None else self._memory.cgroup
        return container_memory.Memory() if cgroup is None else container_memory.look(cgroup)

    def _row(self, name: str, pid: int, usage: Usage, now: float) -> dict[str, Any]:
        before = self._before.get(name)
        if before is None or before.pid != pid:
            before = self._before[name] = _Before(pid, usage.cpu_seconds, now, None)
        elif now - before.when >= SHORTEST:
            # the sum lacks what processes had used that have ended since
            percent = max(0.0, usage.cpu_seconds - before.cpu) / (now - before.when) * 100
            before = self._before[name] = _Before(pid, usage.cpu_seconds, now, percent)
        return {
            "cpu_seconds": round(usage.cpu_seconds, 2),
            "cpu_percent": None if before.percent is None else round(before.percent, 1),
            "memory": usage.memory,
            "memory_estimated": not usage.exact,
            "processes": usage.processes,
            "open_files": usage.fds,
        }
