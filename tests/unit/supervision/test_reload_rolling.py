"""Programs that a reload renews one after the other, at once or beside the old process (no children)."""

from __future__ import annotations

from typing import Any

import pytest

from supervice import logger
from supervice.lean import loop
from supervice.lifecycle.exit_policy import Verdict
from supervice.lifecycle.states import RUNNING, STARTING, STOPPED, UP
from supervice.supervision import replacing
from supervice.supervision.configuration_source import PartlyApplied
from supervice.supervision.reload import TOO_LATE
from supervice.supervision.termination import Overtaken
from tests.fakes.reloading import Story, one


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for level in ("info", "warning", "error"):
        monkeypatch.setattr(logger, level, lambda _text: None)


# -- one after the other ---------------------------------------------------------------------------------


def rolling(count: int, **more: Any) -> Story:
    story = Story(*(one(f"w:{n}", program="w", rolling=True, **more) for n in range(count)))
    for number in range(count):
        story.change(f"w:{number}")
    return story


def test_those_of_a_rolling_program_are_renewed_each_when_the_one_before_is_ready() -> None:
    story = rolling(3)
    down: list[int] = []
    for process in story.it.table.processes.values():
        process.watch(
            lambda *_: down.append(sum(p.state not in UP for p in story.it.table.processes.values()))
        )
    seen: list[Any] = []

    def meanwhile() -> None:
        seen.append((story["w:0"].state, story["w:1"].state, story.it.applied, set(story.it.table.leaving)))

    story.reload(lambda: down.clear(), meanwhile)
    assert seen == [("STOPPING", RUNNING, [["w:0", "w:1", "w:2"]], {"w:0"})]
    assert max(down) == 1
    assert story["w:0"].said == ["stop: reload: command changed", "start: reload: command changed"]
    assert [story[f"w:{n}"].config.command for n in range(3)] == ["y"] * 3
    assert story.it.table.leaving == set()


@pytest.mark.parametrize(
    ("count", "rest"), [(3, "; w:2 stays as before"), (4, "; w:2, w:3 stay as before"), (2, "")]
)
def test_the_first_that_does_not_become_ready_ends_it_and_says_who_stays(count: int, rest: str) -> None:
    story = rolling(count)
    story["w:1"].comes_up = True

    def before() -> None:
        story["w:1"].comes_up = False

    with pytest.raises(PartlyApplied) as error:
        story.reload(before)
    assert str(error.value) == f"w:1 did not become ready with its new settings{rest}"
    assert [story[f"w:{n}"].config.command for n in range(count)] == ["y", "y", "x", "x"][:count]


def test_one_that_an_operator_has_stopped_meanwhile_has_its_new_settings_and_stays_stopped() -> None:
    story = rolling(3)

    def meanwhile() -> None:
        story.it.table.hold(["w:2"])
        story["w:2"].become(STOPPED)

    story.reload(meanwhile=meanwhile)
    assert story["w:2"].said == []
    assert (story["w:2"].state, story["w:2"].config.command) == (STOPPED, "y")


def test_one_that_is_stopped_while_its_turn_is_on_is_not_started_again() -> None:
    story = rolling(2)
    story.reload(meanwhile=lambda: story.it.table.hold(["w:0"]))
    assert story["w:0"].said == ["stop: reload: command changed"]
    assert story["w:1"].said == ["stop: reload: command changed", "start: reload: command changed"]


def test_one_that_an_operator_has_stopped_and_started_meanwhile_has_its_new_settings_and_runs() -> None:
    """Neither is it left stopped for them, nor stopped again when it has them."""
    story = rolling(3)
    again = ["stop: reload: command changed", "start: reload: command changed"]

    def start() -> None:
        story.it.table.release(["w:0", "w:1"])
        story.it.startup.request([story["w:0"], story["w:1"]], "operator")

    def meanwhile() -> None:
        story.it.table.hold(["w:0", "w:1"])
        story["w:1"].become(STOPPED)
        story["w:2"].watch(lambda *_: start() if story["w:2"].state == STOPPED else None)

    story.reload(meanwhile=meanwhile)
    assert story["w:0"].said == ["stop: reload: command changed", "start: operator"]
    assert story["w:1"].said == ["start: operator", *again]
    assert story["w:2"].said == again
    assert {process.config.command for process in story.it.table.processes.values()} == {"y"}


def test_one_that_rests_is_not_renewed_in_turn() -> None:
    story = rolling(2)
    story.reload(lambda: story["w:1"].become(STOPPED, should_run=True))
    assert story["w:1"].said == ["start: reload: command changed"]
    assert story["w:1"].config.command == "y"


@pytest.mark.parametrize("held", [[], ["w:1"]])
def test_one_that_cannot_be_stopped_is_named_and_ends_it(held: list[str]) -> None:
    """Also when an operator stops it as well."""
    story = rolling(3)

    def before() -> None:
        story["w:1"].stops = False
        story["w:1"].watch(lambda *_: story.it.table.hold(held))

    with pytest.raises(ValueError, match=r"^cannot be stopped, not even with SIGKILL: w:1$"):
        story.reload(before)
    assert [story[f"w:{n}"].config.command for n in range(3)] == ["y", "x", "x"]
    assert story["w:2"].said == []


@pytest.mark.parametrize("part", [loop.PART, -1.0])
def test_of_several_that_are_renewed_at_once_the_others_are_started_though_two_cannot_be_stopped(
    monkeypatch: pytest.MonkeyPatch, part: float
) -> None:
    """Also when each takes long, and everything else that is due has its turn in between."""
    monkeypatch.setattr(loop, "PART", part)
    story = Story(one("a"), one("b"), one("c"))
    for name in ("a", "b", "c"):
        story.change(name)

    def before() -> None:
        story["a"].stops = story["c"].stops = False

    with pytest.raises(ValueError, match=r"^cannot be stopped, not even with SIGKILL: a, c$"):
        story.reload(before)
    assert story["b"].said == ["stop: reload: command changed", "start: reload: command changed"]
    assert (story["a"].config.command, story["b"].config.command) == ("x", "y")
    assert story.it.table.leaving == set()


@pytest.mark.parametrize("held", [[], ["w:0"]])
def test_the_end_of_the_container_ends_it_and_starts_nothing(held: list[str]) -> None:
    """Also when what it would have waited for was stopped by an operator."""
    story = rolling(2)

    def meanwhile() -> None:
        story.it.table.hold(held)
        story.it.termination.request(Verdict(0, "the end"))

    with pytest.raises(Overtaken, match=TOO_LATE):
        story.reload(meanwhile=meanwhile)
    assert story["w:0"].said == ["stop: reload: command changed"]
    assert story["w:1"].said == []


# -- beside the old ones ---------------------------------------------------------------------------------


@pytest.mark.parametrize("refused", ["", "exit code 1"])
def test_with_overlap_all_are_replaced_at_once_by_new_processes_beside_them(
    monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    story = Story(one("a", overlap=True), one("b", overlap=True), one("c"))
    for name in ("a", "b", "c"):
        story.change(name)
    asked: list[list[str]] = []

    async def replaced(loop: Any, processes: Any, configs: Any, why: Any) -> dict[str, str]:
        assert loop is story.loop
        asked.append([process.config.name for process in processes])
        assert {configs[name].command for name in asked[-1]} == {"y"}
        assert {why[name] for name in asked[-1]} == {"reload: command changed"}
        return {"a": refused} if refused else {}

    monkeypatch.setattr(replacing, "replace", replaced)
    if refused:
        with pytest.raises(PartlyApplied) as error:
            story.reload()
        said = "a did not become ready with its new settings: exit code 1; it goes on as it was"
        assert str(error.value) == said
    else:
        story.reload()
    assert asked == [["a", "b"]]
    assert story.told().keys() == {"c"}


@pytest.mark.parametrize("refused", ["", "exit code 1"])
def test_those_in_turn_and_those_at_once_that_did_not_become_ready_are_all_named(
    monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    async def replaced(*_: Any) -> dict[str, str]:
        return {"o": refused} if refused else {}

    monkeypatch.setattr(replacing, "replace", replaced)
    story = Story(one("w", rolling=True), one("o", overlap=True))
    story.change("w")
    story.change("o")

    def before() -> None:
        story["w"].comes_up = False

    with pytest.raises(PartlyApplied) as error:
        story.reload(before)
    of_o = "; o did not become ready with its new settings: exit code 1; it goes on as it was"
    assert str(error.value) == "w did not become ready with its new settings" + of_o * bool(refused)


def test_one_that_an_operator_has_started_again_has_its_new_process_beside_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story(one("a", overlap=True), one("b", overlap=True))
    story.change("a")
    story.change("b")
    asked: list[list[str]] = []

    def start() -> None:
        story.it.table.release(["b"])
        story["b"].up()
        story["a"].up()

    async def replaced(loop: Any, processes: Any, *_: Any) -> dict[str, str]:
        asked.append([process.config.name for process in processes])
        if len(asked) > 1:
            return {"b": "exit code 1"}
        story.it.table.hold(["b"])
        story["b"].become(STOPPED)
        story["a"].become(STARTING)
        loop.call_later(0.1, start)
        return {}

    monkeypatch.setattr(replacing, "replace", replaced)
    with pytest.raises(
        PartlyApplied, match=r"^b did not become ready .*: exit code 1; it goes on as it was$"
    ):
        story.reload()
    assert asked == [["a", "b"], ["b"]]
    assert story.told() == {}


def test_one_that_is_not_up_or_has_no_overlap_any_more_is_stopped_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def replaced(*_: Any) -> dict[str, str]:
        raise AssertionError

    monkeypatch.setattr(replacing, "replace", replaced)
    story = Story(one("a", overlap=True), one("b", overlap=True))
    story.change("a")
    story.change("b", command="y", overlap=False)
    story.reload(lambda: story["a"].become(STARTING, should_run=True))
    assert [len(story[name].said) for name in ("a", "b")] == [2, 2]
