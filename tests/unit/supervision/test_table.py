"""The set of processes: one writer, an order, and observers that hear of everything."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervice.core import Supervisor
from supervice.lifecycle.states import RUNNING, STARTING, Announce
from supervice.models import ProgramConfig, SupervisorConfig
from supervice.supervision.table import Observer, ProcessTable
from tests.fakes.process import FakeProcess


class Program(FakeProcess):
    """Also says when only its health is another one, and what it is started with."""

    def __init__(self, config: ProgramConfig) -> None:
        super().__init__(config)
        self.launcher: Any = None
        self.closed = False
        self.health_watchers: list[Any] = []

    def watch_health(self, watcher: Any) -> Any:
        self.health_watchers.append(watcher)

    def ping(self) -> None:
        for watcher in self.health_watchers:
            watcher(self)

    def use(self, launcher: Any) -> None:
        self.launcher = launcher

    def close(self) -> None:
        self.closed = True


class Launcher:
    def __init__(self) -> None:
        self.forgotten: list[str] = []

    def forget(self, name: str) -> None:
        self.forgotten.append(name)


class Listening(Observer):
    """Writes down all that it is told, under its name, into a list that others share."""

    def __init__(self, name: str, heard: list[tuple[Any, ...]]) -> None:
        self.name = name
        self.heard = heard

    def changed(self, process: Any, change: Announce | None) -> None:
        self.heard.append((self.name, process.config.name, change and change.to_state))

    def rebuild(self) -> None:
        self.heard.append((self.name, "rebuild"))

    def shutting_down(self, reason: str) -> None:
        self.heard.append((self.name, reason))


def config(name: str, **more: Any) -> ProgramConfig:
    return ProgramConfig(name, "x", **more)


def table(*names: str) -> Any:
    made = ProcessTable({}, Program)  # type: ignore[arg-type]
    made.replace(map(config, names))
    return made


def test_every_change_is_told_to_all_in_their_order() -> None:
    it, heard = table("a"), []  # type: tuple[Any, list[Any]]
    it.observe(Listening("second", heard), Listening("third", heard))
    it.observe(Listening("first", heard), first=True)
    it.processes["a"].become(RUNNING)
    assert heard == [("first", "a", RUNNING), ("second", "a", RUNNING), ("third", "a", RUNNING)]
    heard.clear()
    it.processes["a"].ping()
    assert heard == [("first", "a", None), ("second", "a", None), ("third", "a", None)]
    heard.clear()
    it.add(config("b")).become(STARTING)
    assert [event[1:] for event in heard] == [("b", STARTING)] * 3
    heard.clear()
    it.rebuild()
    it.shutting_down("SIGTERM received")
    names = ("first", "second", "third")
    assert heard == [(n, "rebuild") for n in names] + [(n, "SIGTERM received") for n in names]


def test_an_observer_that_overrides_nothing_is_one() -> None:
    it = table("a")
    it.observe(Observer())
    it.processes["a"].become(RUNNING)
    it.rebuild()
    it.shutting_down("the end")


def test_observers_come_and_go_while_they_are_told() -> None:
    """One that leaves in the middle takes no other's turn, one that comes hears of the next change."""
    it, heard = table("a"), []  # type: tuple[Any, list[Any]]
    late = Listening("late", heard)

    class Leaving(Listening):
        def changed(self, process: Any, change: Announce | None) -> None:
            super().changed(process, change)
            it.unobserve(self)
            it.observe(late)

    it.observe(Leaving("leaving", heard), Listening("staying", heard))
    it.processes["a"].become(STARTING)
    it.processes["a"].become(RUNNING)
    assert heard == [
        ("leaving", "a", STARTING),
        ("staying", "a", STARTING),
        ("staying", "a", RUNNING),
        ("late", "a", RUNNING),
    ]


def test_what_is_removed_is_closed_and_nothing_is_kept_of_it() -> None:
    it, launcher = table("a", "b"), Launcher()
    it.use(launcher)
    it.hold(["a", "b"])
    gone = it.processes["a"]
    it.remove("a")
    assert list(it.processes) == ["b"]
    assert gone.closed
    assert launcher.forgotten == ["a"]
    assert set(it.held) == {"b"}


def test_the_launcher_is_that_of_old_and_new_processes() -> None:
    it, launcher = table("a"), Launcher()
    it.use(launcher)
    assert it.add(config("b")).launcher is it.processes["a"].launcher is launcher
    it.use(None)
    assert it.launcher is None
    assert it.add(config("c")).launcher is None
    assert it.processes["a"].launcher is launcher


def test_groups_are_those_of_the_file_else_the_programs() -> None:
    it = table("plain")
    it.add(config("w:00", program="w"))
    it.add(config("w:01", program="w"))
    it.add(config("all:x", program="x", group="all"))
    assert it.groups == {"plain": ["plain"], "w": ["w:00", "w:01"], "all": ["all:x"]}


NAMES = ["a", "b", "c", "d"]
CALLS = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(NAMES)),
    st.tuples(st.just("remove"), st.sampled_from(NAMES)),
    st.tuples(st.just("reorder"), st.lists(st.sampled_from(NAMES), unique=True)),
    st.tuples(st.just("hold"), st.sets(st.sampled_from(NAMES))),
    st.tuples(st.just("release"), st.sets(st.sampled_from(NAMES))),
    st.tuples(st.just("leave"), st.sets(st.sampled_from(NAMES))),
)


@given(st.lists(CALLS, max_size=20))
def test_it_is_a_list_of_names_with_two_marks(calls: list[tuple[str, Any]]) -> None:
    it = table()
    public = it.processes
    names: list[str] = []
    held: set[str] = set()
    leaving: set[str] = set()
    for what, words in calls:
        if what == "add" and words not in names:
            assert it.add(config(words)) is it.processes[words]
            names.append(words)
        elif what == "remove" and words in names:
            it.remove(words)
            names.remove(words)
            held.discard(words)
        elif what == "reorder":
            it.reorder(words)
            first = [name for name in words if name in names]
            names = first + [name for name in names if name not in first]
        elif what == "hold":
            it.hold(iter(words))
            held |= words
        elif what == "release":
            it.release(iter(words))
            held -= words
        elif what == "leave":
            it.leave(iter(words))
            leaving = words
        assert list(it.processes) == names
        assert it.processes is public
        assert (set(it.held), set(it.leaving)) == (held, leaving)


def test_the_public_dictionary_is_the_table_for_ever() -> None:
    supervisor = Supervisor(SupervisorConfig(programs=[config("b"), config("a", group="g")]))
    before = supervisor.processes
    supervisor.table.reorder(["a"])
    supervisor.table.add(config("c"))
    supervisor.table.remove("b")
    assert supervisor.processes is before
    assert list(supervisor.processes) == ["a", "c"]
    assert supervisor.groups == {"g": ["a"], "c": ["c"]}
