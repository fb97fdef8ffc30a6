"""Checks by connecting over TCP."""

from __future__ import annotations

from supervice.checks.base import HealthChecker, HealthCheckResult
from supervice.checks.connect import connect, lacks_means
from supervice.lean.loop import running_loop, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.models import HealthCheckConfig


class TCPHealthChecker(HealthChecker):
    """Healthy when a TCP connection to host:port is accepted within the timeout."""

    def __init__(self, config: HealthCheckConfig) -> None:
        self._config = config

    async def check(self) -> HealthCheckResult:
        config = self._config
        where = f"{config.host}:{config.port}"
        if config.port is None:
            return HealthCheckResult(False, "healthcheck_port is not set")
        try:
            await wait_for(running_loop(), _try(config.host, config.port), config.timeout)
        except TimeoutError:
            return HealthCheckResult(False, f"no answer from {where} within {config.timeout:g} s")
        except OSError as error:
            words = f"cannot connect to {where}: {error.strerror or error}"
            return HealthCheckResult(False, words, lacks_means(error))
        return HealthCheckResult(True, f"{where} accepts connections")


async def _try(host: str, port: int) -> None:
    (await connect(host, port)).close()
