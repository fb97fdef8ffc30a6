"""What accompanies one run of a program, from its spawn to its end: so far its health monitor.

Made by `Process` for each run of a program that needs any of it, and for no other. It watches and reports to
the process; it decides nothing.
"""

from __future__ import annotations

from supervice.health import HealthMonitor, create_health_checker
from supervice.models import HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.clerk import Clerk
    from supervice.launch import Launcher
    from supervice.models import ProgramConfig
    from supervice.pid1.spawn import Order


class Companions:
    """Of one run."""

    __slots__ = ("_config", "_health", "_launcher", "_process")

    def __init__(self, process: Clerk, config: ProgramConfig, launcher: Launcher) -> None:
        self._process = process
        self._config = config
        self._launcher = launcher
        self._health: HealthMonitor | None = None

    def start_health(self, pid: int) -> None:
        """Asks whether it is well, from now on."""
        config, launcher, process = self._config, self._launcher, self._process

        def prepare(argv: list[str], null: int, output: int) -> Order:
            return launcher.order(config, argv, null, output, output)

        checker = create_health_checker(config.healthcheck, launcher.runtime, prepare)
        if checker is not None:
            self._health = HealthMonitor(
                launcher.runtime.loop,
                checker,
                config.healthcheck,
                lambda healthy, message, counts: process.health_checked(pid, healthy, message, counts),
            )

    def stop_health(self) -> None:
        if self._health is not None:
            self._health.stop()
            self._health = None


def companions(process: Clerk, config: ProgramConfig, launcher: Launcher) -> Companions | None:
    """None for a program that asks for nothing of this."""
    if config.healthcheck.type is HealthCheckType.NONE:
        return None
    return Companions(process, config, launcher)
