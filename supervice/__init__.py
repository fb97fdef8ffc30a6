"""supervice: a PID 1 for containers that run more than one process.

The public API can be imported from here: `from supervice import Supervisor, parse_config`. A name is loaded
from its module when it is first used, so the commands pay for nothing that they do not use.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.client import Controller
    from supervice.config import ConfigValidationError, parse_config
    from supervice.core import CannotSwitch, PidfileInUse, SocketInUse, Supervisor
    from supervice.events import Event, EventBus, EventType
    from supervice.health import (
        HealthChecker,
        HealthCheckResult,
        ScriptHealthChecker,
        TCPHealthChecker,
        create_health_checker,
    )
    from supervice.logger import get_logger, setup_logger
    from supervice.models import HealthCheckConfig, HealthCheckType, ProgramConfig, SupervisorConfig
    from supervice.process import (
        BACKOFF,
        EXITED,
        FATAL,
        RUNNING,
        STARTING,
        STOPPED,
        STOPPING,
        UNHEALTHY,
        NotReached,
        Process,
    )

__version__ = "0.1.0"

__all__ = [
    "BACKOFF",
    "EXITED",
    "FATAL",
    "RUNNING",
    "STARTING",
    "STOPPED",
    "STOPPING",
    "UNHEALTHY",
    "CannotSwitch",
    "ConfigValidationError",
    "Controller",
    "Event",
    "EventBus",
    "EventType",
    "HealthCheckConfig",
    "HealthCheckResult",
    "HealthCheckType",
    "HealthChecker",
    "NotReached",
    "PidfileInUse",
    "Process",
    "ProgramConfig",
    "ScriptHealthChecker",
    "SocketInUse",
    "Supervisor",
    "SupervisorConfig",
    "TCPHealthChecker",
    "__version__",
    "create_health_checker",
    "get_logger",
    "parse_config",
    "setup_logger",
]

# Module -> its names that can be imported from here.
_PUBLIC = {
    "client": ("Controller",),
    "config": ("ConfigValidationError", "parse_config"),
    "core": ("CannotSwitch", "PidfileInUse", "SocketInUse", "Supervisor"),
    "events": ("Event", "EventBus", "EventType"),
    "health": (
        "HealthCheckResult",
        "HealthChecker",
        "ScriptHealthChecker",
        "TCPHealthChecker",
        "create_health_checker",
    ),
    "logger": ("get_logger", "setup_logger"),
    "models": ("HealthCheckConfig", "HealthCheckType", "ProgramConfig", "SupervisorConfig"),
    "process": (
        "BACKOFF",
        "EXITED",
        "FATAL",
        "RUNNING",
        "STARTING",
        "STOPPED",
        "STOPPING",
        "UNHEALTHY",
        "NotReached",
        "Process",
    ),
}

if not TYPE_CHECKING:  # type checkers would take any name for one that is there

    def __getattr__(name):
        """Returns the public name `name`, loading it from its module the first time."""
        for module, names in _PUBLIC.items():
            if name in names:
                value = getattr(__import__(f"{__name__}.{module}", fromlist=(name,)), name)
                globals()[name] = value
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
