"""What a reload starts and leaves, and with which words (no children)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from supervice import logger
from supervice.lifecycle.states import EXITED, FATAL, RUNNING, STOPPED
from supervice.models import ProgramConfig, ScheduleConfig, SupervisorConfig
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


@pytest.mark.parametrize("rolling", [False, True])
def test_a_program_whose_files_have_changed_is_started_anew_with_them(rolling: bool) -> None:
    story = Story(one("a"), one("b", rolling=rolling))
    launcher = story.it.table._launcher = Launcher("b")
    plan = story.reload()
    assert launcher.asked == ["a", "b"]
    assert plan.changed == launcher.forgotten == ["b"]
    assert story.told().keys() == {"b"}
