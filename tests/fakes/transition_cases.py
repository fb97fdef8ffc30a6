"""Snapshots from which cases of the state machine begin, and what its announcements look like."""

from __future__ import annotations

from typing import Any

from supervice.lifecycle import states as s
from supervice.lifecycle.states import Announce, Policy, Run, Snapshot

Case = tuple[Snapshot, Any, Policy, dict[str, Any], list[Any]]

BY = "operator: told"
LADDER = Policy(stop_ladder=((15, 10.0), (3, 4.0)))
UP = Run(7, started=True, ready=True)
RUNNING = Snapshot(s.RUNNING, True, UP, reason="old", trigger="operator: start")
STARTING = Snapshot(s.STARTING, True, Run(7), trigger="operator: start")
STOPPING = Snapshot(s.STOPPING, False, Run(7, started=True), s.Stop(trigger=BY), reason="why", trigger=BY)
EXIT = "exit: exit code 3"
DEAD = {"run": None, "status": 3, "trigger": EXIT}


def say(old: str, new: str, reason: str, trigger: str, **more: Any) -> Announce:
    return Announce(old, new, reason, trigger=trigger, **more)
