"""What every check has: it asks once, and gives an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod

from supervice.lean.dataclasses import dataclass


@dataclass
class HealthCheckResult:
    """The answer. `message` gives the reason for people; `unknown` says that the check could not be run."""

    healthy: bool
    message: str = ""
    unknown: bool = False


class HealthChecker(ABC):
    """One way to ask. `check` takes up to `timeout` seconds and never raises for an unhealthy program."""

    @abstractmethod
    async def check(self) -> HealthCheckResult:
        """Asks once."""
