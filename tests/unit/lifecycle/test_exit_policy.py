"""When the container ends, and with which code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.lifecycle.exit_policy import Fact, Verdict, told_to_stop, verdict
from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RUNNING, STARTING, STOPPED, UNHEALTHY


def fact(name: str, state: str, status: int | None = None, **more: Any) -> Fact:
    return Fact(name, state, status, **{"has_run": True, **more})


def code(answer: Verdict | None) -> int | None:
    return None if answer is None else answer.code


def test_it_goes_on_while_something_runs_or_will() -> None:
    for state in (RUNNING, STARTING, BACKOFF):
        assert verdict([fact("a", state), fact("b", EXITED, 1, expected=False)]) is None
    assert verdict([fact("a", STOPPED, pending=True), fact("b", EXITED, 0)]) is None
    assert verdict([]) is None


def test_nothing_left_is_0_or_the_first_failure_in_time() -> None:
    assert code(verdict([fact("a", EXITED, 0)])) == 0
    late = fact("a", EXITED, 3, expected=False, ended=2)
    early = fact("b", EXITED, -11, expected=False, ended=1)
    assert code(verdict([late, early])) == 139
    assert code(verdict([fact("a", EXITED, 2, expected=True)])) == 0
    assert code(verdict([fact("a", FATAL, 127)])) == 127


def test_what_never_ran_or_is_held_by_an_operator_keeps_the_container() -> None:
    assert verdict([fact("a", STOPPED, has_run=False)]) is None
    assert verdict([fact("a", STOPPED, -15, held=True)]) is None
    assert verdict([fact("a", EXITED, 0)], exit_when_idle=False) is None


@pytest.mark.parametrize(("status", "expected"), [(0, 0), (5, 5), (-15, 143)])
def test_main_decides_with_its_own_code(status: int, expected: int) -> None:
    answer = verdict([fact("m", EXITED, status, main=True, expected=status == 0), fact("b", RUNNING)])
    assert answer is not None
    assert (answer.code, answer.culprit) == (expected, "m")


def test_a_critical_failure_is_never_0() -> None:
    running = fact("b", RUNNING)
    assert verdict([fact("a", EXITED, 0, critical=True), running]) is None
    assert code(verdict([fact("a", EXITED, 0, critical=True, expected=False), running])) == 1
    assert code(verdict([fact("a", EXITED, 9, critical=True, expected=False), running])) == 9
    assert code(verdict([fact("a", FATAL, 126, critical=True), running])) == 126
    assert code(verdict([fact("a", FATAL, None, critical=True), running])) == 1


def test_whichever_came_first_decides() -> None:
    main = fact("m", EXITED, 5, main=True, ended=2)
    critical = fact("c", FATAL, 9, critical=True, ended=1)
    assert code(verdict([main, critical])) == 9


def test_bad_health_ends_it_when_that_was_asked_for() -> None:
    assert verdict([fact("a", UNHEALTHY)]) is None
    assert code(verdict([fact("a", UNHEALTHY, ends_when_unhealthy=True), fact("b", RUNNING)])) == 1


def test_on_fatal_shutdown() -> None:
    facts = [fact("a", FATAL, 4), fact("b", RUNNING)]
    assert verdict(facts) is None
    assert code(verdict(facts, on_fatal_shutdown=True)) == 4


def test_told_to_stop() -> None:
    assert told_to_stop([fact("a", STOPPED, -15)], "SIGTERM received").code == 0
    assert told_to_stop([fact("m", STOPPED, -15, main=True)], "x").code == 143
    assert told_to_stop([fact("m", STOPPED, 3, main=True), fact("f", FATAL, 9)], "x").code == 3
    assert told_to_stop([fact("a", STOPPED, -15), fact("f", FATAL, 127)], "x").code == 127


def test_d5_the_first_failure_in_time_counts_one_to_spawn_included() -> None:
    missing = fact("missing", FATAL, 127, has_run=False, ended=1)
    later = fact("later", FATAL, 3, ended=2)
    answer = verdict([later, missing])
    assert answer is not None
    assert (answer.code, answer.culprit) == (127, "missing")


def test_r7_a_program_that_cannot_be_found_was_tried() -> None:
    assert code(verdict([fact("x", FATAL, 127, has_run=False)])) == 127
    assert verdict([fact("x", STOPPED, has_run=False)]) is None  # nothing was tried at all


@pytest.mark.parametrize("important", ["main", "critical"])
def test_d2_what_can_never_start_has_failed_with_the_code_of_its_dependency(important: str) -> None:
    setup = fact("setup", FATAL, 7, ended=1)
    app = fact("app", STOPPED, has_run=False, lost="needs setup:completed, but setup is FATAL", cause="setup")
    redis = fact("redis", RUNNING)
    assert verdict([app, redis, setup]) is None
    app = fact("app", STOPPED, has_run=False, lost=app.lost, cause="setup", **{important: True})
    answer = verdict([app, redis, setup])
    assert answer is not None
    assert (answer.code, answer.culprit) == (7, "setup")
    assert answer.reason == f"{important} program app can never start: {app.lost}"


def test_t8_our_own_term_is_no_exit_code() -> None:
    late = fact("a", FATAL, -15, given_up=True)
    assert code(verdict([late])) == 1
    assert code(verdict([fact("m", FATAL, -15, given_up=True, main=True)])) == 1
    assert told_to_stop([late], "x").code == 1


def test_s5_a_quick_end_with_0_is_no_failure_in_a_stock_file() -> None:
    quick = fact("a", FATAL, 0, harmless=True)
    assert code(verdict([quick])) == 0
    assert code(verdict([quick, fact("b", FATAL, 2, harmless=True, ended=1)])) == 2
    assert code(verdict([fact("a", FATAL, 0)])) == 1  # in our own dialect a start that failed is a failure
    assert told_to_stop([quick], "x").code == 0


def test_the_kernel_s_reason_is_the_container_s() -> None:
    reason = "killed by the kernel: out of memory (container limit 512 MiB)"
    answer = verdict([fact("m", EXITED, -9, main=True, expected=False, reason=reason)])
    assert answer is not None
    assert (answer.code, answer.reason) == (137, f"main program m was {reason}")


SAID = "exit code 3 after 0.1 s"
ENDS: list[tuple[list[Fact], Verdict]] = [
    ([fact("a", EXITED, 0), fact("b", EXITED, 0)], Verdict(0, "nothing left to run")),
    (
        [fact("a", EXITED, 0, ended=1), fact("b", EXITED, 3, expected=False, ended=2)],
        Verdict(3, "nothing left to run; b failed: exit code 3", "b"),
    ),
    ([fact("a", FATAL, None)], Verdict(1, "nothing left to run; a failed: it has never run", "a")),
    (
        [fact("a", UNHEALTHY, ends_when_unhealthy=True, reason="3 checks failed"), fact("b", RUNNING)],
        Verdict(1, "program a is unhealthy: 3 checks failed", "a"),
    ),
    ([fact("m", FATAL, 3, main=True, reason=SAID)], Verdict(3, f"main program m failed: {SAID}", "m")),
    ([fact("m", EXITED, 0, main=True)], Verdict(0, "main program m ended with code 0", "m")),
    ([fact("m", EXITED, 5, main=True, reason=SAID)], Verdict(5, "main program m ended with code 5", "m")),
    ([fact("m", EXITED, -15, main=True)], Verdict(143, "main program m was killed by SIGTERM", "m")),
    (
        [fact("c", EXITED, 3, critical=True, expected=False), fact("b", RUNNING)],
        Verdict(3, "critical program c failed: exit code 3", "c"),
    ),
    (
        [fact("c", EXITED, -11, critical=True, expected=False), fact("b", RUNNING)],
        Verdict(139, "critical program c failed: killed by SIGSEGV", "c"),
    ),
]


@pytest.mark.parametrize(("facts", "end"), ENDS, ids=[end.reason for _, end in ENDS])
def test_an_end_says_why_and_by_which_program(facts: list[Fact], end: Verdict) -> None:
    assert verdict(facts) == end


def test_a_program_in_fatal_ends_it_where_that_was_asked_for() -> None:
    facts = [fact("a", FATAL, 4, reason="too many restarts"), fact("b", RUNNING)]
    assert verdict(facts, on_fatal_shutdown=True) == Verdict(4, "program a is FATAL: too many restarts", "a")


def test_an_end_that_was_asked_for_says_so() -> None:
    running = fact("a", STOPPED, -15)
    fatal = fact("f", FATAL, 127, reason="no such file")
    assert told_to_stop([running], "SIGTERM received") == Verdict(0, "SIGTERM received")
    assert told_to_stop([running, fatal], "x") == Verdict(127, "x; f is FATAL: no such file", "f")
    assert told_to_stop([fact("m", STOPPED, 3, main=True), fatal], "x") == Verdict(3, "x", "m")
    never = fact("m", STOPPED, None, main=True, has_run=False)
    assert told_to_stop([never, fatal], "x") == Verdict(127, "x; f is FATAL: no such file", "f")


def test_of_several_failures_the_first_in_time_is_told() -> None:
    late, early = fact("a", FATAL, 3, ended=2), fact("b", FATAL, 4, ended=1)
    assert told_to_stop([late, early], "x") == told_to_stop([early, late], "x")
    assert told_to_stop([late, early], "x").culprit == "b"


STATES = st.sampled_from([RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL, UNHEALTHY])


@st.composite
def facts_in_time(draw: st.DrawFn) -> list[Fact]:
    return [
        fact(
            f"p{9 - n}",  # the order in time is not that of the names
            draw(STATES),
            draw(st.sampled_from([None, 0, 3, 9, -15])),
            expected=draw(st.booleans()),
            main=draw(st.booleans()),
            critical=draw(st.booleans()),
            ends_when_unhealthy=draw(st.booleans()),
            held=draw(st.sampled_from([False, False, True])),
            ended=n,
        )
        for n in range(draw(st.integers(1, 5)))
    ]


@given(facts=facts_in_time(), fatal_ends=st.booleans(), data=st.data())
def test_time_decides_and_not_the_order_of_the_configuration(
    facts: list[Fact], fatal_ends: bool, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(facts))
    end = verdict(facts, on_fatal_shutdown=fatal_ends)
    assert verdict(shuffled, on_fatal_shutdown=fatal_ends) == end
    assert told_to_stop(shuffled, "x") == told_to_stop(facts, "x")
    for answer in (end, told_to_stop(facts, "x")):
        if answer is not None and answer.code:
            assert answer.culprit in [one.name for one in facts]


@given(facts=facts_in_time())
def test_what_is_to_end_it_ends_it_with_or_without_the_idle_rule(facts: list[Fact]) -> None:
    """`exit_when_idle = false` keeps a container in which nothing is left, and changes no other end."""
    with_rule, without = verdict(facts), verdict(facts, exit_when_idle=False)
    if without is not None:
        assert without == with_rule
    elif with_rule is not None:
        assert with_rule.reason.startswith("nothing left to run")
        assert all(one.state in (STOPPED, EXITED, FATAL) and not one.held for one in facts)
