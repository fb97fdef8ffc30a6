"""Decides when the container ends and with which exit code, from the state of all processes. Pure.

`supervision.termination` asks `verdict` after each change of state. When several processes have failed, the
first failure in time gives the exit code.
"""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass
from supervice.lifecycle.states import EXITED, FATAL, RESTING, UNHEALTHY, describe, exit_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Fact:
    """What the decision needs to know of one process."""

    name: str
    state: str
    status: int | None = None  # last exit: a code, or -n for signal n
    expected: bool = True  # whether that exit was one of exitcodes
    reason: str = ""
    main: bool = False
    ends_when_unhealthy: bool = False  # healthcheck_action = shutdown
    critical: bool = False
    has_run: bool = False
    given_up: bool = False  # our own stop ended its last run, for being unready or unhealthy
    harmless: bool = False  # an end with code 0 is no failure, however soon (supervisord's dialect)
    lost: str = ""  # why it can never start
    cause: str = ""  # the program whose failure is the cause of that
    held: bool = False  # an operator stopped it, and may start it again
    pending: bool = False  # its start is due and waits for a dependency
    ended: int = 0  # position in the order in which processes came to rest


@dataclass(frozen=True)
class Verdict:
    code: int
    reason: str
    culprit: str | None = None


def code_of(fact: Fact) -> int:
    """Returns the exit code that a failed process gives the container; never 0.

    A death by our own TERM says nothing: a process that we stopped as unready or unhealthy has code 1.
    """
    if fact.status is None or fact.given_up:
        return 1
    return exit_code(fact.status) or 1


def verdict(
    facts: Iterable[Fact], *, on_fatal_shutdown: bool = False, exit_when_idle: bool = True
) -> Verdict | None:
    """Returns how the container ends, or None while it goes on."""
    rest = sorted((f for f in facts), key=lambda f: f.ended)
    first = _first_to_end_it(rest, on_fatal_shutdown)
    if first is not None:
        return first
    if not exit_when_idle or not rest:
        return None
    tried = any(f.has_run or f.state == FATAL for f in rest)
    if not tried or any(f.held or f.pending or f.state not in RESTING for f in rest):
        return None
    for fact in rest:
        if has_failed(fact):
            return Verdict(code_of(fact), f"nothing left to run; {fact.name} failed: {_how(fact)}", fact.name)
    return Verdict(0, "nothing left to run")


def _first_to_end_it(rest: list[Fact], on_fatal_shutdown: bool) -> Verdict | None:
    """Returns the end that the first important program, in time, brings about."""
    lost = _lost(rest)
    for fact in rest:
        if fact.ends_when_unhealthy and fact.state == UNHEALTHY:
            return Verdict(1, f"program {fact.name} is unhealthy: {_how(fact)}", fact.name)
        if fact.state not in (EXITED, FATAL):
            continue
        if fact.main and fact.state == FATAL:
            return Verdict(code_of(fact), f"main program {fact.name} failed: {_how(fact)}", fact.name)
        if fact.main:
            return Verdict(exit_code(fact.status or 0), f"main program {_ended(fact)}", fact.name)
        failed = fact.state == FATAL or not fact.expected
        if fact.critical and failed:
            return Verdict(code_of(fact), f"critical program {fact.name} failed: {_how(fact)}", fact.name)
        if fact.name in lost:
            what = lost[fact.name]
            word = "main" if what.main else "critical"
            return Verdict(
                code_of(fact), f"{word} program {what.name} can never start: {what.lost}", fact.name
            )
        if on_fatal_shutdown and has_failed(fact) and fact.state == FATAL:
            return Verdict(code_of(fact), f"program {fact.name} is FATAL: {_how(fact)}", fact.name)
    return None


def _lost(facts: Iterable[Fact]) -> dict[str, Fact]:
    """Returns the important programs that can never start, by the name of the program that is the cause."""
    return {
        f.cause: f for f in facts if f.cause and f.state not in (EXITED, FATAL) and (f.main or f.critical)
    }


def has_failed(fact: Fact) -> bool:
    """Returns whether it came to rest by a failure, including a failed start."""
    if fact.state == FATAL:
        return not (fact.harmless and fact.status == 0 and not fact.given_up)
    return fact.state == EXITED and not fact.expected


def told_to_stop(facts: Iterable[Fact], why: str) -> Verdict:
    """Returns the end after a request: with main's code, else that of a program in FATAL, else 0."""
    facts = sorted(facts, key=lambda f: f.ended)
    for fact in facts:
        if fact.main and fact.status is not None:
            return Verdict(exit_code(fact.status), why, fact.name)
    for fact in facts:
        if fact.state == FATAL and has_failed(fact):
            return Verdict(code_of(fact), f"{why}; {fact.name} is FATAL: {_how(fact)}", fact.name)
    return Verdict(0, why)


def _ended(fact: Fact) -> str:
    status = fact.status or 0
    killed = fact.reason if fact.reason.startswith("killed by ") else describe(status)  # which may say why
    how = f"ended with code {status}" if status >= 0 else f"was {killed}"
    return f"{fact.name} {how}"


def _how(fact: Fact) -> str:
    return fact.reason or (describe(fact.status) if fact.status is not None else "it has never run")
