"""Decides when the container ends, and with which exit code: a pure function of what the processes are.

`supervision.termination` asks `verdict` after each change of state. When several processes have failed, the
first one in time gives the exit code.
"""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass
from supervice.lifecycle.states import EXITED, FATAL, RESTING, UNHEALTHY, describe, exit_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Fact:
    """What the decision needs of one process."""

    name: str
    state: str
    status: int | None = None  # last exit: a code, or -n for signal n
    expected: bool = True  # whether that exit was one of exitcodes
    reason: str = ""
    main: bool = False
    ends_when_unhealthy: bool = False  # healthcheck_action = shutdown
    critical: bool = False
    has_run: bool = False
    held: bool = False  # an operator stopped it, and may start it again
    pending: bool = False  # its start is due and waits for a dependency
    ended: int = 0  # position in the order in which processes came to rest


@dataclass(frozen=True)
class Verdict:
    code: int
    reason: str
    culprit: str | None = None


def code_of(fact: Fact) -> int:
    """Returns the exit code that a failed process gives the container; never 0."""
    if fact.status is None:
        return 1
    return exit_code(fact.status) or 1


def verdict(
    facts: Iterable[Fact], *, on_fatal_shutdown: bool = False, exit_when_idle: bool = True
) -> Verdict | None:
    """Returns how the container ends, or None while it goes on."""
    rest = sorted((f for f in facts), key=lambda f: f.ended)
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
        if on_fatal_shutdown and fact.state == FATAL:
            return Verdict(code_of(fact), f"program {fact.name} is FATAL: {_how(fact)}", fact.name)
    if not exit_when_idle or not rest:
        return None
    if not any(f.has_run for f in rest) or any(f.held or f.pending or f.state not in RESTING for f in rest):
        return None
    for fact in rest:
        if fact.has_run and (fact.state == FATAL or not fact.expected):
            return Verdict(code_of(fact), f"nothing left to run; {fact.name} failed: {_how(fact)}", fact.name)
    return Verdict(0, "nothing left to run")


def told_to_stop(facts: Iterable[Fact], why: str) -> Verdict:
    """Returns the end that was asked for: with main's code, else that of a program in FATAL, else 0."""
    facts = sorted(facts, key=lambda f: f.ended)
    for fact in facts:
        if fact.main and fact.status is not None:
            return Verdict(exit_code(fact.status), why, fact.name)
    for fact in facts:
        if fact.state == FATAL:
            return Verdict(code_of(fact), f"{why}; {fact.name} is FATAL: {_how(fact)}", fact.name)
    return Verdict(0, why)


def _ended(fact: Fact) -> str:
    status = fact.status or 0
    how = f"ended with code {status}" if status >= 0 else f"was {describe(status)}"
    return f"{fact.name} {how}"


def _how(fact: Fact) -> str:
    return fact.reason or (describe(fact.status) if fact.status is not None else "it has never run")
