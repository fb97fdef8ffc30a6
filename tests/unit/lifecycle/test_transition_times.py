"""All that comes of a start that fails, of a time that is over and of looks: each field and each effect.

Everything that a case does not name stays as it was.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervice.lifecycle import states as s
from supervice.lifecycle.states import (
    ChildExited,
    ClearTimer,
    EndPreStop,
    MemoryChecked,
    Policy,
    ReadinessChecked,
    Run,
    RunExpired,
    RunPreStop,
    SetTimer,
    SignalGroup,
    SpawnFailed,
    StartHealthChecks,
    StopHealthChecks,
    StopReadiness,
    StopRequested,
    TimeExtended,
    TimerElapsed,
)
from supervice.lifecycle.steps import JITTER, KILL_AGAIN
from supervice.lifecycle.transition import transition
from tests.fakes.transition_cases import BY, DEAD, EXIT, LADDER, RUNNING, STARTING, STOPPING, UP, Case, say

EARLY = "exit code 3 after 0.50 s, before it was up (startsecs 1 s)"
STARTS: dict[str, Case] = {
    "before startsecs": (
        STARTING,
        ChildExited(7, 3, 0.5, at=50.0),
        Policy(restart_limit=(1, 60.0)),
        {**DEAD, "state": s.BACKOFF, "failures": 1, "restarts": (50.0,), "reason": EARLY},
        [ClearTimer(), SetTimer(1, JITTER), say(s.STARTING, s.BACKOFF, EARLY, EXIT, retry="retry 1 of 3")],
    ),
    "for the last time": (
        replace(STARTING, failures=1),
        ChildExited(7, 3, 0.5),
        Policy(startretries=1),
        {
            **DEAD,
            "state": s.FATAL,
            "should_run": False,
            "failures": 2,
            "reason": f"gave up after 2 failed starts: {EARLY}",
        },
        [ClearTimer(), say(s.STARTING, s.FATAL, f"gave up after 2 failed starts: {EARLY}", EXIT)],
    ),
    "once, without a retry": (
        STARTING,
        ChildExited(7, 3, 0.5),
        Policy(startretries=0),
        {
            **DEAD,
            "state": s.FATAL,
            "should_run": False,
            "failures": 1,
            "reason": f"gave up after 1 failed start: {EARLY}",
        },
        [ClearTimer(), say(s.STARTING, s.FATAL, f"gave up after 1 failed start: {EARLY}", EXIT)],
    ),
    "too often": (
        replace(STARTING, restarts=(50.0,)),
        ChildExited(7, 3, 0.5, at=50.0),
        Policy(restart_limit=(1, 60.0)),
        {
            **DEAD,
            "state": s.FATAL,
            "should_run": False,
            "failures": 1,
            "reason": f"more than 1 restarts in 60 s: {EARLY}",
        },
        [ClearTimer(), say(s.STARTING, s.FATAL, f"more than 1 restarts in 60 s: {EARLY}", EXIT)],
    ),
    "before it was ready": (
        replace(STARTING, run=Run(7, started=True)),
        ChildExited(7, 3, 2.0),
        Policy(waits_for_ready=True, startretries=-1),
        {**DEAD, "state": s.BACKOFF, "failures": 1, "reason": "exit code 3 after 2.0 s, before it was ready"},
        [
            StopReadiness(),
            SetTimer(1, JITTER),
            say(
                s.STARTING,
                s.BACKOFF,
                "exit code 3 after 2.0 s, before it was ready",
                EXIT,
                retry="retry 1",
            ),
        ],
    ),
    "of a oneshot": (
        STARTING,
        ChildExited(7, 3, 2.0),
        Policy(oneshot=True),
        {**DEAD, "state": s.BACKOFF, "failures": 1, "reason": "exit code 3"},
        [SetTimer(1, JITTER), say(s.STARTING, s.BACKOFF, "exit code 3", EXIT, retry="retry 1 of 3")],
    ),
    "of one that is never started again": (
        STARTING,
        ChildExited(7, 3, 2.0),
        Policy(final=True),
        {**DEAD, "state": s.EXITED, "should_run": False, "reason": "exit code 3"},
        [ClearTimer(), say(s.STARTING, s.EXITED, "exit code 3", EXIT, expected=False)],
    ),
    "without a child": (
        replace(STARTING, run=None),
        SpawnFailed("gone", code=126, at=50.0),
        Policy(restart_limit=(1, 60.0)),
        {
            "state": s.BACKOFF,
            "status": 126,
            "failures": 1,
            "restarts": (50.0,),
            "reason": "gone",
            "trigger": "spawn: gone",
        },
        [SetTimer(1, JITTER), say(s.STARTING, s.BACKOFF, "gone", "spawn: gone", retry="retry 1 of 3")],
    ),
    "for want of pids": (
        replace(STARTING, run=None, shortages=1),
        SpawnFailed("no pids", code=126, shortage=True),
        Policy(),
        {"state": s.BACKOFF, "shortages": 2, "reason": "no pids", "trigger": "spawn: no pids"},
        [SetTimer(2, JITTER), say(s.STARTING, s.BACKOFF, "no pids", "spawn: no pids", retry="next try")],
    ),
    "for want of pids, with the shortest wait": (
        replace(STARTING, run=None),
        SpawnFailed("no pids", shortage=True),
        Policy(backoff=0.0),
        {"state": s.BACKOFF, "shortages": 1, "reason": "no pids", "trigger": "spawn: no pids"},
        [SetTimer(0.5, JITTER), say(s.STARTING, s.BACKOFF, "no pids", "spawn: no pids", retry="next try")],
    ),
}
TIMES: dict[str, Case] = {
    "of a run": (
        STARTING,
        RunExpired("took too long"),
        replace(LADDER, scheduled=True, oneshot=True),
        {
            "state": s.STOPPING,
            "stop": s.Stop(s.OVERDUE, trigger="schedule: took too long"),
            "reason": "took too long",
            "trigger": "schedule: took too long",
        },
        [
            SignalGroup(15),
            SetTimer(10.0),
            say(s.STARTING, s.STOPPING, "took too long", "schedule: took too long"),
        ],
    ),
    "to become ready": (
        replace(STARTING, run=Run(7, started=True, ready_by=12.5)),
        TimerElapsed(),
        replace(LADDER, waits_for_ready=True, ready_timeout=9.0),
        {
            "state": s.STOPPING,
            "stop": s.Stop(s.UNREADY, trigger="ready_timeout: not ready within 12.5 s"),
            "reason": "not ready within 12.5 s",
            "trigger": "ready_timeout: not ready within 12.5 s",
        },
        [
            ClearTimer(),
            StopReadiness(),
            SignalGroup(15),
            SetTimer(10.0),
            say(s.STARTING, s.STOPPING, "not ready within 12.5 s", "ready_timeout: not ready within 12.5 s"),
        ],
    ),
    "of startsecs": (
        replace(STARTING, failures=2, reason="old"),
        TimerElapsed(),
        replace(LADDER, asks_ready=True),
        {"state": s.RUNNING, "run": Run(7, started=True), "failures": 0, "reason": ""},
        [say(s.STARTING, s.RUNNING, "", "operator: start"), StartHealthChecks(7)],
    ),
    "of the command before a stop": (
        replace(STOPPING, stop=s.Stop(step=s.PRE_STOP)),
        TimerElapsed(),
        LADDER,
        {"stop": s.Stop(step=0)},
        [EndPreStop(), SignalGroup(15), SetTimer(5.0)],
    ),
    "of the first signal": (
        STOPPING,
        TimerElapsed(),
        LADDER,
        {"stop": s.Stop(step=1, trigger=BY)},
        [SignalGroup(3), SetTimer(4.0)],
    ),
    "of the first signal, shortened": (
        replace(STOPPING, stop=s.Stop(waits=(2.0, 1.0), bounded=True)),
        TimerElapsed(),
        LADDER,
        {"stop": s.Stop(step=1, waits=(2.0, 1.0), bounded=True)},
        [SignalGroup(3), SetTimer(1.0)],
    ),
    "of the last signal": (
        replace(STOPPING, stop=s.Stop(step=1)),
        TimerElapsed(),
        LADDER,
        {"stop": s.Stop(step=2)},
        [SignalGroup(9), SetTimer(KILL_AGAIN)],
    ),
    "of a stop, less from now on": (
        STOPPING,
        StopRequested(within=12.0),
        LADDER,
        {"stop": s.Stop(trigger=BY, waits=(8.0, 4.0), bounded=True)},
        [SetTimer(8.0)],
    ),
    "of a stop, less from now on, in its second step": (
        replace(STOPPING, stop=s.Stop(step=1)),
        StopRequested(within=3.0),
        LADDER,
        {"stop": s.Stop(step=1, waits=(10.0, 3.0), bounded=True)},
        [SetTimer(3.0)],
    ),
    "of a stop, less from now on, while its command runs": (
        replace(STOPPING, stop=s.Stop(step=s.PRE_STOP)),
        StopRequested(within=12.0),
        replace(LADDER, pre_stop=True),
        {"stop": s.Stop(step=s.PRE_STOP, waits=(8.0, 4.0), bounded=True)},
        [SetTimer(4.0)],
    ),
    "of a stop that fits": (
        STOPPING,
        StopRequested(within=14.0),
        LADDER,
        {"stop": s.Stop(trigger=BY, bounded=True)},
        [],
    ),
    "of a stop that begins, less than it may take": (
        RUNNING,
        StopRequested(within=12.0, trigger=BY),
        replace(LADDER, pre_stop=True),
        {
            "state": s.STOPPING,
            "should_run": False,
            "run": replace(UP, ready=False),
            "stop": s.Stop(step=s.PRE_STOP, trigger=BY, waits=(8.0, 4.0), bounded=True),
            "trigger": BY,
        },
        [
            StopHealthChecks(),
            say(s.RUNNING, s.STOPPING, "asked to stop", BY),
            RunPreStop(),
            SetTimer(4.0),
        ],
    ),
}
READY = Policy(asks_ready=True, waits_for_ready=True, ready_timeout=10.0)
LOOKS: dict[str, Case] = {
    "readiness, after failures": (
        replace(RUNNING, run=replace(UP, ready=False, said_ready=True, readiness_failures=2)),
        ReadinessChecked(7, True),
        READY,
        {"run": replace(UP, ready=True, said_ready=True, passing=True, readiness_failures=0)},
        [],
    ),
    "more time, where nothing is waited for": (
        STARTING,
        TimeExtended(7, 50.0, 5.0),
        replace(READY, waits_for_ready=False),
        {},
        [],
    ),
    "more time, where there is no end of it": (
        STARTING,
        TimeExtended(7, 50.0, 5.0),
        replace(READY, ready_timeout=None),
        {},
        [],
    ),
    "memory of what is not up yet": (STARTING, MemoryChecked(7, True), LADDER, {}, []),
    "memory of what is another": (RUNNING, MemoryChecked(8, True), LADDER, {}, []),
}
CASES = {
    **{f"failed start: {name}": case for name, case in STARTS.items()},
    **{f"time: {name}": case for name, case in TIMES.items()},
    **{f"look: {name}": case for name, case in LOOKS.items()},
}


@pytest.mark.parametrize("case", CASES)
def test_what_comes_of_it(case: str) -> None:
    now, event, policy, changes, effects = CASES[case]
    assert transition(now, event, policy) == (replace(now, **changes), effects)
