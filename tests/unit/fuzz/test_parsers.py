"""The byte targets of `make fuzz` without atheris: the corpus, and changes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.mutations import inputs
from tests.fuzz.parsers import CORPUS, PARSERS, corpus_of, target_of
from tests.fuzz.targets import TARGETS
from tests.fuzz.words import WORDS, dictionary

SMALLEST, LARGEST = 3, 4096


@pytest.mark.parametrize("name", PARSERS)
def test_the_corpus_of_a_target_finds_nothing(name: str) -> None:
    for path in corpus_of(name):
        try:
            PARSERS[name](path.read_bytes())
        except Exception as error:
            error.add_note(f"python -m tests.fuzz.once {name} {path}")
            raise


@pytest.mark.parametrize("name", PARSERS)
def test_a_target_has_a_small_corpus_and_property_tests(name: str) -> None:
    sizes = [path.stat().st_size for path in corpus_of(name)]
    assert len(sizes) >= SMALLEST
    assert max(sizes) <= LARGEST
    assert name in TARGETS


def test_the_corpus_has_nothing_else() -> None:
    """A folder without a target, or a file that is not called .input, would be run by no test."""
    known = {path for name in PARSERS for path in corpus_of(name)}
    assert {path for path in CORPUS.rglob("*") if path.is_file()} == known


@given(st.data())
@pytest.mark.parametrize("name", PARSERS)
def test_changes_of_the_corpus_find_nothing(name: str, data: st.DataObject) -> None:
    PARSERS[name](data.draw(inputs(name)))


@pytest.mark.parametrize("name", PARSERS)
def test_an_engine_is_told_the_words_of_the_language(name: str) -> None:
    lines = dictionary(name).splitlines()
    assert len(lines) == len(WORDS[name]) >= 4
    assert all(re.fullmatch(r'"(?:\\x[0-9a-f]{2})+"', line) for line in lines)


def test_a_file_may_have_a_target(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def target(data):\n    raise KeyError(data)\n")
    with pytest.raises(KeyError):
        target_of(str(path))(b"x")
    assert dictionary(str(path)) == ""
