"""What the end does once it has come: drain, stop, say why, flush, and the exit code; on a clock that jumps."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from supervice.lean.loop import sleep
from supervice.lifecycle.exit_policy import Verdict
from supervice.lifecycle.states import EXITED, FATAL, RUNNING, STOPPED, STOPPING, UNHEALTHY
from supervice.pid1 import own_process
from supervice.pid1.signals import kill_everyone_else
from supervice.supervision import termination as module
from supervice.supervision.termination import FLUSH
from tests.fakes.ending import Make, World, one, worlds

make = pytest.fixture(name="make")(worlds)

TERM = Verdict(0, "SIGTERM received")
SECOND = Verdict(143, "forced by a second signal, SIGTERM")


# -- the order of the end --------------------------------------------------------------------------------


def test_all_is_done_in_its_order_and_said_once(make: Make) -> None:
    it = make(one("a"), shutdown_timeout=25, termination_log="/dev/termination-log")
    it.become("a", RUNNING)
    it.ends = {"a": (STOPPED, {})}
    it.termination.request(TERM)
    assert it.run() == 0
    assert it.story == ["no helpers", "stop", "stopped", "no events", "flush"]
    assert it.said == ["shutting down: SIGTERM received", "exiting with code 0: SIGTERM received"]
    assert it.notes == [
        ("/dev/termination-log", "SIGTERM received; stopping a", None),
        ("/dev/termination-log", "SIGTERM received; exit code 0", None),
    ]
    (shutdown,) = it.shutdowns
    assert shutdown.loop is it.loop
    assert list(shutdown.processes) == list(it.table.processes.values())
    assert (shutdown.timeout, shutdown.why) == (25, "SIGTERM received")


def test_without_a_reason_it_is_just_the_end(make: Make) -> None:
    it = make(one("a"))
    assert it.run() == 0
    assert it.said == ["shutting down: the end", "exiting with code 0: the end"]


def test_it_is_said_after_the_first_stop_signal_and_before_an_end(make: Make) -> None:
    """A program may have ended, and be reaped, before the next turn."""
    it = make(one("a"), one("b"))
    it.become("a", RUNNING)
    it.become("b", STOPPING)  # by an operator: that is no end
    assert it.said == []
    it.termination.request(TERM)
    it.become("a", STOPPING)  # which is announced when it has its signal
    assert it.said == ["shutting down: SIGTERM received"]
    it.run()
    assert it.said[1:] == ["exiting with code 0: SIGTERM received"]


def test_the_first_stop_signals_do_not_wait_for_what_is_said(make: Make) -> None:
    it = make(one("a"))
    it.termination.request(TERM)
    said: list[str] = []
    it.outputs.stop_helpers = lambda: said.extend(it.said)
    it.run()
    assert said == []


def test_programs_may_finish_what_they_are_at(make: Make) -> None:
    it = make(one("a"))
    settle = object()
    it.run(settle=settle)
    assert it.shutdowns[0].settle is settle


def test_leftovers_are_looked_for_by_a_daemon_only(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """All other processes of the container where it is PID 1, else its descendants; not its own helpers."""
    launcher = SimpleNamespace(helpers={11})
    found = {"container": [SimpleNamespace(pid=10), SimpleNamespace(pid=11)], "below": []}
    monkeypatch.setattr(module, "everyone_else", lambda me: found["container"] if me == os.getpid() else [])
    monkeypatch.setattr(module, "descendants", lambda me: found["below"] if me == os.getpid() else [])
    it = make(one("a"))
    it.table.use = lambda _: None
    it.table._launcher = launcher
    it.run()
    find, kill_all = it.shutdowns[0].find, it.shutdowns[0].kill_all
    assert [stat.pid for stat in find()] == [10]
    assert kill_all is kill_everyone_else
    it.table._launcher = None
    assert [stat.pid for stat in find()] == [10, 11]
    monkeypatch.setattr(own_process, "is_pid1", lambda: False)
    found["below"] = [SimpleNamespace(pid=12)]
    assert [stat.pid for stat in find()] == [12]
    it = make(one("a"))
    monkeypatch.setattr(own_process, "is_pid1", lambda: False)
    it.run()
    assert it.shutdowns[0].kill_all is None
    it = make(one("a"))
    it.host.daemon = False
    it.run()
    assert (it.shutdowns[0].find, it.shutdowns[0].kill_all) == (None, None)
    assert it.notes == []


# -- the exit code ---------------------------------------------------------------------------------------


def test_told_to_stop_the_code_is_that_of_main_as_it_ends(make: Make) -> None:
    it = make(one("a", main=True))
    it.become("a", RUNNING)
    it.ends = {"a": (EXITED, {"status": 7})}
    it.termination.request(TERM)
    assert it.run() == 7
    assert it.said[-1] == "exiting with code 7: SIGTERM received"
    assert it.notes[-1][1:] == ("SIGTERM received; exit code 7", it.table.processes["a"])


def test_the_reason_that_began_the_end_gives_its_code_and_its_culprit(make: Make) -> None:
    it = make(one("a", main=True), one("b", critical=True))
    it.become("a", EXITED, status=7)
    it.termination.request(Verdict(3, "critical program b failed: exit code 3", "b"))
    assert it.run() == 3
    assert it.notes[-1][1:] == ("critical program b failed: exit code 3", it.table.processes["b"])


@pytest.mark.parametrize("why", [Verdict(0, "main program a ended with code 0", "a"), Verdict(5, "x")])
def test_a_reason_with_a_culprit_or_a_code_is_not_judged_again(make: Make, why: Verdict) -> None:
    it = make(one("b"))
    it.become("b", FATAL, status=4)
    it.termination.request(why)
    assert it.run() == why.code


def test_by_force_the_second_signal_gives_the_code(make: Make) -> None:
    it = make(one("a", main=True))
    it.become("a", RUNNING)
    it.ends = {"a": (EXITED, {"status": 7})}
    it.termination.request(TERM)
    assert it.run(at={1.0: lambda: it.termination.force(SECOND)}) == 143
    assert it.shutdowns[0].forced == [1.0]
    assert it.said[-1] == "exiting with code 143: forced by a second signal, SIGTERM"


def test_what_was_forced_before_the_stop_is_by_force_from_the_beginning(make: Make) -> None:
    it = make(one("a"), drain_delay=60)
    it.become("a", RUNNING)
    it.termination.force(SECOND)
    assert it.run() == 143
    assert it.shutdowns[0].forced == [0.0]


# -- what the message says -------------------------------------------------------------------------------


def test_a_stop_from_outside_names_what_was_wrong_at_that_time(make: Make) -> None:
    it = make(one("a"), one("b"))
    it.become("a", UNHEALTHY)
    it.termination.request(TERM, drain=True)
    it.become("a", STOPPED)
    it.run()
    assert it.notes[-1][1] == "SIGTERM received; exit code 0\na was UNHEALTHY"


def test_an_end_of_its_own_has_its_reason_and_names_no_other(make: Make) -> None:
    it = make(one("a"), one("b"))
    it.become("a", UNHEALTHY)
    it.termination.request(Verdict(1, "critical program b failed: exit code 1", "b"))
    it.run()
    assert it.notes[-1][1] == "critical program b failed: exit code 1"


@pytest.mark.parametrize(
    ("count", "line"),
    [
        (None, ""),
        (0, ""),
        (1, "\nthe kernel killed 1 process of this container for want of memory while it ran"),
        (2, "\nthe kernel killed 2 processes of this container for want of memory while it ran"),
    ],
)
def test_kills_for_memory_are_told(make: Make, count: int | None, line: str) -> None:
    it = make(one("a"))
    it.host.memory = SimpleNamespace(total=lambda: count)
    it.termination.request(TERM)
    it.run()
    assert it.notes[-1][1] == f"SIGTERM received; exit code 0{line}"


def test_a_message_that_cannot_be_left_is_said(make: Make) -> None:
    it = make(one("a"))
    it.problem = "/dev/termination-log: permission denied"
    it.run()
    assert it.said.count("no termination message: /dev/termination-log: permission denied") == 2


# -- drain -----------------------------------------------------------------------------------------------


def drained(it: World, *, drain: bool = True, at: dict[float, Callable[[], object]] | None = None) -> float:
    """The time at which the stop begins."""
    it.termination.request(TERM, drain=drain)
    it.run(at=at)
    return it.shutdowns[0].begun


def test_asked_from_outside_programs_work_on_for_drain_delay(make: Make) -> None:
    it = make(one("a"), drain_delay=7.5)
    it.become("a", RUNNING)
    assert drained(it) == 7.5
    assert "not ready any more; programs are stopped in 7.5 s (drain_delay)" in it.said


def test_an_end_of_its_own_does_not_drain(make: Make) -> None:
    it = make(one("a"), drain_delay=7.5)
    it.become("a", RUNNING)
    assert drained(it, drain=False) == 0.0


def test_without_drain_delay_and_with_nothing_that_works_there_is_no_drain(make: Make) -> None:
    for state, seconds in ((RUNNING, 0), (EXITED, 7.5)):
        it = make(one("a"), drain_delay=seconds)
        it.become("a", state)
        assert drained(it) == 0.0
        assert not any("drain_delay" in line for line in it.said)


def test_a_signal_from_outside_drains(make: Make) -> None:
    it = make(one("a"), drain_delay=0.5)
    it.become("a", RUNNING)
    it.termination.request_by_signal(15, TERM)
    it.run()
    assert it.shutdowns[0].begun == 0.5


def test_a_second_signal_before_the_drain_has_begun_leaves_it_out(make: Make) -> None:
    it = make(one("a"), drain_delay=60)
    it.become("a", RUNNING)
    it.termination.request(TERM, drain=True)
    it.termination.force(SECOND)
    it.run()
    assert it.shutdowns[0].begun == 0.0


def test_another_run_has_nothing_of_the_one_before(make: Make) -> None:
    it = make(one("a"), drain_delay=60)
    it.become("a", UNHEALTHY)
    it.termination.request(TERM, drain=True)
    it.termination.disarm()
    it.run()
    assert it.shutdowns[0].begun == 0.0
    assert it.notes[-1][1] == "the end; exit code 0"


def test_an_end_that_was_not_asked_for_does_not_drain(make: Make) -> None:
    it = make(one("a"), drain_delay=60)
    it.become("a", RUNNING)
    it.run()
    assert it.shutdowns[0].begun == 0.0


def test_the_drain_is_over_when_main_or_all_have_ended(make: Make) -> None:
    it = make(one("a", main=True), one("b"), drain_delay=60)
    it.become("a", RUNNING), it.become("b", RUNNING)
    assert drained(it, at={1.0: lambda: it.become("a", EXITED)}) == 1.0
    it = make(one("a"), one("b"), drain_delay=60)
    it.become("a", RUNNING), it.become("b", RUNNING)
    ends = {1.0: lambda: it.become("a", EXITED), 2.0: lambda: it.become("b", FATAL)}
    assert drained(it, at=ends) == 2.0


def test_a_main_that_never_ran_is_no_end_of_the_drain(make: Make) -> None:
    it = make(one("a", main=True), one("b"), drain_delay=5)
    it.table.processes["a"].started_at = None
    it.become("b", RUNNING)
    assert drained(it) == 5.0


def test_the_drain_is_over_by_force_or_by_hand(make: Make) -> None:
    it = make(one("a"), drain_delay=60)
    it.become("a", RUNNING)
    assert drained(it, at={1.5: lambda: it.termination.force(SECOND)}) == 1.5
    assert it.shutdowns[0].forced == [1.5]


def test_ends_after_the_drain_wake_no_future_of_it(make: Make) -> None:
    it = make(one("a"), one("b"), drain_delay=5)
    it.become("a", RUNNING), it.become("b", RUNNING)
    it.ends = {"a": (STOPPED, {}), "b": (STOPPED, {})}
    assert drained(it) == 5.0
    assert it.termination._drained is None


# -- the last output -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("takes", "time_left", "seconds"),
    [(0.5, 20.0, 0.5), (99.0, 20.0, FLUSH), (99.0, 2.0, 2.0), (99.0, 0.0, 1.0)],
)
def test_the_last_output_has_what_is_left_of_the_budget_a_second_at_least(
    make: Make, takes: float, time_left: float, seconds: float
) -> None:
    it = make(one("a"))
    it.outputs.takes, it.time_left = takes, time_left
    it.run()
    assert it.loop.now == pytest.approx(2.0 + seconds)


def test_two_moments_of_rest_of_the_output_are_one_end(make: Make) -> None:
    it = make(one("a"))
    it.outputs.takes = 0.0
    it.run()
    it.loop.run_until_complete(sleep(it.loop, 1.0))
