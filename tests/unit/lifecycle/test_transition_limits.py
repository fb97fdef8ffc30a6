"""`restart_limit` ends a process whatever restarts it, and what does not count changes nothing."""

from __future__ import annotations

import pytest

from supervice.lean.dataclasses import replace
from supervice.lifecycle import states as s
from supervice.lifecycle.states import ChildExited, Policy, ReadinessChecked, Run, Snapshot, Stop
from supervice.lifecycle.transition import transition

LIMIT = (2, 60.0)
NOW = 150.0
SPENT, FREE = (120.0, 130.0), (80.0, 130.0)  # the first of FREE is more than a minute ago
RUN = Run(7)


@pytest.mark.parametrize(("restarts", "state"), [(SPENT, s.FATAL), (FREE, s.BACKOFF), ((), s.BACKOFF)])
@pytest.mark.parametrize(
    "before",
    [
        Snapshot(s.STARTING, should_run=True, run=RUN),
        Snapshot(s.STOPPING, should_run=True, run=RUN, stop=Stop(s.SICK), reason="3 checks failed"),
        Snapshot(s.STOPPING, should_run=True, run=RUN, stop=Stop(s.UNREADY), reason="not ready in time"),
    ],
    ids=["a failed start", "bad health", "not ready"],
)
def test_the_limit_counts_each_automatic_restart(
    before: Snapshot, restarts: tuple[float, ...], state: str
) -> None:
    before = replace(before, restarts=restarts)
    after, _ = transition(before, ChildExited(7, 1, 0.1, at=NOW), Policy(startretries=9, restart_limit=LIMIT))
    assert after.state == state
    assert after.reason.startswith("more than 2 restarts in 60 s: ") == (state == s.FATAL)
    if state == s.BACKOFF:
        assert after.restarts[-1] == NOW
        assert all(NOW - at <= LIMIT[1] for at in after.restarts)


def test_a_failed_readiness_check_within_the_start_period_does_not_count() -> None:
    policy = Policy(waits_for_ready=True, asks_ready=True, readiness_retries=1)
    before = Snapshot(
        s.RUNNING, should_run=True, run=Run(7, started=True, ready=True, said_ready=True, passing=True)
    )
    assert transition(before, ReadinessChecked(7, False, counts=False), policy) == (before, [])
    after, _ = transition(before, ReadinessChecked(7, False), policy)
    assert not after.ready
    assert transition(before, ReadinessChecked(8, False), policy) == (before, [])
