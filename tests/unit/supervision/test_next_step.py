"""What happens next to a process by itself, in the words of `status` and `why`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    PRE_STOP,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    UNHEALTHY,
    Stop,
)
from supervice.models import ProgramConfig
from supervice.supervision.next_step import MOST, next_step, waiting_line
from tests.fakes.process import FakeProcess

LADDER = ((15, 10.0), (3, 5.0), (2, 1.0))


class Program(FakeProcess):
    def __init__(
        self, name: str = "web", *, left: float = 4.0, pid: int | None = None, **policy: Any
    ) -> None:
        super().__init__(ProgramConfig(name, "x"), pid=pid)
        self.timer_left = left
        fields = {"startretries": 3, "oneshot": False, "stop_ladder": LADDER, "health_restarts": True}
        self.policy = SimpleNamespace(**{**fields, **policy})


def queue(*waiting: str, due: object = None) -> Any:
    """A queue in which a process `due` waits for its turn alone."""
    return SimpleNamespace(
        waiting_for=lambda _process: list(waiting),
        is_waiting=lambda process: process is due or bool(waiting),
    )


def said(process: Any, *waiting: str) -> str:
    return next_step(process, queue(*waiting))


@pytest.mark.parametrize("state", [STOPPED, EXITED])
def test_t12_what_waits_for_its_turn_alone_starts_in_its_turn(state: str) -> None:
    process: Any = Program().become(state)
    assert next_step(process, queue(due=process)) == "starts in its turn"
    assert next_step(process, queue()) == ""


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (["db:healthy"], "starts as soon as db is healthy"),
        (["db:started"], "starts as soon as db is up"),
        (["db:completed", "app:web:ready"], "starts as soon as db is done and app:web is ready"),
        (["a name without a condition"], "starts as soon as a name without a condition"),
    ],
)
def test_what_a_process_waits_for_comes_first(waiting: list[str], words: str) -> None:
    process = Program().become(BACKOFF, failures=1)
    process.obstacle = "the mount /data does not answer yet"
    assert said(process, *waiting) == words
    assert said(process) == "starts as soon as the mount /data answers"


def test_where_nothing_is_due_nothing_is_said() -> None:
    for state in (STOPPED, RUNNING, EXITED):
        assert said(Program().become(state)) == ""
    assert next_step(Program(), None) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("snapshot", "most", "words"),
    [
        ({"failures": 1}, 3, "retry 1 of 3 in 4.0 s"),
        ({"failures": 2, "trigger": "exit code 1", "quick_deaths": 9}, 3, "retry 2 of 3 in 4.0 s"),
        ({"failures": 1}, 0, "retry 1 of 0 in 4.0 s"),
        ({"failures": 7}, -1, "retry 7 in 4.0 s"),
        ({"shortages": 1, "failures": 2}, 3, "next try in 4.0 s"),
        ({"trigger": "exit code 1", "quick_deaths": 3}, 3, "retry 2 in 4.0 s"),
        ({"trigger": "exit code 1", "quick_deaths": 2}, 3, "retry 1 in 4.0 s"),
        ({"trigger": "exit code 1", "quick_deaths": 1}, 3, "retry 1 in 4.0 s"),
        ({"trigger": "exit code 1", "quick_deaths": 0}, 3, "retry 1 in 4.0 s"),
        ({"trigger": "health check", "health_restarts": 2}, 3, "retry 2 of 3 in 4.0 s"),
    ],
)
def test_a_backoff_says_which_retry_comes(snapshot: dict[str, Any], most: int, words: str) -> None:
    assert said(Program(startretries=most).become(BACKOFF, **snapshot)) == words


def test_a_start_says_what_it_still_lacks() -> None:
    assert said(Program(pid=5).become(STARTING)) == "startsecs are over in 4.0 s"
    assert said(Program().become(STARTING)) == ""  # not spawned yet
    assert said(Program(pid=5, oneshot=True).become(STARTING)) == ""  # it is up when it is done
    late = Program(pid=5).become(STARTING, started=True)
    assert said(late) == "has to become ready within 4.0 s, else its start has failed"
    assert said(Program(pid=5, left=0).become(STARTING, started=True)) == ""  # it has all the time


@pytest.mark.parametrize(
    ("step", "should_run", "words"),
    [
        (PRE_STOP, False, "its pre_stop command runs; the stop signal follows within 4.0 s"),
        (0, False, "SIGQUIT in 4.0 s"),
        (1, False, "SIGINT in 4.0 s"),
        (2, False, "SIGKILL in 4.0 s"),
        (3, False, "SIGKILL was sent"),
        (2, True, "SIGKILL in 4.0 s; then it starts again"),
    ],
)
def test_a_stop_says_which_signal_comes(step: int, should_run: bool, words: str) -> None:
    process = Program().become(STOPPING, stop=Stop(step=step), should_run=should_run)
    assert said(process) == words


def test_what_is_unhealthy_and_not_restarted_says_why() -> None:
    assert said(Program(health_restarts=False).become(UNHEALTHY)) == (
        "runs on, because healthcheck_action is none"
    )
    assert said(Program().become(UNHEALTHY)) == ""


@pytest.mark.parametrize("count", range(1, MOST + 4))
def test_a_line_names_as_many_as_it_may_and_counts_the_others(count: int) -> None:
    missing: Any = [Program(f"p{n}", pid=n + 10).become(STOPPING, stop=Stop(step=2)) for n in range(count)]
    missing[0].pid = None
    line = waiting_line(missing, queue())
    assert line.startswith("waiting for p0 (STOPPING; SIGKILL in 4.0 s)")
    assert line.count("SIGKILL") == min(count, MOST)
    for n in range(1, count):
        assert (f"p{n} (STOPPING, pid {n + 10}; SIGKILL in 4.0 s)" in line) == (n < MOST)
    assert line.endswith(f", and {count - MOST} more") == (count > MOST)
    resting: Any = [Program(pid=3).become(RUNNING)]
    assert waiting_line(resting, None) == "waiting for web (RUNNING, pid 3)"


def test_a_line_says_what_each_waits_for() -> None:
    waiting: Any = [Program("app"), Program("web")]
    asked: Any = SimpleNamespace(waiting_for=lambda process: [f"{process.config.name}-db:ready"])
    assert waiting_line(waiting, asked) == (
        "waiting for app (STOPPED; starts as soon as app-db is ready),"
        " web (STOPPED; starts as soon as web-db is ready)"
    )


@pytest.mark.parametrize(("returncode", "words"), [(None, "STOPPING, pid 3"), (0, "STOPPING")])
def test_a_leader_that_was_reaped_has_no_pid_to_look_at(returncode: int | None, words: str) -> None:
    process: Any = Program(pid=3).become(STOPPING, stop=Stop(step=3))
    process.process = SimpleNamespace(returncode=returncode)
    assert waiting_line([process], None) == f"waiting for web ({words}; SIGKILL was sent)"
