"""All that comes of one input: each field that changes and each effect, in its order.

The rules say what must never be; these say what is. Everything that a case does not name stays as it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervice.lifecycle import states as s
from supervice.lifecycle.states import (
    Announce,
    BecameReady,
    ClearTimer,
    HealthChecked,
    LeaderChanged,
    LostReady,
    MemoryChecked,
    Policy,
    RestartRequested,
    Run,
    SetTimer,
    SignalGroup,
    Snapshot,
    Spawn,
    Spawned,
    SpawnFailed,
    StartHealthChecks,
    StartReadiness,
    StartRequested,
    Stop,
    StopHealthChecks,
    StopReadiness,
    StopRequested,
    TimeExtended,
    TimerElapsed,
)
from supervice.lifecycle.transition import transition

BY = "operator: told"
CHECKED = Policy(checks_health=True, health_retries=3, stop_ladder=((15, 10.0), (9, 0.0)))
LADDER = Policy(stop_ladder=((15, 10.0), (9, 0.0)))
UP = Run(7, started=True, ready=True)
RUNNING = Snapshot(s.RUNNING, True, UP, reason="old", trigger="operator: start")
SICK = replace(
    RUNNING, state=s.UNHEALTHY, run=replace(UP, healthy=False, health_failures=3), health_restarts=1
)
BACKOFF = Snapshot(
    s.BACKOFF, True, failures=2, quick_deaths=2, health_restarts=1, reason="old", trigger="exit: 1"
)
EXITED = Snapshot(s.EXITED, status=3, reason="exit code 3", trigger="exit: exit code 3")
STOPPING = replace(RUNNING, state=s.STOPPING, should_run=False, stop=Stop())
STARTING = Snapshot(s.STARTING, True, status=4, given_up=True, shortages=2, trigger="operator: start")


def run(of: Snapshot, **changes: Any) -> Run:
    assert of.run is not None
    return replace(of.run, **changes)


def announce(old: str, new: str, reason: str, trigger: str, **more: Any) -> Announce:
    return Announce(old, new, reason, trigger=trigger, **more)


HEALTH: dict[str, tuple[Snapshot, Any, Policy, dict[str, Any], list[Any]]] = {
    "the first pass": (
        RUNNING,
        HealthChecked(7, True),
        CHECKED,
        {"run": run(RUNNING, healthy=True), "reason": ""},
        [],
    ),
    "well again": (
        SICK,
        HealthChecked(7, True, by="check"),
        CHECKED,
        {
            "state": s.RUNNING,
            "run": run(SICK, healthy=True, health_failures=0),
            "health_restarts": 0,
            "reason": "",
            "trigger": "check: healthy again",
        },
        [announce(s.UNHEALTHY, s.RUNNING, "healthy again", "check: healthy again")],
    ),
    "one failure": (
        RUNNING,
        HealthChecked(7, False, "no"),
        CHECKED,
        {"run": run(RUNNING, healthy=False, health_failures=1)},
        [],
    ),
    "one failure too many": (
        replace(RUNNING, run=run(RUNNING, health_failures=2)),
        HealthChecked(7, False, "no", by="check"),
        replace(CHECKED, health_restarts=False),
        {
            "state": s.UNHEALTHY,
            "run": run(RUNNING, healthy=False, health_failures=3),
            "reason": "3 health checks failed in a row: no",
            "trigger": "check: no",
        },
        [announce(s.RUNNING, s.UNHEALTHY, "3 health checks failed in a row: no", "check: no")],
    ),
    "one that is enough": (
        RUNNING,
        HealthChecked(7, False, "no ping", at_once=True, by="watchdog"),
        replace(CHECKED, health_restarts=False),
        {
            "state": s.UNHEALTHY,
            "run": run(RUNNING, healthy=False, health_failures=1),
            "reason": "no ping",
            "trigger": "watchdog: no ping",
        },
        [announce(s.RUNNING, s.UNHEALTHY, "no ping", "watchdog: no ping")],
    ),
    "one that restarts": (
        RUNNING,
        HealthChecked(7, False, "no ping", at_once=True, by="watchdog"),
        replace(CHECKED, health_restarts=True),
        {
            "state": s.STOPPING,
            "run": run(RUNNING, healthy=False, health_failures=1, ready=False),
            "stop": Stop(s.SICK, 0, "watchdog: no ping"),
            "health_restarts": 1,
            "reason": "no ping",
            "trigger": "watchdog: no ping",
        },
        [
            announce(s.RUNNING, s.UNHEALTHY, "no ping", "watchdog: no ping"),
            StopHealthChecks(),
            SignalGroup(15),
            SetTimer(10.0),
            announce(s.UNHEALTHY, s.STOPPING, "no ping", "watchdog: no ping"),
        ],
    ),
    "below its memory again": (
        replace(SICK, run=run(SICK, over_memory=True)),
        MemoryChecked(7, False),
        LADDER,
        {
            "state": s.RUNNING,
            "run": run(SICK, healthy=None, over_memory=False),
            "health_restarts": 0,
            "reason": "",
            "trigger": "memory limit: below it again",
        },
        [
            announce(
                s.UNHEALTHY, s.RUNNING, "its memory is below the limit again", "memory limit: below it again"
            )
        ],
    ),
}
ASKED: dict[str, tuple[Snapshot, Any, Policy, dict[str, Any], list[Any]]] = {
    "start of what waits": (
        BACKOFF,
        StartRequested(BY),
        LADDER,
        {
            "state": s.STARTING,
            "failures": 0,
            "quick_deaths": 0,
            "health_restarts": 0,
            "reason": "",
            "trigger": BY,
        },
        [ClearTimer(), announce(s.BACKOFF, s.STARTING, "asked to start", BY), Spawn()],
    ),
    "start of what has ended": (
        EXITED,
        StartRequested(BY),
        LADDER,
        {"state": s.STARTING, "should_run": True, "reason": "", "trigger": BY},
        [announce(s.EXITED, s.STARTING, "asked to start", BY), Spawn()],
    ),
    "start of what is stopped just now": (
        STOPPING,
        StartRequested(BY),
        LADDER,
        {"should_run": True, "trigger": BY},
        [],
    ),
    "restart of what waits": (
        BACKOFF,
        RestartRequested(trigger=BY),
        LADDER,
        {
            "state": s.STARTING,
            "failures": 0,
            "quick_deaths": 0,
            "health_restarts": 0,
            "reason": "",
            "trigger": BY,
        },
        [ClearTimer(), announce(s.BACKOFF, s.STARTING, "asked to restart", BY), Spawn()],
    ),
    "restart of what has ended": (
        EXITED,
        RestartRequested(trigger=BY),
        LADDER,
        {"state": s.STARTING, "should_run": True, "reason": "", "trigger": BY},
        [announce(s.EXITED, s.STARTING, "asked to restart", BY), Spawn()],
    ),
    "restart of what runs": (
        RUNNING,
        RestartRequested(trigger=BY),
        LADDER,
        {"state": s.STOPPING, "run": run(RUNNING, ready=False), "stop": Stop(trigger=BY), "trigger": BY},
        [
            StopHealthChecks(),
            SignalGroup(15),
            SetTimer(10.0),
            announce(s.RUNNING, s.STOPPING, "asked to restart", BY),
        ],
    ),
    "restart of what is stopped just now": (
        STOPPING,
        RestartRequested(trigger=BY),
        LADDER,
        {"should_run": True, "trigger": BY},
        [],
    ),
    "forced restart of what is stopped just now": (
        STOPPING,
        RestartRequested(force=True, trigger=BY),
        LADDER,
        {"should_run": True, "trigger": BY, "stop": Stop(step=2)},
        [SignalGroup(9), SetTimer(5.0)],
    ),
    "stop of what waits": (
        BACKOFF,
        StopRequested(trigger=BY),
        LADDER,
        {"state": s.STOPPED, "should_run": False, "reason": "", "trigger": BY},
        [ClearTimer(), announce(s.BACKOFF, s.STOPPED, "", BY)],
    ),
    "stop of what has ended": (
        EXITED,
        StopRequested(trigger=BY),
        LADDER,
        {"state": s.STOPPED, "reason": "", "trigger": BY},
        [announce(s.EXITED, s.STOPPED, "", BY)],
    ),
    "stop of what is stopped": (
        Snapshot(reason="old", trigger="first"),
        StopRequested(trigger=BY),
        LADDER,
        {"reason": ""},
        [],
    ),
    "forced stop of what runs": (
        RUNNING,
        StopRequested(force=True, trigger=BY),
        LADDER,
        {
            "state": s.STOPPING,
            "should_run": False,
            "run": run(RUNNING, ready=False),
            "stop": Stop(step=2, trigger=BY),
            "trigger": BY,
        },
        [
            StopHealthChecks(),
            SignalGroup(9),
            SetTimer(5.0),
            announce(s.RUNNING, s.STOPPING, "asked to stop", BY),
        ],
    ),
    "a stop that came before the child": (
        replace(STARTING, should_run=False),
        Spawned(8),
        LADDER,
        {
            "state": s.STOPPING,
            "run": Run(8),
            "status": None,
            "given_up": False,
            "shortages": 0,
            "stop": Stop(trigger="operator: start"),
        },
        [
            SignalGroup(15),
            SetTimer(10.0),
            announce(s.STARTING, s.STOPPING, "asked to stop", "operator: start"),
        ],
    ),
}
HAPPENED: dict[str, tuple[Snapshot, Any, Policy, dict[str, Any], list[Any]]] = {
    "a child": (
        STARTING,
        Spawned(8),
        Policy(startsecs=2),
        {"run": Run(8), "status": None, "given_up": False, "shortages": 0},
        [SetTimer(2)],
    ),
    "no child, and none is wanted any more": (
        replace(STARTING, should_run=False, reason="old"),
        SpawnFailed("gone"),
        LADDER,
        {"state": s.STOPPED, "reason": ""},
        [announce(s.STARTING, s.STOPPED, "", "operator: start")],
    ),
    "no child for good": (
        STARTING,
        SpawnFailed("gone", permanent=True, code=127),
        LADDER,
        {"state": s.FATAL, "should_run": False, "status": 127, "reason": "gone", "trigger": "spawn: gone"},
        [announce(s.STARTING, s.FATAL, "gone", "spawn: gone")],
    ),
    "no child for a run of a schedule": (
        STARTING,
        SpawnFailed("gone", code=127),
        replace(LADDER, scheduled=True),
        {"state": s.EXITED, "status": 127, "should_run": False, "reason": "gone", "trigger": "spawn: gone"},
        [announce(s.STARTING, s.EXITED, "gone", "spawn: gone", expected=False)],
    ),
    "the retry": (
        BACKOFF,
        TimerElapsed(),
        LADDER,
        {"state": s.STARTING, "reason": "", "trigger": "retry: old"},
        [announce(s.BACKOFF, s.STARTING, "old", "retry: old"), Spawn(automatic=True)],
    ),
    "more time to stop": (
        STOPPING,
        TimeExtended(7, 4.0, 1.0),
        LADDER,
        {},
        [SetTimer(4.0, at_least=True)],
    ),
    "more time to stop when all has been tried": (
        replace(STOPPING, stop=Stop(step=2)),
        TimeExtended(7, 4.0, 1.0),
        LADDER,
        {},
        [],
    ),
    "more time to become ready than there is": (
        replace(STARTING, run=Run(7, started=True)),
        TimeExtended(7, 5.0, 5.0),
        Policy(ready_timeout=10.0, waits_for_ready=True),
        {},
        [],
    ),
    "more time of another process": (
        replace(STARTING, run=Run(7)),
        TimeExtended(8, 50.0, 5.0),
        Policy(ready_timeout=10.0, waits_for_ready=True),
        {},
        [],
    ),
    "ready without a timer": (
        replace(STARTING, run=Run(7, started=True)),
        BecameReady(7),
        Policy(waits_for_ready=True),
        {"state": s.RUNNING, "failures": 0, "run": Run(7, started=True, ready=True, said_ready=True)},
        [announce(s.STARTING, s.RUNNING, "", "operator: start"), StartHealthChecks(7)],
    ),
    "a successor": (
        replace(RUNNING, run=run(RUNNING, said_ready=True)),
        LeaderChanged(7, 8),
        replace(CHECKED, waits_for_ready=True),
        {"run": run(RUNNING, pid=8, said_ready=True)},
        [StopHealthChecks(), StopReadiness(), StartReadiness(8), StartHealthChecks(8)],
    ),
    "readiness of another process is taken back": (
        replace(RUNNING, run=run(RUNNING, said_ready=True)),
        LostReady(8),
        Policy(waits_for_ready=True),
        {},
        [],
    ),
    "readiness is taken back": (
        replace(RUNNING, run=run(RUNNING, said_ready=True)),
        LostReady(7),
        Policy(waits_for_ready=True),
        {"run": run(RUNNING, said_ready=False, ready=False)},
        [],
    ),
}
CASES = {**HEALTH, **ASKED, **HAPPENED}


@pytest.mark.parametrize("case", CASES)
def test_what_comes_of_it(case: str) -> None:
    now, event, policy, changes, effects = CASES[case]
    assert transition(now, event, policy) == (replace(now, **changes), effects)
