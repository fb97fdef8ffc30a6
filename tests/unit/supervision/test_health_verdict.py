"""The answers to `health`: which processes answer with no, and the sentence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RUNNING,
    SICK,
    STARTING,
    STOPPED,
    STOPPING,
    UNHEALTHY,
    Stop,
)
from supervice.models import ProgramConfig, ScheduleConfig
from supervice.supervision.health_verdict import healthy, sentence, wrong
from tests.fakes.process import FakeProcess


def program(name: str, state: str, **config: Any) -> Any:
    snapshot = config.pop("snapshot", {})
    return FakeProcess(ProgramConfig(name, "x", **config)).become(state, **snapshot)


def queue(*left: str) -> Any:
    """`left`: the names of those that will never start."""
    return SimpleNamespace(
        why_left=lambda p: "needs db:started, but db is FATAL" if p.config.name in left else "", plans=None
    )


def names(processes: list[Any]) -> list[str]:
    return [process.config.name for process in processes]


def test_the_container_is_healthy_while_nothing_is_wrong() -> None:
    well = [program(state, state) for state in (RUNNING, STARTING, STOPPED, STOPPING, EXITED, BACKOFF)]
    assert healthy(well, queue()) == []
    assert names(healthy([*well, program("bad", FATAL)], queue())) == ["bad"]
    assert names(healthy([*well, program("sick", UNHEALTHY)], queue())) == ["sick"]
    assert names(healthy([*well, program("left", STOPPED)], queue("left"))) == ["left"]


def test_what_is_started_by_hand_only_makes_it_unhealthy_when_it_matters() -> None:
    by_hand: dict[str, Any] = {"autostart": False}
    assert (
        healthy([program("job", FATAL, **by_hand), program("left", STOPPED, **by_hand)], queue("left")) == []
    )
    assert names(healthy([program("sick", UNHEALTHY, **by_hand)], queue())) == ["sick"]
    assert names(healthy([program("main", FATAL, main=True, **by_hand)], queue())) == ["main"]


def test_each_question_has_its_own_culprits() -> None:
    web = program("web", RUNNING, snapshot={"ready": False})
    job, hand = program("job", BACKOFF), program("hand", STOPPED, autostart=False)
    sick, fatal = program("sick", UNHEALTHY), program("fatal", FATAL)
    every = [web, job, hand, sick, fatal]
    assert names(wrong("live", every, queue(), named=False)) == ["sick"]
    assert names(wrong("ready", every, queue(), named=False)) == ["web", "job", "fatal"]
    assert names(wrong("healthy", every, queue(), named=False)) == ["sick", "fatal"]
    # asked about by name, a program has to be what was asked
    assert names(wrong("live", every, queue(), named=True)) == ["sick"]
    assert names(wrong("ready", every, queue(), named=True)) == ["web", "job", "hand", "fatal"]
    assert names(wrong("healthy", every, queue(), named=True)) == ["job", "hand", "sick", "fatal"]


def test_between_its_runs_a_schedule_is_well_and_a_stop_for_bad_health_is_not() -> None:
    planned = program("nightly", STOPPED, schedule=ScheduleConfig(("0 3 * * *",)))
    assert wrong("healthy", [planned], queue(), named=True) == []
    ending = program("web", STOPPING, snapshot={"stop": Stop(SICK)})
    assert wrong("healthy", [ending], queue(), named=True) == [ending]


def said(
    kind: str, culprits: list[Any], *, well: bool = False, stopping: bool = False, details: bool = True
) -> str:
    return sentence(kind, well, culprits, queue(), stopping=stopping, details=details)


def test_a_sentence_names_the_first_and_counts_the_others() -> None:
    web = program("web", UNHEALTHY, snapshot={"reason": "3 health checks failed in a row"})
    assert said("live", [web], well=True) == "live"
    assert said("live", [web]) == "not live: web is UNHEALTHY: 3 health checks failed in a row"
    assert said("live", [web, web, web], details=False) == "not live: web is UNHEALTHY, and 2 more"
    assert said("ready", []) == "not ready"
    assert said("ready", [web, web], details=False) == "not ready: web is UNHEALTHY, and 1 more"


@pytest.mark.parametrize(
    ("kind", "words"), [("live", "not live: web is FATAL"), ("ready", "not ready: shutting down")]
)
def test_the_end_explains_everything_but_what_is_not_live(kind: str, words: str) -> None:
    assert said(kind, [program("web", FATAL)], stopping=True) == words


def test_what_the_last_check_said_is_told_where_there_is_no_reason() -> None:
    web = program("web", UNHEALTHY)
    web.health_message = "connection refused"
    assert said("healthy", [web]) == "not healthy: web is UNHEALTHY: connection refused"
    assert said("healthy", [web], details=False) == "not healthy: web is UNHEALTHY"
