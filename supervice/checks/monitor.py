"""Paces a check: asks at once, then every `interval` seconds."""

from __future__ import annotations

import time

from supervice.checks.base import HealthCheckResult
from supervice.lean.loop import sleep
from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.checks.base import HealthChecker
    from supervice.lean.loop import EventLoop
    from supervice.models import HealthCheckConfig

# While others wait for the program: the first pause between two checks, how it grows, and the longest.
FIRST_PAUSE = 0.05
GROWTH = 1.5
LONGEST_PAUSE = 1.0


class HealthMonitor:
    """Asks one process again and again: at once, then every `interval` seconds.

    Failures in the first `start_period` seconds do not count, until a check has passed (Docker's rule). It
    calls `report(healthy, message, counts)` after each check, or `unknown(message)` when the check could not
    be run, which says nothing about the process. With `eager` it asks more often until a check has passed,
    because others wait for the answer.
    """

    def __init__(
        self,
        loop: EventLoop,
        checker: HealthChecker,
        config: HealthCheckConfig,
        report: Callable[[bool, str, bool], object],
        *,
        unknown: Callable[[str], object] | None = None,
        eager: bool = False,
    ) -> None:
        self._loop = loop
        self._checker = checker
        self._config = config
        self._report = report
        self._unknown = unknown
        self._lenient_until = loop.time() + config.start_period
        self._pause = FIRST_PAUSE if eager else 0.0
        self._spread = False
        self._stopped = False
        self._task = loop.create_task(self._run())

    async def _run(self) -> None:
        while not self._stopped:
            try:
                result = await self._checker.check()
            except Exception as error:
                words = f"the check failed: {type(error).__name__}: {error}"
                result = HealthCheckResult(False, words, isinstance(error, MemoryError))
            if self._stopped:
                return
            if result.healthy:
                self._lenient_until = 0.0
                self._pause = 0.0
            if not result.unknown:
                self._report(result.healthy, clean(result.message), self._loop.time() >= self._lenient_until)
            elif self._unknown is not None:
                self._unknown(clean(result.message))
            await sleep(self._loop, self._next())

    def _next(self) -> float:
        interval = self._config.interval
        if self._pause:
            pause = min(self._pause, interval)
            self._pause = min(self._pause * GROWTH, LONGEST_PAUSE)
            return pause
        if not self._spread:
            # Two hundred programs that start together must not be checked at the same moment for ever.
            self._spread = True
            return interval * (time.monotonic_ns() // 100 % 1000 + 1) / 1000
        return interval

    def stop(self) -> None:
        """Stops asking. A check under way is abandoned and its script killed; no report comes after this."""
        self._stopped = True
        self._task.cancel()
