"""`supervice check`: reports every problem of a configuration at once, and starts nothing."""

from __future__ import annotations

import os
import sys

from supervice.cli.terminal import colored, complain, write
from supervice.config import Problem, load
from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from supervice.config import Loaded

USAGE = "usage: supervice check [--format text|json] [--explain] [FILE]"
HELP = """\
Usage: supervice check [--explain] [--format text|json] [FILE]

Reports every problem of a configuration at once, each with its file, its line
and what to write. Starts nothing. Without FILE it checks the file that -c or
$SUPERVICE_CONFIG names, else that of the running daemon, else the first that
exists of those that supervice --help lists.

  --explain        also print every option with its origin, the order of
                   starting, and how long a stop may take
  --format FORMAT  text, or json for machines (default: text)

Exit code: 0 when the configuration can be run, with or without warnings; 2 when
it cannot.
"""
_COLORS = {"error": "\x1b[31m", "warning": "\x1b[33m", "OK": "\x1b[32m"}
_RESET = "\x1b[0m"


class _Place:
    """A file, and how the check came by it."""

    def __init__(
        self, path: str, directory: str | None = None, environ: dict[str, str] | None = None
    ) -> None:
        self.path = path
        self.directory = directory  # where relative paths begin; None: the current one
        self.environ = environ  # that of the daemon; None: ours
        self.said = ""  # for the last line


def check(words: list[str], found: str | None, named: bool = False) -> int:
    """Returns 0 when the configuration can run (warnings do not count), else 2.

    Without a file in `words` it checks that of a running daemon, unless `found` was `named`.
    """
    before = words[: words.index("--")] if "--" in words else words
    if "--help" in before or "-h" in before:
        write(HELP)
        return 0
    try:
        files, form, explained = _arguments(words)
    except ValueError as error:
        complain(f"{error}; {USAGE}", "supervice")
        return 2
    place = _place(files, found, named)
    if place is None:
        complain("there is no configuration to check; write supervice check FILE", "supervice")
        return 2
    try:
        loaded = load(
            place.path, daemon_defaults=True, trace=True, cwd=place.directory, environ=place.environ
        )
    except OSError as error:
        why = str(error.strerror or error)
        if form == "json":
            _print_json([Problem(place.path, 0, "error", "", why)], None, None)
        else:
            complain(f"{place.path}: {why}", "supervice")
        return 2
    loaded.problems = _all_problems(loaded, place)
    failed = bool(loaded.errors)
    if form == "json":
        _print_json(loaded.problems, None if failed else loaded, place.path if explained else None)
    else:
        color = colored(sys.stdout)
        for line in _text(loaded, place, explained and not failed, color):
            write(f"{line}\n")
    return 2 if failed else 0


def _place(files: list[str], found: str | None, named: bool) -> _Place | None:
    if files:
        return _Place(files[0])
    if not named:
        from supervice.cli.check_running import running

        daemon = running()
        if daemon is not None:
            place = _Place(*daemon)
            place.said = f" in {place.path}, which the running daemon has"
            return place
    if found is None:
        return None
    place = _Place(found)
    place.said = f" in {found}"
    return place


def _all_problems(loaded: Loaded, place: _Place) -> list[Problem]:
    """Returns the problems of the text and those of this machine, sorted by file and line."""
    problems = list(loaded.problems)
    if any(config.watch for config in loaded.config.programs):
        from supervice.cli.check_watch import watch_problems

        problems += watch_problems(loaded)
    from supervice.cli.check_here import missing

    problems += missing(loaded, os.environ if place.environ is None else place.environ)
    assert loaded.reading is not None
    order = {name: number for number, name in enumerate(loaded.reading.names)}
    problems.sort(key=lambda problem: (order.get(problem.file, -1), problem.line))
    return problems


def _text(loaded: Loaded, place: _Place, explained: bool, color: bool) -> Iterator[str]:
    """Returns the lines for people: the problems, what they asked to have explained, and the count."""
    for problem in loaded.problems:
        where = f"{problem.file}:{problem.line}" if problem.line else problem.file
        yield f"{clean(where)}: {_colored(problem.severity, color)}: {clean(problem.message)}"
    if explained:
        from supervice.cli.explain import report

        yield from report(loaded, place.path)
        yield ""
    elif not loaded.errors and any(config.schedule for config in loaded.config.programs):
        from supervice.cli.explain_times import in_words

        yield from in_words(loaded)
    warnings = len(loaded.problems) - len(loaded.errors)
    counts = [
        _count(number, word)
        for number, word in ((len(loaded.errors), "error"), (warnings, "warning"))
        if number
    ]
    if not loaded.errors:
        counts.insert(0, f"{_colored('OK', color)}: {_count(len(loaded.processes), 'process')}")
    yield f"{', '.join(counts)}{clean(place.said)}"


def _colored(word: str, color: bool) -> str:
    return f"{_COLORS[word]}{word}{_RESET}" if color else word


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "es" if word.endswith("s") else "s")


def _arguments(words: list[str]) -> tuple[list[str], str, bool]:
    """Returns files, format, and whether to explain. ValueError."""
    files, form, explained = [], "text", False
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--explain":
            explained = True
        elif word == "--format" and left:
            form = left.pop(0)
        elif word.startswith("--format="):
            form = word.partition("=")[2]
        elif word == "--":
            files += left
            break
        elif word.startswith("-"):
            raise ValueError(
                f"check has no option {word}" if word != "--format" else "--format needs a value"
            )
        else:
            files.append(word)
    if form not in ("text", "json"):
        raise ValueError("--format is text or json")
    if len(files) > 1:
        raise ValueError("one file at a time")
    return files, form, explained


def _print_json(problems: list[Problem], loaded: Loaded | None, explained: str | None) -> None:
    """Prints the problems; `explained` is the path of a configuration to explain beside them."""
    import json

    found = []
    if loaded is not None:
        from supervice.cli.explain import program_options, programs

        for config, processes in programs(loaded):
            options: dict[str, Any] = {name: value for name, _, value, _ in program_options(loaded, config)}
            found.append({"name": config.name, "processes": [p.name for p in processes], **options})
    keys = ("file", "line", "severity", "option", "message")
    answer: dict[str, Any] = {
        "problems": [{key: getattr(p, key) for key in keys} for p in problems],
        "programs": found,
    }
    if loaded is not None and explained is not None:
        from supervice.cli.explain_values import as_values

        answer["explain"] = as_values(loaded, explained)
    write(json.dumps(answer) + "\n")
