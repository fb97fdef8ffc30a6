"""The end: what begins it, who hears of it, and when it is not asked for (no children)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from supervice import logger
from supervice.lean.loop import Loop, running_loop, sleep
from supervice.lifecycle.exit_policy import Verdict
from supervice.lifecycle.states import EXITED, FATAL, RUNNING, UNHEALTHY
from supervice.models import HealthCheckConfig, HealthCheckType, ProgramConfig, SupervisorConfig
from supervice.supervision import termination as module
from supervice.supervision.table import Observer, ProcessTable
from supervice.supervision.termination import Termination
from tests.fakes.process import FakeProcess

FIRST, SECOND = Verdict(0, "the first"), Verdict(1, "the second")


class Program(FakeProcess):
    started_at: float | None = 1.0
    first_signal: int | None = None

    @property
    def driver(self) -> Program:
        return self

    def stop_with(self, signum: int) -> None:
        self.first_signal = signum


class Heard(Observer):
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def shutting_down(self, reason: str) -> None:
        self.reasons.append(reason)


class Queue:
    """Who is still to be started."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.plans = None

    def why_left(self, process: Any) -> str:
        return ""

    def cause(self, process: Any) -> str:
        return ""

    def is_waiting(self, process: Any) -> bool:
        return process.config.name in self.waiting


class World:
    def __init__(self, *configs: ProgramConfig, **settings: Any) -> None:
        self.table: Any = ProcessTable({}, Program)  # type: ignore[arg-type]
        self.host: Any = SimpleNamespace(config=SupervisorConfig(**settings), daemon=False, stock=False)
        self.queue: Any = Queue()
        self.heard = Heard()
        self.termination = Termination(self.table, self.host)
        self.table.observe(self.heard, self.termination)
        self.table.replace(configs)

    def become(self, name: str, state: str, *, expected: bool = True, **snapshot: Any) -> None:
        process = self.table.processes[name]
        process.expected = expected
        process.become(state, **snapshot)

    def arm(self) -> Any:
        return self.termination.arm(running_loop(), self.queue)


def run(story: Any) -> None:
    loop = Loop()
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await sleep(running_loop(), 0)


def one(name: str, **more: Any) -> ProgramConfig:
    return ProgramConfig(name, "x", **more)


def test_the_first_reason_counts_and_all_hear_of_it_once() -> None:
    it = World(one("a"))

    async def story() -> None:
        end = it.arm()
        assert not it.termination.stopping
        assert not end.done()
        it.termination.request(FIRST)
        it.termination.request(SECOND, drain=True)
        assert it.termination.stopping
        assert end.done()
        assert it.heard.reasons == ["the first"]

    run(story())


def test_an_end_that_was_asked_for_before_the_run_is_not_lost_and_not_kept() -> None:
    it = World(one("a"))

    async def story() -> None:
        it.termination.request(FIRST)
        assert it.arm().done()
        it.termination.disarm()
        assert not it.termination.stopping
        assert not it.arm().done()

    run(story())


def test_a_second_signal_begins_the_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(logger, "warning", said.append)
    it = World(one("a"))

    async def story() -> None:
        end = it.arm()
        it.termination.force(SECOND)
        it.termination.force(SECOND)
        assert end.done()

    run(story())
    assert it.heard.reasons == ["the second"]
    assert said == ["the second: killing everything now"]


def test_the_foreground_command_gets_the_signal_that_came() -> None:
    it = World(one("a"), one("main"))
    it.table.processes["main"].foreground = ["sh"]
    it.termination.request_by_signal(2, Verdict(0, "SIGINT received"))
    assert [p.first_signal for p in it.table.processes.values()] == [None, 2]
    assert it.heard.reasons == ["SIGINT received"]


def test_what_comes_to_rest_is_judged_in_the_next_turn() -> None:
    it = World(one("a", main=True), one("b"))

    async def story() -> None:
        end = it.arm()
        it.become("b", RUNNING)
        it.become("a", EXITED, status=3, expected=False)
        assert not it.termination.stopping
        await turns()
        assert end.done()

    run(story())
    assert it.heard.reasons == ["main program a ended with code 3"]


def test_a_change_of_health_alone_is_no_end_unless_it_is_configured() -> None:
    check = HealthCheckConfig(HealthCheckType.TCP, action="shutdown")
    it = World(one("a"), one("b", healthcheck=check))

    async def story() -> None:
        it.arm()
        it.become("a", UNHEALTHY)
        await turns()
        assert not it.termination.stopping
        it.become("b", UNHEALTHY)
        await turns()
        assert it.termination.stopping

    run(story())


def test_no_process_is_judged_before_the_run() -> None:
    it = World(one("a", main=True))
    it.become("a", FATAL, status=1)
    it.termination.judge()
    assert not it.termination.stopping


def test_an_idle_moment_of_a_reload_is_not_the_end() -> None:
    """As long as a reload stops something it is going to start something, or says so and has it judged."""
    it = World(one("a"))

    async def story() -> None:
        it.arm()
        it.become("a", RUNNING)
        it.table.leave(["a"])
        it.become("a", EXITED, status=0)
        await turns()
        assert not it.termination.stopping
        it.table.leave(())
        it.termination.judge()
        await turns()
        assert it.heard.reasons == ["nothing left to run"]

    run(story())


@pytest.mark.parametrize("why", ["held", "waiting"])
def test_what_an_operator_stopped_and_what_waits_may_still_come(why: str) -> None:
    it = World(one("a"), one("b"))

    async def story() -> None:
        it.arm()
        if why == "held":
            it.table.hold(["b"])
        else:
            it.queue.waiting = {"b"}
        it.become("a", EXITED, status=0)
        await turns()
        assert not it.termination.stopping
        it.table.release(["b"])
        it.queue.waiting = set()
        it.termination.judge()
        await turns()
        assert it.termination.stopping

    run(story())


def test_the_settings_of_a_reload_count() -> None:
    it = World(one("a"), exit_when_idle=False)

    async def story() -> None:
        it.arm()
        it.become("a", EXITED, status=0)
        await turns()
        assert not it.termination.stopping
        it.host.config = SupervisorConfig()
        it.termination.judge()
        await turns()
        assert it.termination.stopping

    run(story())


@pytest.mark.parametrize("on_fatal", ["ignore", "shutdown"])
def test_a_fatal_program_ends_it_where_the_configuration_wants_that(on_fatal: str) -> None:
    it = World(one("a"), one("b"), on_fatal=on_fatal)

    async def story() -> None:
        it.arm()
        it.become("b", RUNNING)
        it.become("a", FATAL, status=1)
        await turns()
        assert it.termination.stopping is (on_fatal == "shutdown")

    run(story())


def test_what_changes_in_one_turn_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    it = World(one("a"), one("b"), one("c"))
    asked: list[object] = []
    monkeypatch.setattr(module, "verdict", lambda facts, **_: asked.append(facts))

    async def story() -> None:
        it.arm()
        for count in (1, 2):
            for name in ("a", "b", "c"):
                it.become(name, EXITED)
            await turns()
            assert len(asked) == count

    run(story())
