"""What every check is: a question that is asked once, and its answer."""

from __future__ import annotations

from abc import ABC, abstractmethod

from supervice.lean.dataclasses import dataclass


@dataclass
class HealthCheckResult:
    """`message` says why, in words for people. `unknown`: the check could not be run; nothing is said."""

    healthy: bool
    message: str = ""
    unknown: bool = False


class HealthChecker(ABC):
    """One way to ask. `check` may take `timeout` seconds and never raises for a sick program."""

    @abstractmethod
    async def check(self) -> HealthCheckResult:
        """Asks once."""
