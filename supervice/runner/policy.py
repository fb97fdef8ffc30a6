"""Turns a configuration into what a run needs: a `Policy` with signals as numbers, and its `Monitors`."""

from __future__ import annotations

from supervice.config.values import stop_steps
from supervice.lean.builtin import signal
from supervice.lifecycle.states import Policy
from supervice.models import HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.models import ProgramConfig
    from supervice.runner.launcher import Launcher
    from supervice.runner.monitors import Monitors, Reports

# Equal programs, and all processes of one program, share one object.
_policies: dict[Policy, Policy] = {}


def policy_of(config: ProgramConfig) -> Policy:
    """Returns the policy of a process. ConfigValidationError for a value that no file could have."""
    try:
        policy = _policy(config)
    except (ValueError, TypeError, AttributeError) as error:  # built in Python
        from supervice.config import refuse_program

        refuse_program(config, error)
    return _policies.setdefault(policy, policy)


def _policy(config: ProgramConfig) -> Policy:
    return Policy(
        autorestart=bool(config.autorestart),
        restart_when_expected=config.autorestart != "unexpected",
        startsecs=config.startsecs,
        startretries=config.startretries,
        exitcodes=tuple(config.exitcodes),
        backoff=config.backoff,
        backoff_factor=config.backoff_factor,
        backoff_max=config.backoff_max,
        stop_ladder=stop_ladder(config.stopsignal, config.stopwaitsecs),
        final=config.main and not config.autorestart,
        oneshot=config.type == "oneshot" or config.schedule is not None,
        scheduled=config.schedule is not None,
        waits_for_ready=config.ready != "started",
        ready_timeout=config.ready_timeout,
        asks_ready=config.readiness.type is not HealthCheckType.NONE,
        readiness_retries=config.readiness.retries,
        restart_limit=config.restart_limit,
        pre_stop=config.pre_stop is not None,
        health_restarts=config.healthcheck.action == "restart",
        health_retries=config.healthcheck.retries,
        checks_health=config.healthcheck.type is not HealthCheckType.NONE or bool(config.watchdog),
    )


def stop_ladder(stopsignal: str, stopwaitsecs: float) -> tuple[tuple[int, float], ...]:
    """Returns signals, each with the seconds to wait after it; without SIGKILL, which ends every ladder."""
    ladder: list[tuple[int, float]] = []
    for signum, wait in stop_steps(stopsignal):
        if signum == signal.SIGKILL:
            break
        ladder.append((signum, stopwaitsecs if wait is None else wait))
    return tuple(ladder) or ((signal.SIGKILL, 0.0),)


def monitors_for(reports: Reports, config: ProgramConfig, launcher: Launcher) -> Monitors | None:
    """Returns the monitors of the next run; None for a program that needs none."""
    if not config.needs_monitors:
        return None
    from supervice.runner.monitors import Monitors

    return Monitors(reports, config, launcher)
