"""The words of docs/style.md: those that it forbids do not come back."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest

from tests.paths import ROOT

# Persons that are none: who does what is said instead. A few are right, in a proverb or in a quotation.
PERSONS = re.compile(
    r"(?<![A-Za-z])(?:[Ss]ome|[Aa]ny|[Ee]very|[Nn]o)body(?![a-z])|(?<![A-Za-z])[Ww]ho(?:m|ever)(?![a-z])"
)
MOST_PERSONS = 10
# The Unix user.
USER = re.compile(r"""(?:user ?= ?|\busers? |-u |--user |[`"'=:(/])nobody\b(?!'s)|\bnobody(?=[:`"])""")
WORDS = {
    "heir": r"\bheirs?\b",
    "doors": r"\bdoors?\b(?<!front door)(?<!next door)",
    "the law": r"\bthe law\b|\blaw of a process\b",
    "what is so": r"\bwhat is so\b",
    "CMD": r"(?<!\")\bCMD\b(?! ?\[)",
    "clerk": r"\bclerks?\b",
    "companions": r"\bcompanions?\b",
    "chronicle": r"\bchronicles?\b",
    "herald": r"\bheralds?\b",
    "farewell": r"\bfarewells?\b",
    "signal desk": r"\bsignal[ _]?desks?\b",
}
# The first word of a docstring that says what a function does.
VERB = re.compile(r"(?!As\b|This\b|Whether\b|Its\b)[A-Z][a-z-]*s\b")
# Not ours: the licence, files of other projects, and the two that have to name the words.
NOT_OURS = ("LICENSE", "tests/corpus/", "docs/style.md", "tests/unit/test_style.py")
SUFFIXES = {"", ".c", ".conf", ".h", ".md", ".py", ".sh", ".toml", ".yaml", ".yml"}
SKIPPED = {
    ".bench",
    ".git",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "__pycache__",
    "build",
    "dist",
}


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """(path from the root, text) of everything that people read here."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [one for one in folders if one not in SKIPPED and not one.endswith(".egg-info")]
        for path in (Path(folder, file) for file in files):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in SUFFIXES and not name.startswith(NOT_OURS) and path.is_file():
                try:
                    found.append((name, path.read_text()))
                except UnicodeDecodeError:
                    pass  # nothing that people read
    return tuple(found)


def lines(pattern: re.Pattern[str], name: str, text: str) -> list[str]:
    if not pattern.search(text):
        return []
    return [
        f"{name}:{number}: {match.group()}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in pattern.finditer(USER.sub("", line))
    ]


def test_sentences_say_who_does_what() -> None:
    found = [line for name, text in texts() for line in lines(PERSONS, name, text)]
    assert len(found) <= MOST_PERSONS, "\n".join(found)


@pytest.mark.parametrize("word", WORDS)
def test_words_of_the_past_do_not_come_back(word: str) -> None:
    pattern = re.compile(WORDS[word], re.IGNORECASE if word.islower() else 0)
    found = [line for name, text in texts() for line in lines(pattern, name, text)]
    assert found == []


def test_what_is_forbidden_is_found() -> None:
    def persons(text: str) -> int:
        return len(lines(PERSONS, "x", text))

    assert persons("somebody asks, Nobody answers; whoever it is, for whom; test_everybody_waits") == 5
    assert persons('user = nobody, -u nobody, "nobody", the user nobody, resolve("nobody:nogroup")') == 0
    assert re.search(WORDS["doors"], "another door")
    assert not re.search(WORDS["doors"], "The front door.")
    assert re.search(WORDS["CMD"], "with CMD of the image")
    assert not re.search(WORDS["CMD"], 'CMD ["bash"]')


def test_the_page_names_every_word() -> None:
    page = Path(ROOT / "docs/style.md").read_text()
    missing = {"clerk", "companions", "the law", "heir", "doors", "CMD", "what is so", "whoever", "whom"}
    assert {word for word in missing if word not in page} == set()


def test_the_docstring_of_a_function_begins_with_what_it_does() -> None:
    """A verb in the present tense; a property has the name of a thing, and a docstring like one."""
    found = []
    for name, text in texts():
        if name.startswith("supervice/") and name.endswith(".py"):
            for one in ast.walk(ast.parse(text)):
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name != "__init__":
                    said = ast.get_docstring(one)
                    is_property = any(
                        "property" in (decorator := ast.unparse(node)) or decorator.endswith(".setter")
                        for node in one.decorator_list
                    )
                    if said and not is_property and not VERB.match(said):
                        found.append(f"{name}:{one.lineno}: {one.name}: {said.splitlines()[0]}")
    assert found == []


def test_a_verb_is_told_from_other_words() -> None:
    assert all(VERB.match(said) for said in ("Returns it.", "Stops, and waits.", "Passes it on."))
    assert not any(
        VERB.match(said) for said in ("The name.", "Whether it is.", "As above.", "This is it.", "stops")
    )
