"""From what the configuration says to what the law needs: signal names to numbers, options to a `Policy`."""

from __future__ import annotations

from supervice.config.values import stop_steps
from supervice.lifecycle.states import KILL, Policy
from supervice.models import HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.models import ProgramConfig

# Processes of one program, and programs alike, share one policy object.
_policies: dict[Policy, Policy] = {}


def policy_of(config: ProgramConfig) -> Policy:
    """What the configuration says about the life of a process. ValueError for what is no signal."""
    policy = Policy(
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
    )
    return _policies.setdefault(policy, policy)


def stop_ladder(stopsignal: str, stopwaitsecs: float) -> tuple[tuple[int, float], ...]:
    """What to send and how many seconds to wait for it, up to the SIGKILL that ends every ladder anyway."""
    ladder: list[tuple[int, float]] = []
    for signum, wait in stop_steps(stopsignal):
        if signum == KILL:
            break
        ladder.append((signum, stopwaitsecs if wait is None else wait))
    return tuple(ladder) or ((KILL, 0.0),)
