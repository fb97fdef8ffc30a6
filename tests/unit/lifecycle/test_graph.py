"""The dependency graph: what is refused, the order, and that nothing starts too early or waits for ever."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import supervice.supervision.startup
from supervice.config import ConfigValidationError
from supervice.config.stop_budget import worst_stop
from supervice.core import Supervisor
from supervice.lifecycle.graph import Gates, cycles, levels, problems, ranks, related, start_order
from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RESTING,
    RUNNING,
    STARTING,
    STOPPED,
    UNHEALTHY,
    UP,
)
from supervice.models import HealthCheckConfig, HealthCheckType, ProgramConfig, SupervisorConfig, program_of
from supervice.supervision.startup import Startup
from supervice.supervision.table import ProcessTable
from tests.fakes.process import FakeProcess

CHECK = HealthCheckConfig(HealthCheckType.SCRIPT, command="true")


def one(name: str, *depends_on: tuple[str, str], **more: Any) -> ProgramConfig:
    return ProgramConfig(name, "x", depends_on=depends_on, **more)


# -- what is refused -------------------------------------------------------------------------------------


def test_a_cycle_is_shown_as_a_path() -> None:
    needs = {"a": [("b", "started")], "b": [("c", "started")], "c": [("b", "ready")], "d": [("d", "started")]}
    assert cycles(needs) == [["b", "c", "b"], ["d", "d"]]
    assert [(f.program, f.message.partition(" is a cycle")[0]) for f in problems(needs)] == [
        ("b", "b -> c -> b"),
        ("d", "d -> d"),
    ]


def test_what_can_never_come_is_said() -> None:
    needs = {"web": [("bd", "started"), ("db", "healthy"), ("db", "completed"), ("db", "up")], "db": []}
    found = problems(needs, unchecked={"db"}, not_oneshot={"db"}, guess=lambda w, known: f" ({w}?)")
    assert [fault.message for fault in found] == [
        "there is no program 'bd' (bd?)",
        "db:healthy never holds: db has no health check; add one there",
        "db:completed never holds: db is no oneshot; set type = oneshot there",
        "db:up: unknown condition; write started, ready, healthy or completed",
    ]


def test_a_long_chain_and_its_cycle_need_no_deep_stack() -> None:
    chain = {f"p{n}": [(f"p{n + 1}", "started")] for n in range(5000)}
    assert problems({**chain, "p5000": []}) == []
    assert len(cycles({**chain, "p5000": [("p0", "started")]})[0]) == 5002


def test_programs_built_in_python_are_checked_too() -> None:
    with pytest.raises(ConfigValidationError, match=r"no program 'databse'; did you mean 'database'\?"):
        Supervisor(SupervisorConfig(programs=[one("web", ("databse", "started")), one("database")]))


# -- in which order --------------------------------------------------------------------------------------


def test_priority_decides_where_no_dependency_does() -> None:
    configs = [one("a", priority=2), one("b", priority=1), one("c", ("a", "started"), priority=1), one("d")]
    assert levels(configs) == [["b"], ["a"], ["c"], ["d"]]
    assert levels([one("x"), one("y")]) == [["x", "y"]]
    assert levels([one("m", main=True, priority=1), one("x", priority=2000)]) == [["x"], ["m"]]


def test_the_stop_budget_counts_the_same_levels() -> None:
    alone = [one("a", stopwaitsecs=3), one("b", stopwaitsecs=4)]
    assert worst_stop(alone) == 4
    assert worst_stop([*alone, one("c", ("b", "started"), stopwaitsecs=5)]) == 9


def test_a_program_waits_for_all_processes_of_another() -> None:
    two = [dataclasses.replace(one(f"w:{n}"), program="w") for n in range(2)]
    gates = Gates([*two, one("x", ("w", "started"))])
    assert gates.unmet("x") == [("w:0", "started"), ("w:1", "started")]
    assert gates.note("w:0", frozenset({"started"})) == []
    assert not gates.may_start("x")
    assert gates.note("w:1", frozenset({"started"})) == ["x"]
    assert gates.note("w:1", frozenset({"started"})) == []
    assert gates.may_start("x")
    gates.note("w:0", frozenset())
    assert gates.unmet("x") == [("w:0", "started")]
    assert gates.needed_by("w:0") == [("x", "started")]


@st.composite
def graphs(draw: st.DrawFn) -> list[ProgramConfig]:
    """Programs without a cycle; some are oneshots, some have checks, in any order of priority."""
    made: list[ProgramConfig] = []
    for number in range(draw(st.integers(1, 9))):
        needs = {}
        for other in draw(st.lists(st.sampled_from(made), max_size=3)) if made else ():
            conditions = ["started", "ready"]
            conditions += ["completed"] if other.type == "oneshot" else ["healthy"]
            needs[other.name] = draw(st.sampled_from(conditions))
        oneshot = draw(st.booleans())
        made.append(
            one(
                f"p{number}",
                *needs.items(),
                type="oneshot" if oneshot else "simple",
                healthcheck=HealthCheckConfig() if oneshot else CHECK,
                priority=draw(st.sampled_from([1, 2, 999])),
                autostart=draw(st.integers(0, 4)) > 0,
            )
        )
    return draw(st.permutations(made))


@given(graphs())
def test_what_is_needed_has_an_earlier_level(configs: list[ProgramConfig]) -> None:
    place = {name: number for number, level in enumerate(levels(configs)) for name in level}
    assert place.keys() == {config.name for config in configs}
    for config in configs:
        assert all(place[name] < place[config.name] for name, _ in config.depends_on)
    order = ranks(configs)
    for a in configs:
        assert order[a.name][:2] >= start_order(a)
        if not a.depends_on:
            assert order[a.name] == (*start_order(a), 0)


@given(graphs(), st.data())
def test_counting_agrees_with_looking(configs: list[ProgramConfig], data: st.DataObject) -> None:
    gates = Gates(configs)
    met: dict[str, frozenset[str]] = {config.name: frozenset() for config in configs}
    for _ in range(12):
        name = data.draw(st.sampled_from(sorted(met)))
        before = {n for n in met if gates.may_start(n)}
        met[name] = frozenset(data.draw(st.sets(st.sampled_from(["started", "ready", "healthy"]))))
        opened = gates.note(name, met[name])
        for config in configs:
            unmet = [(n, c) for n, c in config.depends_on if c not in met[n]]
            assert sorted(gates.unmet(config.name)) == sorted(unmet)
            assert gates.may_start(config.name) is (not unmet)
        assert set(opened) == {n for n in met if gates.may_start(n)} - before


# -- the orchestrator, in a world of its own -------------------------------------------------------------


class Program(FakeProcess):
    """What `Startup` sees of a process."""

    def __init__(self, config: ProgramConfig, world: World) -> None:
        super().__init__(config)
        self.world = world

    def request_start(self, trigger: str) -> None:
        if self.state in RESTING:
            self.world.check(self)
            self.become(STARTING)

    def become(self, state: str, *, expected: bool = True, **snapshot: Any) -> Self:
        self.expected = expected
        return super().become(state, **snapshot)


class World:
    """A supervisor and a loop of values."""

    now: World  # the one that `running_loop` returns

    def __init__(self, configs: list[ProgramConfig]) -> None:
        self.calls: list[Callable[[], object]] = []
        self.processes: dict[str, Program] = {}
        self.table = ProcessTable(self.processes, lambda config: Program(config, self))  # type: ignore[arg-type, return-value]
        self.started: list[str] = []
        self.startup = Startup(self.table, lambda: None)
        self.table.observe(self.startup.record, self.startup)
        self.table.replace(configs)

    def call_soon(self, call: Callable[[], object]) -> None:
        self.calls.append(call)

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()

    def check(self, program: Program) -> None:
        self.started.append(program.config.name)
        for name, condition in program.config.depends_on:
            other = self.processes[name].snapshot
            completed = other.state == EXITED and self.processes[name].expected
            if condition == "healthy":
                assert other.healthy is True
            elif self.processes[name].config.type == "oneshot":
                assert completed
            else:
                assert other.state in UP

    def ask(self, *names: str) -> None:
        self.startup.request([self.processes[n] for n in names], "asked", by_hand=True)  # type: ignore[misc]

    def waiting(self) -> list[str]:
        return [n for n, p in self.processes.items() if self.startup.is_waiting(p)]

    def settle(self) -> None:
        """Everything goes well from here on, until nothing moves."""
        for _ in range(200):
            self.turn()
            for program in self.processes.values():
                oneshot = program.config.type == "oneshot"
                if program.state in (STARTING, BACKOFF):
                    program.become(EXITED if oneshot else RUNNING)
                elif program.state in UP and program.snapshot.healthy is not True:
                    program.become(RUNNING, healthy=True)


@pytest.fixture(autouse=True)
def loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn starts all that are due: on a busy machine it would be cut at another place each time."""
    monkeypatch.setattr(supervice.supervision.startup, "running_loop", lambda: World.now)
    monkeypatch.setattr(supervice.supervision.startup, "time", SimpleNamespace(monotonic=lambda: 0.0))


def world(configs: list[ProgramConfig]) -> World:
    World.now = World(configs)
    World.now.startup.begin()
    return World.now


MOVES = {
    STARTING: [RUNNING, BACKOFF, FATAL],
    BACKOFF: [STARTING],
    RUNNING: [BACKOFF, EXITED, UNHEALTHY, "healthy"],
    UNHEALTHY: [BACKOFF, "healthy"],
}


def move(program: Program, choose: Callable[[list[str]], str]) -> None:
    """One thing that can happen to it by itself."""
    if program.config.type == "oneshot" and program.state == STARTING:
        to = choose([EXITED, BACKOFF, FATAL])
    elif program.state in MOVES:
        to = choose(MOVES[program.state])
    else:
        return
    if to == "healthy":
        program.become(RUNNING, healthy=True)
    else:
        program.become(to, healthy=False if to == UNHEALTHY else None)


@settings(max_examples=300, deadline=None)
@given(graphs(), st.data())
def test_rule_8_nothing_starts_too_early_and_nothing_waits_for_ever(
    configs: list[ProgramConfig], data: st.DataObject
) -> None:
    it = world(configs)
    names = sorted(it.processes)
    for _ in range(data.draw(st.integers(0, 40))):
        what = data.draw(st.sampled_from(["turn", "move", "move", "move", "start", "reload", "stop"]))
        program = it.processes[data.draw(st.sampled_from(names))]
        if what == "turn":
            it.turn()
        elif what == "move":
            move(program, lambda states: data.draw(st.sampled_from(states)))
        elif what == "start":
            it.ask(program.config.name)
        elif what == "reload":
            it.table.rebuild()
            if program.config.name not in it.table.held and program.state in RESTING:
                it.startup.request([program], "asked")  # type: ignore[list-item]
        else:
            it.table.hold([program.config.name])
            it.startup.cancel(program)  # type: ignore[arg-type]
            if program.state != STOPPED:
                program.become(STOPPED)
            before = len(it.started)
            it.turn()
            assert program.config.name not in it.started[before:]
    it.settle()
    for name in it.waiting():  # only for what an operator has stopped, and may start again
        unmet = {word.rpartition(":")[0] for word in it.startup.waiting_for(it.processes[name])}
        assert any(n in it.table.held or n in it.waiting() for n in unmet), (name, unmet)
    for program in it.processes.values():
        if it.startup.why_left(program):
            assert program.state in RESTING
    it.ask(*names)  # by hand everything can be had again
    it.settle()
    assert it.waiting() == []
    assert all(p.state in UP or p.config.type == "oneshot" for p in it.processes.values())


@given(graphs())
def test_without_failures_everything_starts_in_the_order_of_its_needs(configs: list[ProgramConfig]) -> None:
    it = world(configs)
    it.settle()
    assert it.waiting() == []
    assert len(it.started) == len(set(it.started))
    assert set(it.started) >= {config.name for config in configs if config.autostart}
    place = {name: number for number, name in enumerate(it.started)}
    for config in configs:
        for name, _ in config.depends_on:
            if config.name in place:
                assert place[name] < place[config.name]


def test_priority_orders_among_equals() -> None:
    it = world([one("a", priority=3), one("b", ("a", "started"), priority=2), one("c", priority=1)])
    it.settle()
    assert it.started == ["c", "a", "b"]


def test_what_failed_leaves_those_that_need_it_stopped_with_the_reason() -> None:
    it = world([one("db", type="oneshot"), one("app", ("db", "completed")), one("web", ("app", "started"))])
    assert it.startup.waiting_for(it.processes["app"]) == ["db:completed"]
    it.turn()
    it.processes["db"].become(FATAL)
    assert it.waiting() == []
    why = [it.startup.why_left(it.processes[n]) for n in ("app", "web")]
    assert why == ["needs db:completed, but db is FATAL", "needs app:started, but db is FATAL"]
    it.table.rebuild()
    it.startup.request([it.processes["web"]], "asked")  # type: ignore[list-item]  # as a reload does, which runs nothing twice
    assert it.waiting() == []
    it.ask("web")
    assert sorted(it.waiting()) == ["app", "db", "web"]
    it.settle()
    assert it.started == ["db", "db", "app", "web"]


def test_a_shutdown_starts_nothing_more() -> None:
    it = world([one("a"), one("b", ("a", "started"))])
    it.turn()
    it.table.shutting_down("the end")
    it.settle()
    it.ask("b")
    assert it.started == ["a"]
    assert it.waiting() == []


def test_the_program_of_a_process() -> None:
    assert program_of(ProgramConfig("w:00", "x", program="w")) == "w"
    assert program_of(ProgramConfig("w", "x")) == "w"


def test_what_has_to_do_with_each_other_in_a_reload() -> None:
    """Before or after it, and however many stand between them; processes of one program belong together."""

    def one(name: str, *needs: str, program: str | None = None) -> ProgramConfig:
        return ProgramConfig(name, "x", depends_on=tuple((n, "started") for n in needs), program=program)

    old = [one("a"), one("b", "a"), one("c", "b"), one("d"), one("e"), one("f")]
    new = [one("a"), one("b", "a"), one("c", "b"), one("d", "e"), one("e"), one("f"), one("g")]
    names = ["a", "c", "d", "e", "f", "g"]
    assert sorted(map(sorted, related(names, old, new))) == [["a", "c"], ["d", "e"], ["f"], ["g"]]
    many = [one("w:0", program="w"), one("w:1", program="w")]
    assert [sorted(part) for part in related(["w:0", "w:1"], many, many)] == [["w:0", "w:1"]]
    assert related([], old, new) == []
