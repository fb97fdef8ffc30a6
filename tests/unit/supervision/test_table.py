"""The set of processes: one writer, an order, and observers that hear of everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.core import Supervisor
from supervice.lifecycle.states import EXITED, RUNNING, STARTING, Announce
from supervice.models import ProgramConfig, ScheduleConfig, SupervisorConfig
from supervice.supervision import table as table_module
from supervice.supervision.table import Observer, ProcessTable
from tests.fakes.loop import FakeLoop
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

    def reconfigure(self, config: ProgramConfig) -> None:
        self.config = config

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

    def wanted(self, names: Iterable[str], wanted: bool) -> None:
        self.heard.append((self.name, tuple(names), wanted))


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


def test_an_observer_that_fails_keeps_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of state is told before its effects: an error here would leave a program without its process."""

    class Failing(Observer):
        def changed(self, process: Any, change: Any) -> None:
            raise RecursionError("too deep")

        def rebuild(self) -> None:
            raise RecursionError("too deep")

    it, heard, loop = table("a"), [], FakeLoop()  # type: tuple[Any, list[Any], FakeLoop]
    monkeypatch.setattr(table_module, "running_loop", lambda: loop)
    it.observe(Failing(), Listening("second", heard))
    it.processes["a"].become(RUNNING)
    it.rebuild()
    assert heard == [("second", "a", RUNNING), ("second", "rebuild")]
    for _ in range(2):
        with pytest.raises(RecursionError, match="too deep"):  # for the loop to report
            loop.soon.pop(0).run()


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


def test_nothing_of_a_removed_process_is_left_for_another_by_that_name() -> None:
    it = table()
    it.add(config("a", schedule=ScheduleConfig(("@daily",)))).become(RUNNING)
    it.hold(["a"], back=True)
    it.adjust("a", config("a", schedule=ScheduleConfig(("@hourly",))))
    it.remove("a")
    second = it.add(config("a", schedule=ScheduleConfig(("@weekly",))))
    assert (set(it.held), set(it.returning)) == (set(), set())
    assert it.configured("a") is second.config
    before = second.config
    second.become(EXITED)
    assert second.config is before


def test_what_an_operator_wants_is_told_to_all_who_watch() -> None:
    it, heard = table("a", "b"), []  # type: tuple[Any, list[Any]]
    it.observe(Listening("one", heard), Listening("two", heard))
    it.hold(iter(["a", "b"]))
    it.release(iter(["b"]))
    assert heard == [
        ("one", ("a", "b"), False),
        ("two", ("a", "b"), False),
        ("one", ("b",), True),
        ("two", ("b",), True),
    ]


def test_those_that_a_restart_stops_come_back_until_an_operator_stops_them() -> None:
    it = table("a", "b", "c")
    it.hold(["a", "b", "c"], back=True)
    assert set(it.returning) == set(it.held) == {"a", "b", "c"}
    it.hold(["a"])
    assert (set(it.returning), set(it.held)) == ({"b", "c"}, {"a", "b", "c"})
    it.release(["b"])
    assert (set(it.returning), set(it.held)) == ({"c"}, {"a", "c"})
    it.remove("c")
    assert (set(it.returning), set(it.held)) == (set(), {"a"})


# -- settings that change --------------------------------------------------------------------------------

NIGHTLY: dict[str, Any] = {"schedule": ScheduleConfig(("@daily",))}


def test_a_run_of_a_schedule_ends_as_it_began_and_the_next_has_the_new_settings() -> None:
    it = table("other")
    run = it.add(config("run", **NIGHTLY)).become(RUNNING)
    old, new = run.config, config("run", umask=0o22, **NIGHTLY)
    it.adjust("run", new)
    assert run.config is old
    assert it.configured("run") is new
    it.processes["other"].become(EXITED)
    run.become(STARTING)
    assert run.config is old
    run.become(EXITED)
    assert run.config is new
    assert it.configured("run") is new
    assert it.configured("other") is it.processes["other"].config


def test_the_last_of_several_changes_counts() -> None:
    it = table()
    run = it.add(config("run", **NIGHTLY)).become(RUNNING)
    it.adjust("run", config("run", umask=0o22, **NIGHTLY))
    plain = config("run", umask=0o77)
    it.adjust("run", plain)  # no schedule any more: at once
    assert run.config is it.configured("run") is plain
    run.become(EXITED)
    assert run.config is plain


def test_all_others_have_their_new_settings_at_once() -> None:
    for state, before, after in (
        (RUNNING, {}, {}),
        (RUNNING, {}, NIGHTLY),
        (RUNNING, NIGHTLY, {}),
        (EXITED, NIGHTLY, NIGHTLY),
    ):
        it = table()
        process = it.add(config("a", **before)).become(state)
        new = config("a", umask=0o22, **after)
        it.adjust("a", new)
        assert process.config is it.configured("a") is new


def test_the_configuration_that_was_read_last_is_offered() -> None:
    it = table("a")
    assert it.available == ()
    read = [config("a"), config("b")]
    it.offer(read)
    assert it.available is read


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
