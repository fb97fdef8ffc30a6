"""The dependency graph where it is not whole: unknown names, cycles that a check would refuse, a turned dependency."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.lifecycle.graph import Fault, Gates, is_unchecked, levels, problems, ranks, related
from supervice.models import HealthCheckConfig, HealthCheckType, ProgramConfig

CHECK = HealthCheckConfig(HealthCheckType.SCRIPT, command="true")


def one(name: str, *needs: str, **more: Any) -> ProgramConfig:
    return ProgramConfig(name, "x", depends_on=tuple((need, "started") for need in needs), **more)


def test_a_fault_names_the_program_that_has_it() -> None:
    wrong = {"a": [("x", "started")], "b": [("a", "up")], "c": [("a", "healthy")], "d": [("a", "completed")]}
    found = problems(wrong, unchecked={"a"}, not_oneshot={"a"})
    assert [fault.program for fault in found] == ["a", "b", "c", "d"]
    assert all(isinstance(fault, Fault) for fault in found)


def test_what_can_come_is_no_fault() -> None:
    needs = {"a": [("db", "completed"), ("db", "healthy")], "b": [("web", "started"), ("web", "ready")]}
    every = {**needs, "db": [], "web": []}
    assert problems(every, unchecked={"web"}, not_oneshot={"web"}) == []


@pytest.mark.parametrize(
    ("more", "unchecked"),
    [
        ({}, True),
        ({"healthcheck": CHECK}, False),
        ({"watchdog": 5.0}, False),
        ({"healthcheck": CHECK, "watchdog": 5.0}, False),
    ],
)
def test_a_check_or_a_watchdog_says_how_it_is(more: dict[str, Any], unchecked: bool) -> None:
    assert is_unchecked(one("a", **more)) is unchecked


@given(st.integers(1, 6))
def test_each_step_of_a_chain_is_one_deeper(length: int) -> None:
    chain = [one("p0"), *(one(f"p{n}", f"p{n - 1}") for n in range(1, length))]
    assert [rank[2] for rank in ranks(chain).values()] == list(range(length))


def test_those_of_a_cycle_are_stopped_too() -> None:
    """No checked graph has one; built in Python it would be refused, and yet nothing must be left out."""
    cycle = [one("a", "b"), one("b", "a"), one("c"), one("d", "c"), one("e", "a")]
    assert sorted(name for level in levels(cycle) for name in level) == ["a", "b", "c", "d", "e"]


# -- what a reload takes together ------------------------------------------------------------------------


def parts(names: str, old: list[ProgramConfig], new: list[ProgramConfig]) -> list[list[str]]:
    return sorted(sorted(part) for part in related(names, old, new))


def test_a_dependency_that_a_reload_turns_around_is_one_all_the_same() -> None:
    assert parts("ab", [one("a", "b"), one("b")], [one("a"), one("b", "a")]) == [["a", "b"]]


def test_all_ways_are_followed_though_one_was_seen() -> None:
    """Down: e reaches d in two ways, and c in a third that is looked at later."""
    graph = [one("e", "a", "b", "c"), one("a", "d"), one("b", "d", "c"), one("c", "f"), one("d"), one("f")]
    assert parts("ef", graph, graph) == [["e", "f"]]
    assert parts("df", graph, []) == [["d"], ["f"]]


def test_a_need_that_does_not_exist_connects_nothing() -> None:
    assert parts("ab", [one("a", "gone")], [one("b", "gone2")]) == [["a"], ["b"]]


@st.composite
def graphs(draw: st.DrawFn) -> list[ProgramConfig]:
    names = "abcdefg"
    return [one(name, *draw(st.sets(st.sampled_from(names + "xy"), max_size=3))) for name in names]


@given(graphs(), graphs(), st.sets(st.sampled_from("abcdefg")))
def test_parts_are_those_that_a_path_connects(
    old: list[ProgramConfig], new: list[ProgramConfig], names: set[str]
) -> None:
    """By the plainest means: which program reaches which, in either direction, again and again."""
    needs: dict[str, set[str]] = {}
    for config in (*old, *new):
        needs.setdefault(config.name, set()).update(name for name, _ in config.depends_on)
    reach = {name: {name} for name in needs}
    for _ in needs:
        for name in needs:
            reach[name] |= {far for near in reach[name] for far in needs.get(near, ())}
    together = {name: {name} for name in names}
    for _ in names:
        for one_of in names:
            for other in names:
                if other in reach[one_of] or one_of in reach[other]:
                    both = together[one_of] | together[other]
                    together[one_of] = together[other] = both
    expected = {frozenset(part) for part in together.values()}
    found = related(names, old, new)
    largest = {part for part in expected if not any(part < other for other in expected)}
    assert {frozenset(part) for part in found} == largest
    assert sum(map(len, found)) == len(names)


# -- gates -----------------------------------------------------------------------------------------------


def test_above_are_all_processes_that_one_depends_on() -> None:
    two = [ProgramConfig(f"w:{n}", "x", program="w") for n in (1, 0)]
    gates = Gates([*two, one("db"), one("app", "w", "db", "gone"), one("alone")])
    assert gates.above("app") == ["w:0", "w:1", "db"]
    assert gates.above("alone") == gates.above("unknown") == []


def test_what_is_not_there_never_opens_a_gate() -> None:
    gates = Gates([one("app", "gone")])
    assert not gates.may_start("app")
    assert gates.note("gone", frozenset({"started"})) == []
    assert not gates.may_start("app")
    assert gates.unmet("app") == []


def test_a_stranger_changes_nothing() -> None:
    gates = Gates([one("db"), one("app", "db")])
    assert gates.note("stranger", frozenset({"started"})) == []
    assert gates.needed_by("stranger") == []
    assert not gates.is_needed("stranger")
    assert not gates.may_start("app")
    assert gates.may_start("stranger")
