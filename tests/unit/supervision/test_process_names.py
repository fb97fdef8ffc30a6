"""The words by which an operator names processes: a process, a program, a group, all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.models import ProgramConfig
from supervice.supervision.process_names import UnknownName, members_of, no_group, resolve_names
from tests.fakes.process import FakeProcess

CONFIGS = (
    ProgramConfig("web:00", "x", program="web", numprocs=2),
    ProgramConfig("web:01", "x", program="web", numprocs=2),
    ProgramConfig("api", "x", group="front"),
    ProgramConfig("cache", "x", group="front"),
    ProgramConfig("single:00", "x", program="single", numprocs=1),
    ProgramConfig("db", "x"),
    ProgramConfig("svc:00", "x", program="svc", group="back", numprocs=2),
)
PROCESSES: dict[str, Any] = {config.name: FakeProcess(config) for config in CONFIGS}
WORDS = {
    "db": ["db"],
    "web:00": ["web:00"],
    "web:*": ["web:00", "web:01"],
    "front:api": ["api"],
    "front:*": ["api", "cache"],
    "single": ["single:00"],
    "back:svc:00": ["svc:00"],
    "all": list(PROCESSES),
}


def names(*words: str) -> list[str]:
    return [process.config.name for process in resolve_names(PROCESSES, list(words))]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_means(word: str) -> None:
    assert names(word) == WORDS[word]


@given(st.lists(st.sampled_from(sorted(WORDS))))
def test_several_words_mean_each_once_in_their_order(words: list[str]) -> None:
    assert names(*words) == list(dict.fromkeys(name for word in words for name in WORDS[word]))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("cach", r"^Process not found: cach \(did you mean cache\?\)$"),
        ("zzzzzz", "^Process not found: zzzzzz; see supervicectl status$"),
        ("", "^no name is given; see supervicectl status$"),
        ("web", r"^web has 2 processes; write web:\* for all, or web:00$"),
        ("front", r"^front is a group; write front:\* for all of it, or api$"),
        ("front:db", "^Process not found: front:db"),
        ("nothing:*", r"^Process not found: nothing:\*"),
        ("web:", "^Process not found: web:"),
    ],
)
def test_what_means_nothing_is_said_with_what_may_be_meant(word: str, said: str) -> None:
    with pytest.raises(UnknownName, match=said):
        names("db", word)


def test_a_group_goes_before_a_program_of_the_same_name() -> None:
    processes: dict[str, Any] = {
        config.name: FakeProcess(config)
        for config in (
            ProgramConfig("a", "x", group="both"),
            ProgramConfig("both:0", "x", program="both", group="other"),
        )
    }
    assert [process.config.name for process in members_of(processes, "both")] == ["a"]
    del processes["a"]
    assert [process.config.name for process in members_of(processes, "both")] == ["both:0"]
    assert members_of(processes, "none") == []


def test_an_unknown_group_is_said_with_what_there_is() -> None:
    assert no_group(PROCESSES, "fron") == "Group not found: fron (did you mean front?)"
    assert no_group(PROCESSES, "zzzzzz").startswith("Group not found: zzzzzz; the groups are ")
    assert no_group({}, "zzzzzz") == "Group not found: zzzzzz; see supervicectl status"
    many: dict[str, Any] = {f"p{n}": FakeProcess(ProgramConfig(f"p{n}", "x")) for n in range(6)}
    assert no_group(many, "zzzzzz") == "Group not found: zzzzzz; the groups are p0, p1, p2, p3, p4 ..."
    del many["p5"]
    assert no_group(many, "zzzzzz") == "Group not found: zzzzzz; the groups are p0, p1, p2, p3, p4"
