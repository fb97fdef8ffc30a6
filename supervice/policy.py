"""From what the configuration says to what the law needs: signal names to numbers, options to a `Policy`."""

from __future__ import annotations

from supervice.config.values import stop_ladder
from supervice.lifecycle.states import KILL, Policy

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
        # without its last step: the law itself ends every ladder with SIGKILL
        stop_ladder=tuple(stop_ladder(config.stopsignal, config.stopwaitsecs)[:-1]) or ((KILL, 0.0),),
        health_retries=config.healthcheck.retries,
    )
    return _policies.setdefault(policy, policy)
