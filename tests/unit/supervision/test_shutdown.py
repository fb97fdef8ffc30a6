"""A world of processes that start, fail and are stopped in any order: what is needed goes last, nothing hangs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervice import logger
from supervice.lean.loop import Loop
from supervice.lifecycle.graph import ranks
from supervice.lifecycle.states import (
    BACKOFF,
    RESTING,
    RUNNING,
    STATES,
    STOPPED,
    STOPPING,
)
from supervice.models import ProgramConfig, program_of
from supervice.pid1.leftovers import Stat
from supervice.supervision.shutdown import (
    LeftoversSaid,
    Shutdown,
    longest_stop,
    stop_in_order,
    stop_levels,
)
from tests.fakes.process import FakeProcess


class Program(FakeProcess):
    """What a shutdown sees of a process; it takes `turns` of the loop to end."""

    def __init__(self, world: World, config: ProgramConfig, state: str, turns: int) -> None:
        super().__init__(config, state, pid=7)
        self.world = world
        self.turns = turns

    def stop_time(self) -> float:
        return self.config.stopwaitsecs

    def request_stop(self, *, force: bool = False, within: float | None = None, trigger: str = "") -> None:
        if self.state in RESTING or self.state == BACKOFF:
            self.become(STOPPED)
        elif self.state != STOPPING:
            self.world.story.append(("stop", self.config.name))
            self.become(STOPPING)
            self.later(self.turns, self.end)

    def later(self, turns: int, call: Callable[[], None]) -> None:
        if turns:
            self.world.loop.call_soon(lambda: self.later(turns - 1, call))
        else:
            call()

    def end(self) -> None:
        self.world.story.append(("gone", self.config.name))
        self.become(STOPPED)


class World:
    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.story: list[tuple[str, str]] = []
        self.processes: list[Any] = []

    def run(self, coro: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coro)


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@st.composite
def configs(draw: st.DrawFn) -> list[ProgramConfig]:
    """Processes of programs without a cycle; some programs have two."""
    made: list[ProgramConfig] = []
    names: list[str] = []
    for number in range(draw(st.integers(1, 8))):
        needs = draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) if names else []
        name = f"p{number}"
        priority = draw(st.sampled_from([1, 2, 999]))
        for copy in range(draw(st.integers(1, 2))):
            made.append(
                ProgramConfig(
                    f"{name}:{copy}",
                    "x",
                    program=name,
                    priority=priority,
                    depends_on=tuple((need, "started") for need in needs),
                )
            )
        names.append(name)
    return draw(st.permutations(made))


def above(configs: list[ProgramConfig]) -> dict[str, set[str]]:
    """For each program all that it needs, whatever lies between."""
    direct: dict[str, set[str]] = {}
    for config in configs:
        direct.setdefault(program_of(config), set()).update(name for name, _ in config.depends_on)
    changed = True
    while changed:
        changed = False
        for program, needs in direct.items():
            more = {other for need in needs for other in direct[need]} - needs
            if more:
                direct[program] = needs | more
                changed = True
    return direct


def check(world: World, every: list[ProgramConfig], active: set[str]) -> None:
    """What needs it has gone before it is told to stop; equals are stopped in the reverse order of starts."""
    at = {entry: number for number, entry in enumerate(world.story)}
    needs = above(every)
    place = ranks(every)
    told = [name for name in active if ("stop", name) in at]
    for name in told:
        assert ("gone", name) in at
        for other in told:
            if program_of_name(every, other) in needs[program_of_name(every, name)]:
                assert at["gone", name] < at["stop", other]
            if place[name] > place[other]:
                assert at["gone", name] < at["stop", other]


def program_of_name(configs: list[ProgramConfig], name: str) -> str:
    return next(program_of(config) for config in configs if config.name == name)


@settings(deadline=None, max_examples=200)
@given(data=st.data(), every=configs())
def test_a_shutdown_is_the_exact_reverse_and_ends(
    loop: Loop, data: st.DataObject, every: list[ProgramConfig]
) -> None:
    world = World(loop)
    world.processes = [
        Program(world, c, data.draw(st.sampled_from(STATES)), data.draw(st.integers(0, 3))) for c in every
    ]
    for process in world.processes:
        if process.state == STOPPING:  # it was stopped a moment ago
            process.later(process.turns, process.end)
    active = {p.config.name for p in world.processes if p.state not in RESTING}
    world.run(Shutdown(loop, world.processes, 30.0, None).run())
    assert all(p.state in RESTING for p in world.processes)
    check(world, every, active)


@settings(deadline=None, max_examples=200)
@given(data=st.data(), every=configs())
def test_some_are_stopped_in_the_order_of_all(
    loop: Loop, data: st.DataObject, every: list[ProgramConfig]
) -> None:
    world = World(loop)
    world.processes = [Program(world, c, RUNNING, data.draw(st.integers(0, 3))) for c in every]
    names = [c.name for c in every]
    chosen = set(data.draw(st.lists(st.sampled_from(names), unique=True)))
    these = [p for p in world.processes if p.config.name in chosen]
    longest = longest_stop(world.processes, these)
    assert (longest > 0) is bool(chosen)
    assert world.run(stop_in_order(world.processes, these, lambda _: True, lambda _: "stop")) == []
    assert {p.config.name for p in world.processes if p.state == STOPPED} == chosen
    check(world, every, chosen)


@given(every=configs())
def test_rule_8_the_levels_of_a_stop_are_those_of_the_start_backwards(every: list[ProgramConfig]) -> None:
    world = World(None)  # type: ignore[arg-type]
    programs: Any = [Program(world, c, RUNNING, 0) for c in every]
    order = [p.config.name for level in stop_levels(programs) for p in level]
    assert sorted(order) == sorted(c.name for c in every)
    needs = above(every)
    place = {name: number for number, name in enumerate(order)}
    for a in every:
        for b in every:
            if program_of(b) in needs[program_of(a)]:
                assert place[a.name] < place[b.name]


def test_who_is_wanted_again_is_left_running(loop: Loop) -> None:
    world = World(loop)
    every = [ProgramConfig("db", "x"), ProgramConfig("web", "x", depends_on=(("db", "started"),))]
    world.processes = [Program(world, c, RUNNING, 1) for c in every]
    wanted: set[str] = set()

    def still_to_be_stopped(process: Any) -> bool:
        found = process.config.name not in wanted
        wanted.add("db")  # while web is being stopped
        return found

    world.run(stop_in_order(world.processes, world.processes, still_to_be_stopped, lambda _: "stop"))
    assert [p.state for p in world.processes] == [RUNNING, STOPPED]


def test_a_backoff_is_over_at_once(loop: Loop) -> None:
    world = World(loop)
    world.processes = [Program(world, ProgramConfig("a", "x"), BACKOFF, 3)]
    world.run(Shutdown(loop, world.processes, 30.0, None).run())
    assert (world.processes[0].state, world.story) == (STOPPED, [])


def left_over(pid: int, name: str, ppid: int = 1) -> Stat:
    return Stat(pid, f"{pid} ({name}) S {ppid} {'0 ' * 50}".encode())


def test_what_comes_again_and_again_is_said_once_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(logger, "info", lines.append)
    said = LeftoversSaid()
    said([left_over(7, "sh"), left_over(8, "sleep"), left_over(9, "sleep")], 15)
    for pid in range(10, 20):
        said([left_over(pid, "sleep")], 15)
    said([left_over(30, "sleep"), left_over(31, "nginx")], 9)
    assert lines == [
        "stopping what the programs left behind: sh (pid 7), sleep (pid 8), sleep (pid 9)",
        "killing what the programs left behind: sleep (pid 30), nginx (pid 31)",
    ]
    assert said.more == 10


def test_what_docker_exec_runs_was_left_by_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(logger, "info", lines.append)
    LeftoversSaid()([left_over(7, "sleep"), left_over(8, "supervicectl", ppid=0)], 15)
    assert lines == [
        "stopping what the programs left behind: sleep (pid 7)",
        "stopping what was started beside the programs (docker exec): supervicectl (pid 8)",
    ]
