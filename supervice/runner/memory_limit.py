"""Watches the memory of one run of a program that has a `memory_limit`, with all that it started.

Loaded with the first program that has one.
"""

from __future__ import annotations

from supervice import logger
from supervice.lean.text import size
from supervice.lifecycle.memory_limit import judge
from supervice.lifecycle.states import MEMORY, MemoryChecked
from supervice.pid1 import container_memory
from supervice.pid1.cgroup import find
from supervice.pid1.usage import fit, look_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.lean.loop import AnyFuture, Cancellable, EventLoop
    from supervice.models import ProgramConfig
    from supervice.pid1.cgroup import Cgroup

    class Turns(Protocol):
        """Whose turn it is to be restarted: why a process has to wait, "" where it has not."""

        def waits_for(self, name: str) -> str: ...
        def replaces(self, name: str, trigger: str) -> bool:
            """Returns whether a new process takes its place, and it goes on until then."""
            ...


class MemoryLimit:
    """The watch over one run, from the moment it is RUNNING to `stop`."""

    def __init__(
        self,
        loop: EventLoop,
        config: ProgramConfig,
        pid: int,
        report: Callable[[MemoryChecked], object],
        cgroup: Cgroup | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._loop = loop
        self._config = config
        self._pid = pid
        self._report = report
        self._cgroup = cgroup or find()
        self._over = 0
        self._said = False  # that it cannot be known
        self._turns = turns
        self._waits = ""  # what its restart was said to wait for
        self._task: AnyFuture | None = None
        self._timer: Cancellable | None = loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._task = self._loop.create_task(self._look())

    async def _look(self) -> None:
        usage = await look_at(self._loop, self._pid)
        self._task = None
        container = None if self._cgroup is None else container_memory.look(self._cgroup)
        if usage is not None and container is not None:
            usage = fit({self._pid: usage}, container.used)[self._pid]
        limit = self._limit(None if container is None else container.limit)
        memory = None if usage is None else usage.memory
        self._over, over, seconds = judge(self._over, memory, limit)
        self._timer = self._loop.call_later(seconds, self._begin)
        if memory is None or limit is None:
            self._say(
                "the container has no limit" if limit is None else "the kernel does not show its memory"
            )
        elif over is not None:
            about = "" if usage is None or usage.exact else "about "
            words = f"{about}{size(memory)} of memory, above its limit of {size(limit)}" if over else ""
            restarts = self._config.memory_limit_action == "restart"
            if over and restarts and self._turns is not None:
                restarts = self._may_restart(self._turns, f"{MEMORY}: {words}")
            self._report(MemoryChecked(self._pid, over, words, restarts))

    def _may_restart(self, turns: Turns, trigger: str) -> bool:
        """Returns whether it may be restarted now; asked at each look above the limit."""
        name, before = self._config.name, self._waits
        self._waits = turns.waits_for(name)
        if self._waits not in ("", before):
            logger.info(f"{name}: its restart waits: {self._waits}")
        return not self._waits and not turns.replaces(name, trigger)

    def _limit(self, container: int | None) -> int | None:
        """Returns the bytes; a share applies to the container's limit as it is now."""
        limit = self._config.memory_limit
        if isinstance(limit, float):
            return None if container is None else int(limit * container)
        return limit

    def _say(self, why: str) -> None:
        if not self._said:
            self._said = True
            logger.warning(f"{self._config.name}: memory_limit does nothing: {why}")

    def stop(self) -> None:
        for waiting in (self._timer, self._task):
            if waiting is not None:
                waiting.cancel()
        self._timer = self._task = None
