"""Waits for restarts that start the new process beside the old one. Loaded with the first of them."""

from __future__ import annotations

from supervice.lean.loop import sleep
from supervice.lifecycle.states import EXITED, FATAL, UP
from supervice.runner.waiting import Until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.models import ProgramConfig
    from supervice.runner.waiting import Waitable

    class Restartable(Waitable, Protocol):
        def start_time(self) -> float: ...
        def stop_time(self) -> float: ...
        def request_restart(self, *, force: bool = False, trigger: str = "") -> Attempt | None: ...


# Seconds that a new, RUNNING process has to pass its readiness check, on top of the start period.
CHECKED_WITHIN = 5.0


class Attempt:
    """A requested restart, until it is settled; a second request that comes meanwhile joins it."""

    __slots__ = ("_waiters", "is_settled", "reason")

    def __init__(self) -> None:
        self.is_settled = False
        self.reason = ""  # why the old process goes on
        self._waiters: list[AnyFuture] = []

    def settle(self, reason: str) -> None:
        self.is_settled, self.reason = True, reason
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, loop: EventLoop, seconds: float) -> str:
        """Returns why the old process goes on; "" when the new one has taken over."""
        if not self.is_settled:
            waiter = loop.create_future()
            self._waiters.append(waiter)
            await sleep(loop, max(0.0, seconds), waiter)
        return self.reason if self.is_settled else "the new process is not ready yet"


async def failures(
    loop: EventLoop, attempts: Iterable[tuple[str, Attempt | None]], seconds: float
) -> dict[str, str]:
    """Waits until the attempts are settled; returns the names of processes that go on as before, and why."""
    give_up = loop.time() + seconds
    found = {
        name: await attempt.wait(loop, give_up - loop.time())
        for name, attempt in attempts
        if attempt is not None
    }
    return {name: reason for name, reason in found.items() if reason}


def start_time(config: ProgramConfig) -> float:
    """Returns the seconds after which it is clear whether a new process passes its readiness check."""
    return config.readiness.start_period + CHECKED_WITHIN


async def restart_beside(
    loop: EventLoop, processes: Sequence[Restartable], trigger: str, wait: float, seconds: float | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Restarts processes that have `overlap`, all at once.

    `seconds`: how long to wait; None: as long as it may take, and `wait` more. Returns which names go on as
    before and why, and the states that the others have reached.
    """
    if seconds is None:
        seconds = max(p.start_time() + start_time(p.config) + p.stop_time() for p in processes) + wait
    give_up = loop.time() + seconds
    attempts = [(p.config.name, p.request_restart(trigger=trigger)) for p in processes]
    kept = await failures(loop, attempts, seconds)
    # a process that was not up restarts alone; one whose old run has ended meanwhile is not ready yet
    rest = [process for process in processes if process.config.name not in kept]
    back = Until(rest, UP | {FATAL, EXITED})
    await back.wait(max(0.0, give_up - loop.time()))
    return kept, back.reached
