"""The public names of health checks: one question to one process, and the pace of asking it.

A check only reports: `HealthChecked`, with the pid that was checked, goes to the process, and the state
machine (`lifecycle.transition`) decides. The daemon imports this module for the first program that has a
check.
"""

from __future__ import annotations

from supervice.checks.base import HealthChecker, HealthCheckResult
from supervice.checks.monitor import HealthMonitor
from supervice.checks.script import ScriptHealthChecker
from supervice.checks.tcp import TCPHealthChecker
from supervice.models import HealthCheckConfig, HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.pid1.runtime import Runtime
    from supervice.pid1.spawn import Order

__all__ = [
    "HealthCheckConfig",
    "HealthCheckResult",
    "HealthCheckType",
    "HealthChecker",
    "HealthMonitor",
    "ScriptHealthChecker",
    "TCPHealthChecker",
    "create_health_checker",
]


def create_health_checker(
    config: HealthCheckConfig,
    runtime: Runtime | None = None,
    prepare: Callable[[list[str], int, int], Order] | None = None,
) -> HealthChecker | None:
    """Returns the checker that `config` asks for; None for the type `none`."""
    if config.type is HealthCheckType.TCP:
        return TCPHealthChecker(config)
    if config.type is HealthCheckType.SCRIPT:
        return ScriptHealthChecker(config, runtime, prepare)
    if config.type is HealthCheckType.HTTP:
        from supervice.checks.http import HTTPHealthChecker

        return HTTPHealthChecker(config)
    return None
