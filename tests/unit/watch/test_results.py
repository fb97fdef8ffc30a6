"""What each event makes of each phase of a watch, whole: the next state, and the effects word for word."""

from __future__ import annotations

from typing import Any

import pytest

from supervice.lean.dataclasses import replace
from supervice.watch import states as s
from supervice.watch.decide import MOST_ACTIONS, MOST_DELAYS, WINDOW, decide, wake
from supervice.watch.states import (
    ACTING,
    CHECKED,
    CHECKING,
    PENDING,
    WATCHING,
    Accept,
    Act,
    Acted,
    Check,
    Checked,
    Held,
    Log,
    Looked,
    Resumed,
    Rules,
    Started,
    State,
)

PLAIN = Rules(interval=2.0, delay=1.0)
WITH_CHECK = replace(PLAIN, has_check=True)
PHASES = (WATCHING, PENDING, CHECKING, CHECKED, ACTING)
# Each field has a value that shows whether an event leaves it alone.
NOW = State(at=99.0, first=90.0, last=98.5, refused=True, actions=(60.0, 70.0), names=("z",))


def idle(phase: str) -> str:
    return phase if phase in (CHECKING, ACTING) else WATCHING


# -- when the next look is due ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        ({"phase": WATCHING}, 2.0),
        ({"phase": CHECKED}, 0.0),
        ({"phase": CHECKING}, None),
        ({"phase": ACTING}, None),
        ({"phase": WATCHING, "held": True}, None),
        ({"phase": WATCHING, "suspended": True}, None),
        ({"phase": CHECKED, "held": True}, None),
        ({"phase": PENDING, "first": 98.5, "last": 98.5}, 0.5),
        ({"phase": PENDING, "first": 90.0, "last": 98.75}, 0.75),
        ({"phase": PENDING, "first": 89.25, "last": 99.0}, 0.25),  # ten delays after the first
        ({"phase": PENDING, "first": 80.0, "last": 99.0}, 0.0),
        ({"phase": PENDING, "first": 98.0, "last": 99.0, "delay": 5.0}, 2.0),
    ],
)
def test_the_next_look(state: dict[str, Any], seconds: float | None) -> None:
    assert MOST_DELAYS == 10
    rules = replace(PLAIN, delay=state.pop("delay", 1.0))
    assert wake(replace(NOW, **state), rules) == seconds


# -- a look ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("changed", [(), ("a",)])
@pytest.mark.parametrize(
    "state",
    [{"phase": CHECKING}, {"phase": ACTING}]
    + [{"phase": phase, why: True} for phase in PHASES for why in ("held", "suspended")],
)
def test_a_look_that_is_not_waited_for(state: dict[str, Any], changed: tuple[str, ...], moved: bool) -> None:
    before = replace(NOW, **state)
    assert decide(before, Looked(100.0, changed, moved), PLAIN) == (replace(before, at=100.0), [])


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("phase", [WATCHING, PENDING, CHECKED])
def test_a_look_that_finds_nothing_forgets_what_was(phase: str, moved: bool) -> None:
    before = replace(NOW, phase=phase)
    after = replace(NOW, at=100.0, phase=WATCHING, refused=False)
    assert decide(before, Looked(100.0, (), moved), PLAIN) == (after, [])


@pytest.mark.parametrize("rules", [PLAIN, WITH_CHECK])
def test_a_look_that_finds_the_first_change(rules: Rules) -> None:
    pending = replace(NOW, at=100.0, phase=PENDING, first=100.0, last=100.0, refused=False)
    watching = replace(NOW, phase=WATCHING)
    assert decide(watching, Looked(100.0, ("a",), True), rules) == (pending, [])
    fresh = replace(watching, refused=False)
    assert decide(fresh, Looked(100.0, ("a",), False), rules) == (pending, [])
    refused = replace(NOW, at=100.0, phase=WATCHING)
    assert decide(watching, Looked(100.0, ("a",), False), rules) == (refused, [])
    checked = replace(NOW, phase=CHECKED)
    assert decide(checked, Looked(100.0, ("a",), True), rules) == (pending, []), "it changed during the check"


def test_without_a_delay_the_first_change_acts_at_once() -> None:
    rules = replace(PLAIN, delay=0.0)
    state, effects = decide(replace(NOW, phase=WATCHING), Looked(100.0, ("a",), True), rules)
    assert (state.phase, effects) == (ACTING, [Accept(), Act("a changed")])
    state, effects = decide(NOW, Looked(100.0, ("a",), True), replace(rules, has_check=True))
    assert (state.phase, effects) == (CHECKING, [Check()])


@pytest.mark.parametrize(
    ("first", "last", "moved", "then", "acts"),
    [
        (98.0, 99.0, False, 99.0, True),
        (98.0, 99.25, False, 99.25, False),
        (98.0, 99.0, True, 100.0, False),
        (90.0, 99.0, True, 100.0, True),
        (90.25, 99.0, True, 100.0, False),
    ],
)
def test_what_is_pending_acts_when_it_is_quiet_or_after_ten_delays(
    first: float, last: float, moved: bool, then: float, acts: bool
) -> None:
    before = replace(NOW, phase=PENDING, first=first, last=last, actions=(), names=())
    look = Looked(100.0, ("a", "b"), moved)
    after = replace(before, at=100.0, last=then)
    checking = (replace(after, phase=CHECKING), [Check()])
    acting = (
        replace(after, phase=ACTING, actions=(100.0,), names=("a", "b")),
        [Accept(), Act("a, b changed")],
    )
    assert decide(before, look, PLAIN) == (acting if acts else (after, []))
    assert decide(before, look, WITH_CHECK) == (checking if acts else (after, []))


# -- an action -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actions", "recent", "names"),
    [
        ((), (), ("b", "a")),
        ((39.5, 40.0), (), ("b", "a")),  # a minute ago
        ((39.0, 40.5), (40.5,), ("z", "a", "b")),
        ((40.5, 50.0, 60.0), (40.5, 50.0, 60.0), ("z", "a", "b")),
    ],
)
def test_an_action_counts_for_a_minute(
    actions: tuple[float, ...], recent: tuple[float, ...], names: tuple[str, ...]
) -> None:
    assert WINDOW == 60.0
    before = replace(NOW, phase=CHECKED, actions=actions, names=("z", "a"))
    state, effects = decide(before, Looked(100.0, ("b", "a"), False), WITH_CHECK)
    assert effects == [Accept(), Act("b, a changed")]
    assert state == replace(before, at=100.0, phase=ACTING, actions=(*recent, 100.0), names=names)


def test_the_fifth_action_in_a_minute_suspends_the_watch() -> None:
    assert MOST_ACTIONS == 5
    before = replace(NOW, phase=CHECKED, actions=(50.0, 60.0, 70.0, 80.0), names=("u", "v", "w"))
    state, effects = decide(before, Looked(100.0, ("a", "b", "c"), False), WITH_CHECK)
    names = ("u", "v", "w", "a", "b", "c")
    assert state == replace(
        before, at=100.0, phase=ACTING, actions=(*before.actions, 100.0), names=names, suspended=True
    )
    assert effects == [
        Accept(),
        Act("a, b, c changed"),
        Log(
            "warning",
            "watch: 5 actions in 60 s; suspended until the next start or reload"
            " (changed: u, v, w, a, b and 1 more); write watch_ignore for what the program itself writes",
        ),
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "0 changed"),
        (5, "0, 1, 2, 3, 4 changed"),
        (6, "0, 1, 2, 3, 4 and 1 more changed"),
        (9, "0, 1, 2, 3, 4 and 4 more changed"),
    ],
)
def test_five_names_are_listed(count: int, text: str) -> None:
    names = tuple(map(str, range(count)))
    _, effects = decide(replace(NOW, phase=CHECKED), Looked(100.0, names, False), PLAIN)
    assert effects[1] == Act(text)


# -- what else happens -----------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("refused", [False, True])
def test_what_else_happens(phase: str, held: bool, refused: bool) -> None:
    before = replace(NOW, phase=phase, held=held, refused=refused, suspended=True)
    now = replace(before, at=100.0)

    assert decide(before, Held(100.0), PLAIN) == (
        replace(now, held=True, phase=idle(phase), refused=False),
        [],
    )
    assert decide(before, Resumed(100.0), PLAIN) == (
        replace(now, held=False, suspended=False, phase=idle(phase), actions=(), names=(), refused=False),
        [],
    )
    assert decide(before, Acted(100.0), PLAIN) == (
        replace(now, phase=WATCHING if phase == ACTING else phase),
        [],
    )
    started = replace(now, phase=idle(phase), refused=False)
    assert decide(before, Started(100.0), PLAIN) == ((now, []) if phase == ACTING else (started, [Accept()]))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("ok", [False, True])
def test_the_end_of_a_check(phase: str, held: bool, ok: bool) -> None:
    before = replace(NOW, phase=phase, held=held, refused=False)
    now = replace(before, at=100.0)
    rules = replace(WITH_CHECK, action="signal")
    state, effects = decide(before, Checked(100.0, ok, "exit code 1", ("one", "two")), rules)
    if phase != CHECKING:
        assert (state, effects) == (now, [])
    elif held:
        assert (state, effects) == (replace(now, phase=WATCHING), [])
    elif ok:
        assert (state, effects) == (replace(now, phase=CHECKED), [])
    else:
        assert state == replace(now, phase=WATCHING, refused=True)
        assert effects == [
            Log("warning", "watch: the check failed (exit code 1): no signal until the next change"),
            Log("warning", "watch: one"),
            Log("warning", "watch: two"),
        ]


def test_the_words_of_the_decision() -> None:
    assert Rules() == Rules(2.0, 1.0, False, "restart")
    assert State() == State(WATCHING, False, False, 0.0, 0.0, 0.0, False, (), ())
    assert len({WATCHING, PENDING, CHECKING, CHECKED, ACTING}) == 5
    assert s.Looked(1.0) == Looked(1.0, (), False)
