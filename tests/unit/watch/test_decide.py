"""When a change of a watched file acts: random walks over files, and the sentences of SPEC 12."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervice.watch import states as s
from supervice.watch.contents import MOST_AWAY, Contents
from supervice.watch.decide import MOST_ACTIONS, MOST_DELAYS, WINDOW, decide, wake
from supervice.watch.states import Accept, Act, Check, Log, Rules, State
from tests.fakes.schedule_cases import CASES, TIMEOUT

pytestmark = pytest.mark.timeout(TIMEOUT)


_FRESH = itertools.count(1000)


class Program:
    """Files, what is known of their contents, and a driver that performs effects; times pass by hand."""

    def __init__(self, rules: Rules = Rules(), files: dict[str, object] | None = None) -> None:  # noqa: B008
        self.rules = rules
        self.files: dict[str, object] = dict(files or {"a": 1, "b": 1})
        self.contents = Contents()
        self.now = 100.0
        self.state = State(at=self.now)
        self.acts: list[tuple[float, str]] = []
        self.checks = 0
        self.logs: list[str] = []
        self.busy = ""  # "acting" or "checking"
        self.has: dict[str, object] = {}  # what the program has read; of a file that is away, before
        self.start()

    def feed(self, event: s.Event) -> list[s.Effect]:
        self.state, effects = decide(self.state, event, self.rules)
        for effect in effects:
            if isinstance(effect, Accept):
                self.contents.accept()
            elif isinstance(effect, Act):
                assert not self.busy
                assert not self.state.held
                self.busy = "acting"
                self.acts.append((self.now, effect.reason))
            elif isinstance(effect, Check):
                assert not self.busy
                self.busy = "checking"
                self.checks += 1
            elif isinstance(effect, Log):
                self.logs.append(effect.text)
        seconds = wake(self.state, self.rules)
        if self.busy or self.state.held or self.state.suspended:
            assert seconds is None, "no look where nothing is done"
        else:
            assert seconds is not None
        return effects

    def look(self) -> None:
        changes = self.contents.look(self.files)
        self.feed(s.Looked(self.now, changes.changed, changes.moved))

    def start(self) -> None:
        self.contents.look(self.files)
        self.feed(s.Started(self.now))
        self.read()

    def read(self) -> None:
        self.has = {**self.contents._seen, **self.files}

    def acted(self) -> None:
        self.busy = ""
        self.read()
        self.feed(s.Acted(self.now))

    def checked(self, ok: bool, *lines: str) -> None:
        self.busy = ""
        self.feed(s.Checked(self.now, ok, "exit code 1", lines))

    def run(self, seconds: float) -> None:
        """Looks whenever a look is due."""
        end = self.now + seconds
        while True:
            due = wake(self.state, self.rules)
            if due is None or self.state.at + due > end:
                self.now = end
                return
            self.now = max(self.now, self.state.at + due)
            self.look()


# -- random walks ----------------------------------------------------------------------------------------

rules = st.builds(
    Rules,
    interval=st.sampled_from([0.5, 2.0, 10.0]),
    delay=st.sampled_from([0.0, 1.0, 5.0]),
    has_check=st.booleans(),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.tuples(st.sampled_from("abc"), st.integers(1, 3))),
        st.tuples(st.just("write"), st.tuples(st.sampled_from("abc"), st.integers(1, 3))),
        st.tuples(st.just("remove"), st.sampled_from("abc")),
        st.tuples(st.just("run"), st.sampled_from([0.1, 1.0, 3.0, 30.0])),
        st.tuples(st.just("run"), st.sampled_from([0.1, 1.0, 3.0, 30.0])),
        st.tuples(st.just("done"), st.booleans()),
        st.tuples(st.just("done"), st.just(True)),
        st.tuples(st.just("held"), st.none()),
        st.tuples(st.just("resumed"), st.none()),
        st.tuples(st.just("crash"), st.none()),
    ),
    max_size=50,
)


def apply(program: Program, what: str, detail: Any) -> None:
    if what == "write":
        name, value = detail
        # What comes and goes again between two looks cannot be seen: what was acted on does not come again.
        program.files[name] = next(_FRESH) if program.acts else value
    elif what == "remove":
        program.files.pop(detail, None)
    elif what == "run":
        program.run(detail)
    elif what == "done" and program.busy == "acting":
        program.acted()
    elif what == "done" and program.busy == "checking":
        program.checked(bool(detail))
    elif what == "held" and not program.busy:
        program.feed(s.Held(program.now))
    elif what == "resumed":
        program.feed(s.Resumed(program.now))
    elif what == "crash" and not program.busy:
        program.start()


@settings(max_examples=CASES // 4, deadline=None)
@given(rules, steps)
def test_walks(chosen: Rules, walk: list[tuple[str, object]]) -> None:
    """One action at a time, five a minute, none without a reason; and at rest no change is left over."""
    program = Program(chosen)
    for what, detail in walk:
        before = len(program.acts)
        apply(program, what, detail)
        for at, _ in program.acts[before:]:
            assert what == "run", "only a look acts"
            recent = [then for then, _ in program.acts if 0 <= at - then < WINDOW]
            assert len(recent) <= MOST_ACTIONS or any(kind == "resumed" for kind, _ in walk)
    # in the end everything is allowed to come to rest
    if program.busy == "acting":
        program.acted()
    elif program.busy == "checking":
        program.checked(True)
    program.feed(s.Resumed(program.now))
    for _ in range(4):
        program.run(chosen.interval + chosen.delay * (MOST_DELAYS + 1) + 1)
        if program.busy == "checking":
            program.checked(True)
        elif program.busy == "acting":
            program.acted()
    assert not program.busy
    assert program.contents.changed() == ()
    for name, value in program.files.items():
        assert program.has.get(name) == value, "the program has what its files hold"


@settings(max_examples=CASES // 10, deadline=None)
@given(
    st.sampled_from([0.5, 2.0, 10.0]),
    st.sampled_from([0.5, 1.0, 5.0]),
    st.lists(st.floats(0.05, 12.0), min_size=1, max_size=20),
)
def test_an_action_waits_for_quiet_and_for_ten_delays_at_most(
    interval: float, delay: float, gaps: list[float]
) -> None:
    program = Program(Rules(interval=interval, delay=delay))
    writes = []
    for value, gap in enumerate(gaps):
        program.run(gap)
        if program.acts:
            break
        program.files["a"] = value + 10
        writes.append(program.now)
    program.run(interval + delay * (MOST_DELAYS + 1))
    (at, reason), *_ = program.acts
    assert reason == "a changed"
    before = [write for write in writes if write <= at]
    assert at <= before[0] + interval + delay * MOST_DELAYS + 1e-6
    quiet = at - before[-1]
    assert quiet >= delay - interval - 1e-6 or at - before[0] >= delay * MOST_DELAYS - 1e-6


# -- the sentences of SPEC 12 ----------------------------------------------------------------------------


def test_the_same_bytes_act_on_nothing() -> None:
    """A link swap or a touch gives the same mark."""
    program = Program()
    program.files = dict(program.files)
    program.run(60)
    assert program.acts == []


def test_a_change_acts_once_after_the_delay() -> None:
    program = Program()
    program.files["a"] = 2
    program.run(60)
    assert program.acts == [(103.0, "a changed")]  # seen at 102
    program.acted()
    program.run(60)
    assert len(program.acts) == 1


def test_a_file_that_is_away_acts_on_nothing_however_long() -> None:
    program = Program()
    del program.files["a"]
    program.run(3600)
    program.files["a"] = 1
    program.run(60)
    assert program.acts == []


def test_its_return_is_compared_with_what_was_there_before() -> None:
    program = Program()
    del program.files["a"]
    program.run(3600)
    program.files["a"] = 2
    program.run(60)
    assert len(program.acts) == 1


def test_an_action_while_a_file_is_away_does_not_forget_it() -> None:
    program = Program()
    del program.files["a"]
    program.files["b"] = 2
    program.run(60)
    program.acted()
    program.files["a"] = 1
    program.run(60)
    assert len(program.acts) == 1
    program.files["a"] = 2
    program.run(60)
    assert len(program.acts) == 2


def test_a_new_file_is_a_change() -> None:
    program = Program()
    program.files["new"] = 1
    program.run(60)
    assert program.acts[0][1] == "new changed"


def test_a_change_that_is_taken_back_acts_on_nothing() -> None:
    program = Program(Rules(delay=5.0))
    program.files["a"] = 2
    program.run(4)
    program.files["a"] = 1
    program.run(60)
    assert program.acts == []


def test_files_that_never_rest_act_after_ten_delays() -> None:
    program = Program(Rules(interval=0.5, delay=1.0))
    for value in range(100, 124):
        program.files["a"] = value
        program.run(0.5)
    (at, _), *more = program.acts
    assert 110 <= at <= 111
    assert not more


def test_what_changed_during_a_restart_acts_once_after_it() -> None:
    program = Program()
    program.files["a"] = 2
    program.run(10)
    assert program.busy == "acting"
    program.files["a"] = 3
    program.contents.look(program.files)
    program.feed(s.Started(program.now))  # the new process starts
    program.acted()
    program.run(10)
    assert len(program.acts) == 2
    program.acted()
    program.run(60)
    assert len(program.acts) == 2


def test_the_picture_is_taken_before_the_process_starts() -> None:
    """What was edited while the program was stopped is what the next start reads."""
    program = Program()
    program.feed(s.Held(program.now))
    program.files["a"] = 2
    program.run(100)
    program.feed(s.Resumed(program.now))
    program.start()
    program.run(100)
    assert program.acts == []


def test_a_stopped_program_is_not_looked_at() -> None:
    program = Program()
    program.feed(s.Held(program.now))
    assert wake(program.state, program.rules) is None
    program.look()
    assert program.acts == []


def test_five_actions_in_a_minute_suspend_it_with_the_names_until_the_next_start() -> None:
    program = Program()
    for value in range(10):
        program.files[f"log.{value}"] = 1
        program.run(5)
        if program.busy:
            program.acted()
    assert len(program.acts) == MOST_ACTIONS
    assert wake(program.state, program.rules) is None
    (said,) = program.logs
    assert "5 actions in 60 s; suspended until the next start or reload" in said
    assert "log.0, log.1, log.2, log.3, log.4" in said
    program.feed(s.Resumed(program.now))
    program.run(5)
    assert len(program.acts) == MOST_ACTIONS + 1, "what changed meanwhile counts"


def test_actions_that_are_apart_suspend_nothing() -> None:
    program = Program()
    for value in range(20):
        program.files["a"] = value + 5
        program.run(16)
        program.acted()
    assert len(program.acts) == 20
    assert program.logs == []


def test_while_the_check_fails_nothing_is_done_and_the_next_change_tries_again() -> None:
    program = Program(Rules(has_check=True))
    program.files["a"] = 2
    program.run(60)
    program.checked(False, "nginx: [emerg] unexpected end of file")
    program.run(600)
    assert (program.checks, program.acts) == (1, [])
    assert program.logs == [
        "watch: the check failed (exit code 1): no restart until the next change",
        "watch: nginx: [emerg] unexpected end of file",
    ]
    program.files["b"] = 3
    program.run(60)
    assert program.checks == 2
    program.checked(True)
    program.run(60)
    assert program.acts[0][1] == "a, b changed"


def test_what_changes_while_the_check_runs_is_checked_again() -> None:
    program = Program(Rules(has_check=True))
    program.files["a"] = 2
    program.run(60)
    program.files["a"] = 3
    program.checked(True)
    program.run(60)
    assert (program.checks, program.acts) == (2, [])
    program.checked(True)
    program.run(0)
    assert len(program.acts) == 1


def test_a_refused_change_that_is_taken_back_is_forgotten() -> None:
    program = Program(Rules(has_check=True))
    program.files["a"] = 2
    program.run(60)
    program.checked(False)
    program.files["a"] = 1
    program.run(60)
    assert program.checks == 1


def test_many_names_are_counted() -> None:
    program = Program()
    program.files.update({f"n{number}": 1 for number in range(9)})
    program.run(60)
    assert program.acts[0][1] == "n0, n1, n2, n3, n4 and 4 more changed"


def test_names_that_come_and_go_do_not_pile_up() -> None:
    contents = Contents()
    contents.look({"kept": 1})
    for number in range(MOST_AWAY * 2):
        contents.look({"kept": 1, f"tmp{number}": 1})
        contents.accept()
    assert len(contents._seen) <= MOST_AWAY + 2
    assert len(contents._accepted) <= MOST_AWAY + 2
    assert len(contents._away) == MOST_AWAY


def test_gone_and_back_are_told_once() -> None:
    contents = Contents()
    contents.look({"a": 1, "b": 1})
    contents.accept()
    assert contents.look({"b": 1}).gone == ("a",)
    assert contents.look({"b": 1}).gone == ()
    back = contents.look({"a": 1, "b": 1})
    assert (back.back, back.moved, back.changed) == (("a",), False, ())
