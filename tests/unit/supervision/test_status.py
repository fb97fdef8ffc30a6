"""The facts about a process that everyone is told: its row of `status`, live and ready, and why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RUNNING,
    SICK,
    STARTING,
    STOPPED,
    STOPPING,
    UNHEALTHY,
    Stop,
)
from supervice.models import ProgramConfig, ScheduleConfig
from supervice.supervision import status
from supervice.supervision.next_step import next_step
from tests.fakes.process import FakeProcess

PLANNED = ScheduleConfig(("0 3 * * *",))


class Program(FakeProcess):
    """Has all that a row of `status` shows."""

    status_text = ready_message = ""
    health_time: float | None = None
    ready_time: float | None = None
    timer_left = 4.0
    policy = SimpleNamespace(startretries=3, oneshot=False, stop_ladder=((15, 10.0),), health_restarts=True)


def program(state: str, *, snapshot: dict[str, Any] | None = None, **config: Any) -> Any:
    made: Any = Program(ProgramConfig(config.pop("name", "web"), "x", **config), pid=7)
    return made.become(state, **(snapshot or {}))


def queue(*waiting: str, left: str = "", failed: str | None = None, said: str = "") -> Any:
    """`left`: why it never starts; `failed`: the program whose last run of a schedule has."""
    plans = SimpleNamespace(failed=lambda name: name == failed, said=lambda name: f"{name} {said}")
    return SimpleNamespace(
        waiting_for=lambda process: list(waiting) if process.config else [],
        is_waiting=lambda process: bool(process.config and waiting),
        why_left=lambda _process: left,
        plans=plans if failed or said else None,
    )


def test_the_pid_is_gone_when_the_leader_is_reaped() -> None:
    process = program(RUNNING)
    assert status.pid_of(process) == 7
    process.process = SimpleNamespace(returncode=None)
    assert status.pid_of(process) == 7
    process.process = SimpleNamespace(returncode=0)
    assert status.pid_of(process) is None


@pytest.mark.parametrize("flags", [{}, {"main": True}, {"critical": True}])
def test_live_is_what_a_new_container_would_not_help(flags: dict[str, Any]) -> None:
    assert status.is_live(program(RUNNING, **flags))
    assert status.is_live(program(BACKOFF, **flags))
    assert not status.is_live(program(UNHEALTHY, **flags))
    assert status.is_live(program(FATAL, **flags)) is not bool(flags)


def ended(expected: bool) -> Any:
    process = program(EXITED)
    process.expected = expected
    return process


@pytest.mark.parametrize(
    ("process", "asked", "answer", "well"),
    [
        (program(RUNNING), queue(), "-", True),
        (program(RUNNING, snapshot={"healthy": True}), queue(), "ok", True),
        (program(RUNNING, snapshot={"healthy": False}), queue(), "-", True),
        (program(STARTING, snapshot={"healthy": True}), queue(), "-", False),
        (program(UNHEALTHY, snapshot={"healthy": True}), queue(), "failed", False),
        (program(FATAL), queue(), "failed", False),
        (program(STOPPED), queue(), "-", False),
        (program(STOPPED), queue(left="needs db"), "failed", False),
        (ended(True), queue(), "-", True),
        (ended(False), queue(), "failed", False),
        (program(BACKOFF), queue(), "-", False),
        (program(STOPPED, schedule=PLANNED), queue(), "-", True),
        (program(STOPPED, schedule=PLANNED), queue(failed="web"), "failed", False),
        (program(STOPPED, schedule=PLANNED), queue(failed="other"), "-", True),
        (program(STOPPING, snapshot={"stop": Stop(SICK)}), queue(), "failed", False),
        (program(STOPPING, snapshot={"stop": Stop("operator")}), queue(), "-", False),
    ],
)  # fmt: skip
def test_health(process: Any, asked: Any, answer: str, well: bool) -> None:
    assert status.health(process, asked) == answer
    assert status.is_well(process, asked) is well


def by_hand(state: str, **more: Any) -> Any:
    return program(state, autostart=False, **more)


def in_front(process: Any) -> Any:
    process.foreground = ["sh"]
    return process


@pytest.mark.parametrize(
    ("process", "ready"),
    [
        (program(RUNNING), True),
        (program(RUNNING, snapshot={"ready": False}), False),
        (program(STOPPED), False),
        (by_hand(STOPPED), None),
        (by_hand(RUNNING), True),
        (by_hand(BACKOFF, snapshot={"should_run": True}), False),
        (in_front(by_hand(STOPPED)), False),
        (program(STOPPED, schedule=PLANNED), None),
        (program(RUNNING, schedule=PLANNED), True),
        (ended(True), True),
        (ended(False), False),
    ],
)
def test_readiness(process: Any, ready: bool | None) -> None:
    assert status.readiness(process) is ready
    assert status.is_ready(process) is (ready is not False)


def test_conditions_are_those_of_its_type() -> None:
    assert status.conditions_of(program(EXITED)) == frozenset()
    assert status.conditions_of(program(EXITED, type="oneshot")) == {"started", "ready", "completed"}
    failed = program(EXITED, type="oneshot")
    failed.expected = False
    assert status.conditions_of(failed) == frozenset()


def test_a_row_has_every_fact() -> None:
    process = program(
        RUNNING, group="g", snapshot={"healthy": True, "status": 3, "reason": "so", "trigger": "boot"}
    )
    process.uptime, process.restarts, process.status_text = 1.23456, 2, "busy"
    process.health_message, process.health_time = "200", 0.0
    process.ready_message, process.ready_time = "open", 1.5
    process.output = SimpleNamespace(dropped_lines=9)
    process.beside = SimpleNamespace(row=lambda: {"phase": "coming", "pid": 8}, words=lambda: "")
    assert status.describe(process, queue(said="at 3")) == {
        "name": "web", "group": "g", "state": "RUNNING", "pid": 7, "beside": {"phase": "coming", "pid": 8},
        "uptime": 1.235, "healthy": True, "ready": True, "exitcode": 3, "signal": None, "reason": "so",
        "trigger": "boot", "next": "", "restarts": 2, "waiting_for": [], "schedule": "web at 3",
        "status_text": "busy", "health_message": "200", "health_time": "1970-01-01T00:00:00.000Z",
        "ready_message": "open", "ready_time": "1970-01-01T00:00:01.500Z", "dropped_lines": 9,
    }  # fmt: skip


def test_a_row_of_what_has_nothing_to_say() -> None:
    row = status.describe(program(STOPPED, snapshot={"status": -9}), queue())
    nothing = {"beside", "uptime", "healthy", "exitcode", "health_time", "ready_time"}
    assert {name for name, value in row.items() if value is None} == nothing
    assert (row["signal"], row["ready"], row["dropped_lines"]) == (9, False, 0)
    assert (row["schedule"], row["next"], row["group"]) == ("", "", "web")
    done = status.describe(program(EXITED, snapshot={"status": 0}), queue())
    assert (done["exitcode"], done["signal"]) == (0, None)


@pytest.mark.parametrize("state", [RUNNING, STOPPED, EXITED, FATAL])
def test_what_is_next_is_not_looked_for_where_nothing_is_due(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_next", None)
    assert status.describe(program(state), queue())["next"] == ""


def test_what_is_next_is_said_of_what_is_not_settled() -> None:
    starting = program(STARTING)
    assert status.describe(starting, queue())["next"] == next_step(starting, queue()) != ""
    waits = queue("db:healthy")
    row = status.describe(program(STOPPED), waits)
    assert (row["next"], row["waiting_for"]) == (next_step(program(STOPPED), waits), ["db:healthy"])
    assert row["next"] != ""


def told(it: Any, /, **facts: Any) -> Any:
    for name, value in facts.items():
        setattr(it, name, value)
    return it


def beside(words: str) -> Any:
    return SimpleNamespace(words=lambda: words)


NOT_READY: dict[str, Any] = {"started": True, "ready": False}


@pytest.mark.parametrize(
    ("process", "left", "words"),
    [
        (program(RUNNING), "", ""),
        (program(FATAL, snapshot={"reason": "exit code 3"}), "", "exit code 3"),
        (program(STOPPED, snapshot={"reason": "no"}), "needs db", "needs db"),
        (told(program(STOPPED), obstacle="/log is full"), "", "/log is full"),
        (told(program(RUNNING), process=SimpleNamespace(returncode=None)), "", ""),
        (told(program(RUNNING), process=SimpleNamespace(returncode=3)), "x", "exit code 3; what it left is being stopped"),
        (told(program(RUNNING), beside=beside("")), "", ""),
        (told(program(RUNNING), beside=beside("pid 8 is coming")), "", "pid 8 is coming"),
        (told(program(RUNNING), beside=beside("pid 8 is coming")), "x", "x; pid 8 is coming"),
        (program(STARTING, ready="notify", snapshot=NOT_READY), "", "not ready yet, ready = notify"),
        (told(program(STARTING, ready="check", snapshot=NOT_READY), ready_message="503"), "", "not ready yet, ready = check (503)"),
        (program(STARTING, ready="notify", snapshot={"started": False, "ready": False}), "", ""),
        (told(program(RUNNING, snapshot=NOT_READY), ready_message="503"), "", "not ready: 503"),
        (program(RUNNING, snapshot=NOT_READY), "", ""),
        (told(program(RUNNING, snapshot={"started": True}), ready_message="200"), "", ""),
        (told(program(STOPPING, snapshot=NOT_READY), ready_message="503"), "", ""),
    ],
)  # fmt: skip
def test_the_reason(process: Any, left: str, words: str) -> None:
    assert status.reason(process, queue(left=left)) == words
    assert status.why(process, queue(left=left)) == (f": {words}" if words else "")


def test_what_waits_says_for_what() -> None:
    process = program(STOPPED, snapshot={"reason": "no"})
    assert status.why(process, queue("db:ready", "cache:started")) == ": waits for db:ready, cache:started"
