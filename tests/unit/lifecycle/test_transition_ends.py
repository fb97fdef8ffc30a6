"""All that comes of the exit of what was up or was stopped: each field and each effect.

Everything that a case does not name stays as it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervice.lifecycle import states as s
from supervice.lifecycle.states import (
    ChildExited,
    ClearTimer,
    EndPreStop,
    Policy,
    SetTimer,
    Snapshot,
    Spawn,
    StopHealthChecks,
    StopReadiness,
)
from supervice.lifecycle.steps import JITTER, QUICK
from supervice.lifecycle.transition import transition
from tests.fakes.transition_cases import BY, DEAD, EXIT, LADDER, RUNNING, STOPPING, Case, say

GONE = {"run": None, "stop": None, "status": 0}


def stopped_for(cause: str, **more: Any) -> Snapshot:
    return replace(STOPPING, should_run=True, stop=s.Stop(cause, trigger=BY), **more)


STOPS: dict[str, Case] = {
    "a stop that was asked for": (
        STOPPING,
        ChildExited(7, 0, 1.0),
        LADDER,
        {**GONE, "state": s.STOPPED, "reason": ""},
        [ClearTimer(), say(s.STOPPING, s.STOPPED, "exit code 0", BY)],
    ),
    "one whose command still ran": (
        replace(STOPPING, stop=s.Stop(step=s.PRE_STOP)),
        ChildExited(7, 0, 1.0),
        LADDER,
        {**GONE, "state": s.STOPPED, "reason": ""},
        [ClearTimer(), EndPreStop(), say(s.STOPPING, s.STOPPED, "exit code 0", BY)],
    ),
    "a restart": (
        stopped_for(s.ASKED),
        ChildExited(7, 0, 1.0),
        LADDER,
        {**GONE, "state": s.STARTING, "reason": ""},
        [ClearTimer(), say(s.STOPPING, s.STARTING, "restart", BY), Spawn()],
    ),
    "a run that had to end": (
        stopped_for(s.OVERDUE),
        ChildExited(7, 0, 1.0),
        LADDER,
        {**GONE, "state": s.EXITED, "should_run": False, "given_up": True},
        [ClearTimer(), say(s.STOPPING, s.EXITED, "why", BY, expected=False)],
    ),
    "not ready in time": (
        stopped_for(s.UNREADY),
        ChildExited(7, 0, 1.0),
        LADDER,
        {**GONE, "state": s.BACKOFF, "failures": 1, "given_up": True},
        [ClearTimer(), SetTimer(1, JITTER), say(s.STOPPING, s.BACKOFF, "why", BY, retry="retry 1 of 3")],
    ),
    "not ready in time, and never started again": (
        stopped_for(s.UNREADY),
        ChildExited(7, 0, 1.0),
        replace(LADDER, final=True),
        {**GONE, "state": s.FATAL, "should_run": False, "given_up": True},
        [ClearTimer(), say(s.STOPPING, s.FATAL, "why", BY)],
    ),
    "unhealthy": (
        stopped_for(s.SICK, health_restarts=3),
        ChildExited(7, 0, 1.0, at=50.0),
        replace(LADDER, restart_limit=(1, 60.0)),
        {**GONE, "state": s.BACKOFF, "given_up": True, "restarts": (50.0,)},
        [ClearTimer(), SetTimer(4, JITTER), say(s.STOPPING, s.BACKOFF, "why", BY, retry="retry 3 of 3")],
    ),
    "unhealthy, whatever was done": (
        stopped_for(s.SICK, health_restarts=1),
        ChildExited(7, 0, 1.0),
        replace(LADDER, startretries=0),
        {
            **GONE,
            "state": s.FATAL,
            "should_run": False,
            "given_up": True,
            "reason": "still unhealthy after 0 restarts: why",
        },
        [ClearTimer(), say(s.STOPPING, s.FATAL, "still unhealthy after 0 restarts: why", BY)],
    ),
    "unhealthy, without an end of retries": (
        stopped_for(s.SICK, health_restarts=9),
        ChildExited(7, 0, 1.0),
        replace(LADDER, startretries=-1),
        {**GONE, "state": s.BACKOFF, "given_up": True},
        [ClearTimer(), SetTimer(30, JITTER), say(s.STOPPING, s.BACKOFF, "why", BY, retry="retry 9")],
    ),
    "unhealthy too often": (
        stopped_for(s.SICK, health_restarts=1, restarts=(40.0,)),
        ChildExited(7, 0, 1.0, at=50.0),
        replace(LADDER, restart_limit=(1, 60.0)),
        {
            **GONE,
            "state": s.FATAL,
            "should_run": False,
            "given_up": True,
            "reason": "more than 1 restarts in 60 s: why",
        },
        [ClearTimer(), say(s.STOPPING, s.FATAL, "more than 1 restarts in 60 s: why", BY)],
    ),
}
DIED = say(s.RUNNING, s.EXITED, "exit code 3", EXIT, expected=False)
AT_ONCE = [
    StopHealthChecks(),
    DIED,
    say(s.EXITED, s.STARTING, "exit code 3", "autorestart: exit code 3"),
    Spawn(automatic=True),
]
DEATHS: dict[str, Case] = {
    "of what is not started again": (
        RUNNING,
        ChildExited(7, 0, 1.0),
        Policy(autorestart=False, asks_ready=True),
        {
            **GONE,
            "state": s.EXITED,
            "should_run": False,
            "reason": "exit code 0",
            "trigger": "exit: exit code 0",
        },
        [StopHealthChecks(), StopReadiness(), say(s.RUNNING, s.EXITED, "exit code 0", "exit: exit code 0")],
    ),
    "as expected": (
        RUNNING,
        ChildExited(7, 3, 1.0),
        Policy(restart_when_expected=False, exitcodes=(0, 3)),
        {**DEAD, "state": s.EXITED, "should_run": False, "reason": "exit code 3"},
        [StopHealthChecks(), replace(DIED, expected=True)],
    ),
    "the first": (
        RUNNING,
        ChildExited(7, 3, 1.0, at=50.0),
        Policy(restart_limit=(2, 60.0)),
        {
            **DEAD,
            "state": s.STARTING,
            "quick_deaths": 1,
            "restarts": (50.0,),
            "reason": "",
            "trigger": "autorestart: exit code 3",
        },
        AT_ONCE,
    ),
    "soon after another": (
        replace(RUNNING, quick_deaths=2),
        ChildExited(7, 3, 1.5, blame="no memory"),
        LADDER,
        {
            **DEAD,
            "state": s.BACKOFF,
            "quick_deaths": 3,
            "reason": "no memory after 1.5 s",
            "trigger": "exit: no memory",
        },
        [
            StopHealthChecks(),
            say(s.RUNNING, s.EXITED, "no memory", "exit: no memory", expected=False),
            SetTimer(2, JITTER),
            say(s.EXITED, s.BACKOFF, "no memory after 1.5 s", "exit: no memory", retry="retry 2"),
        ],
    ),
    "long after another": (
        replace(RUNNING, quick_deaths=2),
        ChildExited(7, 3, QUICK),
        LADDER,
        {
            **DEAD,
            "state": s.STARTING,
            "quick_deaths": 1,
            "reason": "",
            "trigger": "autorestart: exit code 3",
        },
        AT_ONCE,
    ),
    "too often": (
        replace(RUNNING, restarts=(10.0, 45.0)),
        ChildExited(7, 3, QUICK, at=69.0),
        Policy(restart_limit=(2, 60.0)),
        {
            **DEAD,
            "state": s.FATAL,
            "should_run": False,
            "reason": "more than 2 restarts in 60 s: exit code 3",
        },
        [
            StopHealthChecks(),
            DIED,
            say(s.EXITED, s.FATAL, "more than 2 restarts in 60 s: exit code 3", EXIT),
        ],
    ),
    "not too often any more": (
        replace(RUNNING, restarts=(10.0, 45.0)),
        ChildExited(7, 3, QUICK, at=70.0),
        Policy(restart_limit=(2, 60.0)),
        {
            **DEAD,
            "state": s.STARTING,
            "quick_deaths": 1,
            "restarts": (45.0, 70.0),
            "reason": "",
            "trigger": "autorestart: exit code 3",
        },
        AT_ONCE,
    ),
}
CASES = {
    **{f"stop: {name}": case for name, case in STOPS.items()},
    **{f"death: {name}": case for name, case in DEATHS.items()},
}


@pytest.mark.parametrize("case", CASES)
def test_what_comes_of_it(case: str) -> None:
    now, event, policy, changes, effects = CASES[case]
    assert transition(now, event, policy) == (replace(now, **changes), effects)
