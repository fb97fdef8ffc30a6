"""Expressions on lines: what `re` says, in a time that only the length of the line decides (A4, B7)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervice.checks.line_matcher import MOST_ROWS, LineMatcher
from supervice.checks.readiness import BACKLOG, LOOK_TURN, Log
from supervice.config.check_values import ready
from supervice.config.expressions import DEEPEST, LONGEST, expression
from tests.fakes.loop import FakeLoop

NEVER = float("inf")

atoms = st.sampled_from(
    ["a", "b", "c", "A", "_", " ", "1", "-", ".", "^", "$", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\b", r"\B",
     r"\A", r"\Z", "[ab]", "[^ab]", "[a-c]", r"[\w-]", r"[^\d\s]", "[]a]", "[a-]", r"\.", r"\-", r"\x61", r"\t", r"\0",
     "{", "a{", "a{x}", "}", "]"]
)  # fmt: skip
times = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "{,}", "*?", "+?", "??", "{1,2}?"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, times).map(lambda t: f"(?:{t[0]}){t[1]}"),
        st.tuples(atoms, times).map("".join),
        st.lists(inner, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map("|".join),
        inner.map(lambda t: f"({t})"),
        inner.map(lambda t: f"(?i:{t})"),
        inner.map(lambda t: f"(?P<name>{t})"),
        inner.map(lambda t: f"{t}(?#a word)"),
        st.tuples(atoms, times).map("(?#a word)".join),
    )


expressions = st.recursive(atoms, grown, max_leaves=12)
texts = st.one_of(
    st.text("abcABC_ 1-.", max_size=30).map(str.encode),
    st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"")),
)


@settings(max_examples=1500, deadline=None)
@given(expressions, st.booleans(), st.lists(texts, min_size=1, max_size=5))
def test_it_says_what_re_says(text: str, fold: bool, lines: list[bytes]) -> None:
    text = f"(?i){text}" if fold else text
    try:
        search = re.compile(text.encode()).search
    except (re.error, RecursionError):
        return
    matcher = LineMatcher(expression(text))
    for line in lines:
        if not line and r"\B" in text:
            continue  # `re` finds it there from Python 3.14 on
        found = matcher.search(line, NEVER)
        assert found is (search(line) is not None), (text, line)
        if found and matcher.words:
            assert any(word in line for word in matcher.words), (text, line, matcher.words)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("é+!", "éé!", True),
        ("^(?:é{2})$", "éé", True),
        ("^é?$", "", True),
        ("[éa]b", "éb", True),
        ("[éa]b", "èb", False),
    ],
)
def test_a_character_that_is_several_bytes_is_one(text: str, line: str, found: bool) -> None:
    """`re` for bytes would repeat its last byte."""
    assert LineMatcher(expression(text)).search(line.encode(), NEVER) is found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ready to accept", (b"ready to accept",)),
        (r"Started .* in [0-9.]+ seconds", (b"Started ",)),
        ("listening|is up", (b"listening", b"is up")),
        ("(listening|is up) now", (b"listening", b"is up")),
        ("(very )?x+yz{2}", (b"x",)),
        (r"\w+", ()),
        ("a|b|c|d|e|f|g|h|i", ()),
        ("(?i)ready", ()),
    ],
)
def test_words_that_are_looked_for_first(text: str, words: tuple[bytes, ...]) -> None:
    assert LineMatcher(expression(text)).words == words


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "an opening bracket without its closing one"),
        ("a)", "a closing bracket without its opening one"),
        ("[a", "a class without its end"),
        ("*a", "nothing to repeat"),
        ("a**", "a repeat of a repeat"),
        ("a*(?#c)?", "a repeat of a repeat"),
        ("(?#c)*", "nothing to repeat"),
        ("a(?#c", "a comment without its end"),
        ("^*", "nothing to repeat"),
        ("a{3,2}", "a repeat whose least is above its most"),
        ("a\\", "a backslash at the end"),
        (r"\y", "means nothing, write y"),
        (r"\x1", "without two digits"),
        ("[z-a]", "a range from a later to an earlier character"),
        (r"[\d-a]", "a range that begins with a class, write the - last"),
        ("(?P<1>a)", "a group without a name"),
        ("(?z:a)", "the flag 'z'"),
        ("(?<name>a)", "an unknown kind of group"),
    ],
)
def test_what_is_no_expression(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        ready(f"log:{text}")


@pytest.mark.parametrize(
    "text", [r"(a)\1", "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?P<x>a)(?P=x)", "(?>a+)", "(a)(?(1)b|c)"]
)
def test_what_would_have_to_go_back_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be matched in bounded time; write it"):
        ready(f"log:{text}")


@pytest.mark.parametrize("depth", [DEEPEST + 1, 5000, 2000])
def test_b7_groups_within_groups_are_bounded(depth: int) -> None:
    """5,000 of them were a traceback of `supervice check`."""
    text = "(" * depth + "a" + ")" * depth
    with pytest.raises(ValueError, match=f"more than {DEEPEST} groups|longer than {LONGEST} characters"):
        ready(f"log:{text}")
    assert ready(f"log:{'(' * DEEPEST}a{')' * DEEPEST}")


@pytest.mark.parametrize("text", ["((a{99}){99}){99}", "a{99999}", "(a|b|c{500}){500}", "x" * (LONGEST + 1)])
def test_a4_what_would_be_too_large_is_refused_at_once(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(ValueError, match="write"):
        ready(f"log:{text}")
    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("^(a+)+$", b"a"),
        ("(a|aa)+$", b"a"),
        ("(a*)*b", b"a"),
        (".*.*.*x$", b"a"),
        (r"^(([a-z])+.)+[A-Z]([a-z])+$", b"a"),
    ],
)
def test_a4_the_time_grows_with_the_line_and_no_faster(text: str, unit: bytes) -> None:
    """32 of them took `re` for ever, and PID 1 with it."""
    matcher = LineMatcher(expression(text))
    began = time.thread_time()
    assert matcher.search(unit * 200_000 + b"!", NEVER) is False
    assert time.thread_time() - began < 5


def test_a4_who_calls_gets_the_turn_back_and_goes_on_where_it_was() -> None:
    matcher = LineMatcher(expression("(x|y)*x(x|y){60}z"))
    line = bytes(b"xy"[hash((n, n * n)) % 2] for n in range(5000)) + b"z"
    calls = 0
    while (found := matcher.search(line, time.monotonic())) is None:
        calls += 1
        assert len(matcher._rows) <= MOST_ROWS
    assert calls > 50
    assert found is (re.search(b"x[xy]{60}z$", line) is not None)
    assert matcher.search(b"xxz", NEVER) is False  # the next line begins at its beginning


# -- as `ready = log:` ------------------------------------------------------------------------------------


class Output:
    spy: Callable[[int, bytes], object] | None = None


def way(text: str) -> tuple[Any, Log, Output, list[str]]:
    loop, output, said = FakeLoop(), Output(), []
    log = Log(loop, lambda: said.append("ready"), output, text)  # type: ignore[arg-type]
    log.begin(7)
    return loop, log, output, said


def turn(loop: Any) -> None:
    soon, loop.soon = loop.soon, []
    for timer in soon:
        timer.run()


def test_a4_lines_are_looked_at_in_turns_of_bounded_length() -> None:
    loop, _, output, said = way("(x|y)*x(x|y){60}z")
    line = bytes(b"xy"[hash((n, n * n)) % 2] for n in range(3000))
    assert output.spy is not None
    longest = 0.0
    for text in (line + b"\n" + line + b"\n", b"x" * 61 + b"z\n"):
        began = time.thread_time()
        output.spy(7, text)
        longest = max(longest, time.thread_time() - began)
    turns = 0
    while loop.soon:
        began = time.thread_time()
        turn(loop)
        longest = max(longest, time.thread_time() - began)
        turns += 1
    assert said == ["ready"]
    assert turns > 3
    assert longest < LOOK_TURN + 0.5  # without the bound: minutes; a busy machine is several times slower
    assert output.spy is None


def test_a4_what_comes_faster_than_it_can_be_looked_at_fills_no_memory() -> None:
    loop, log, output, said = way("(x|y)*x(x|y){60}z")
    assert output.spy is not None
    for _ in range(100):
        output.spy(7, b"xy" * 40_000 + b"\n")
    assert log._waiting < BACKLOG + 100_000
    log.end()
    turn(loop)
    assert not loop.soon
    assert said == []


def test_lines_without_its_words_cost_nothing() -> None:
    loop, log, output, said = way("ready to (accept|serve)")
    assert output.spy is not None
    output.spy(7, b"x" * 1_000_000 + b"\n")
    assert not loop.soon
    assert log._waiting == 0
    output.spy(8, b"ready to serve\n")  # of another run
    assert not loop.soon
    output.spy(7, b"almost ready to\nnow ready to serve\n")
    turn(loop)
    assert said == ["ready"]
