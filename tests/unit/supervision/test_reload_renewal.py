"""What a reload starts and leaves, with which words, and programs that are renewed one after the other (no children)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from supervice import logger
from supervice.lifecycle.exit_policy import Verdict
from supervice.lifecycle.states import EXITED, FATAL, RUNNING, STARTING, STOPPED, UP
from supervice.models import ProgramConfig, ScheduleConfig, SupervisorConfig
from supervice.supervision import replacing
from supervice.supervision.configuration_source import PartlyApplied
from supervice.supervision.reload import TOO_LATE
from supervice.supervision.termination import Overtaken
from tests.fakes.reloading import Story, one


@pytest.fixture(autouse=True)
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    for level in ("info", "warning", "error"):
        monkeypatch.setattr(logger, level, said.append)
    return said


SCHEDULE = ScheduleConfig(("@daily",))


# -- what is started -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "started"), [({}, True), ({"autostart": False}, False), ({"schedule": SCHEDULE}, False)]
)
def test_an_added_program_starts_unless_it_is_started_by_others(more: dict[str, Any], started: bool) -> None:
    story = Story(one("a"))
    story.it.file.append(one("new", **more))
    story.reload()
    assert story.told() == ({"new": ["start: reload: added"]} if started else {})


@pytest.mark.parametrize(
    ("state", "more", "held", "starts"),
    [
        (RUNNING, {}, False, True),
        (RUNNING, {"autostart": False}, False, True),  # an operator has started it
        (RUNNING, {"schedule": SCHEDULE}, False, False),
        (FATAL, {}, False, True),  # the change may be what it lacked
        (EXITED, {}, False, True),
        (FATAL, {"autostart": False}, False, False),
        (EXITED, {"schedule": SCHEDULE}, False, False),
        (STOPPED, {}, True, False),
    ],
)
def test_a_changed_program_runs_again_if_it_ran_or_starts_by_itself(
    state: str, more: dict[str, Any], held: bool, starts: bool
) -> None:
    story = Story(one("a"), one("b"))
    story.change("a", command="y", **more)

    def before() -> None:
        if state != RUNNING:
            story["a"].become(state)
        if held:
            story.it.table.hold(["a"])

    story.reload(before)
    stopped = ["stop: reload: command changed"] if state == RUNNING else []
    if state == RUNNING and more:
        stopped = [story["a"].said[0]]
        assert stopped[0].startswith("stop: reload: ")
    word = stopped[0].removeprefix("stop: ") if stopped else "reload: command changed"
    assert story["a"].said == stopped + [f"start: {word}"] * starts
    assert story["a"].config.command == "y"
    assert story["b"].said == []


def test_a_removed_program_is_stopped_and_told_so() -> None:
    story = Story(one("a"), one("b"))
    gone = story["b"]
    del story.it.file[1]
    assert story.reload().removed == ["b"]
    assert gone.said == ["stop: reload: removed"]


def test_what_was_left_stopped_has_its_chance_again_when_something_has_changed() -> None:
    needs = (("db", "started"),)
    hand = one("hand", autostart=False, depends_on=needs)
    story = Story(one("db"), one("web", depends_on=needs), hand, one("other"))

    def before() -> None:
        for name in ("web", "hand"):
            story[name].become(STOPPED)
        story["db"].become(FATAL)
        story.it.startup.request([story["web"], story["hand"]], "asked")
        assert story.it.startup.left() == ["web", "hand"]
        story["db"].become(RUNNING)
        story.it.startup._left = {"web": ("why", "", "db"), "hand": ("why", "", "db")}

    story.reload(before)
    assert story["web"].said == []  # nothing is different
    story.change("other", rolling=True)
    story.reload(before)
    assert story["web"].said == ["start: reload"]
    assert story["hand"].said == []
    story.it.file.append(one("new"))
    story.reload(before)
    assert story["web"].said == ["start: reload"]


def test_what_changes_with_what_is_removed_has_its_new_settings_and_runs() -> None:
    story = Story(one("old"), one("a", depends_on=(("old", "started"),)))
    story.change("a", command="y", depends_on=())
    del story.it.file[0]
    story.reload()
    word = "reload: command, depends_on changed"
    assert story["a"].said == [f"stop: {word}", f"start: {word}"]
    assert story["a"].config.command == "y"


# -- what is said ----------------------------------------------------------------------------------------


def test_the_log_names_what_was_done_and_why(lines: list[str]) -> None:
    story = Story(one("a"), one("b"), one("c"), one("d"))
    story.change("a")
    story.change("b", rolling=True)
    del story.it.file[2]
    story.it.file.append(one("new"))
    plan = story.reload()
    assert (plan.added, plan.removed, plan.changed, plan.adjusted) == (["new"], ["c"], ["a"], ["b"])
    assert lines == ["reloaded: added new; removed c; changed a (command); adjusted b (rolling)"]


def test_nothing_changed_is_said_too_and_settings_with_what_wants_a_new_container(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(one("a"))
    story.reload()
    assert lines == ["reloaded: nothing changed"]
    lines.clear()
    settings = SupervisorConfig(shutdown_timeout=77, pidfile="/run/other.pid")
    loaded = SimpleNamespace(config=settings, processes=list(story.it.file), servers=[])
    monkeypatch.setattr(story.it, "read", lambda: loaded)
    story.reload()
    assert lines == [
        "reloaded: settings shutdown_timeout",
        "restart the container to apply: pidfile",
    ]
    assert story.it.config is settings


def test_a_dry_run_says_what_it_would_do_and_touches_nothing(lines: list[str]) -> None:
    story = Story(one("a"), one("b"))
    story.change("a")
    del story.it.file[1]
    plan = story.reload(dry_run=True)
    assert (plan.changed, plan.removed) == (["a"], ["b"])
    assert story.told() == {}
    assert story.it.applied == []
    assert lines == []


# -- what programs are started with ----------------------------------------------------------------------


class Launcher:
    """It knows whose files have changed."""

    def __init__(self, stale: str) -> None:
        self.stale = stale
        self.asked: list[str] = []
        self.forgotten: list[str] = []

    async def ask_files(self, configs: Any) -> None:
        self.asked += [config.name for config in configs]

    def is_stale(self, config: ProgramConfig) -> bool:
        return config.name == self.stale

    def forget(self, name: str) -> None:
        self.forgotten.append(name)


def test_a_program_whose_files_have_changed_is_started_anew_with_them() -> None:
    story = Story(one("a"), one("b"))
    launcher = story.it.table._launcher = Launcher("b")
    plan = story.reload()
    assert launcher.asked == ["a", "b"]
    assert plan.changed == launcher.forgotten == ["b"]
    assert story.told().keys() == {"b"}


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


def test_one_that_rests_is_not_renewed_in_turn() -> None:
    story = rolling(2)
    story.reload(lambda: story["w:1"].become(STOPPED, should_run=True))
    assert story["w:1"].said == ["start: reload: command changed"]
    assert story["w:1"].config.command == "y"


def test_one_that_cannot_be_stopped_is_named_and_ends_it() -> None:
    story = rolling(3)

    def before() -> None:
        story["w:1"].stops = False

    with pytest.raises(ValueError, match=r"^cannot be stopped, not even with SIGKILL: w:1$"):
        story.reload(before)
    assert [story[f"w:{n}"].config.command for n in range(3)] == ["y", "x", "x"]


def test_of_several_that_are_renewed_at_once_the_others_are_started_though_one_cannot_be_stopped() -> None:
    story = Story(one("a"), one("b"))
    for name in ("a", "b"):
        story.change(name)

    def before() -> None:
        story["a"].stops = False

    with pytest.raises(ValueError, match=r"^cannot be stopped, not even with SIGKILL: a$"):
        story.reload(before)
    assert story["b"].said == ["stop: reload: command changed", "start: reload: command changed"]
    assert (story["a"].config.command, story["b"].config.command) == ("x", "y")
    assert story.it.table.leaving == set()


def test_the_end_of_the_container_ends_it_and_starts_nothing() -> None:
    story = rolling(2)
    with pytest.raises(Overtaken, match=TOO_LATE):
        story.reload(meanwhile=lambda: story.it.termination.request(Verdict(0, "the end")))
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
