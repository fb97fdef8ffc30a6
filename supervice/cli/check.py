"""`supervice check`: every problem of a configuration at once, nothing started."""

from __future__ import annotations

import sys

from supervice.config import Problem, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config import Loaded

USAGE = "usage: supervice check [--format text|json] [--explain] [FILE]"


def check(words: list[str], found: str | None) -> int:
    """0 when the configuration can be run (warnings do not count), else 2."""
    try:
        files, form, explained = _arguments(words)
    except ValueError as error:
        sys.stderr.write(f"supervice: {error}; {USAGE}\n")
        return 2
    path = files[0] if files else found
    if path is None:
        sys.stderr.write("supervice: there is no configuration to check; name one\n")
        return 2
    try:
        loaded = load(path, daemon_defaults=True, trace=True)
    except OSError as error:
        if form == "json":
            _print_json([Problem(path, 0, "error", "", str(error.strerror))], None)
        else:
            sys.stderr.write(f"supervice: {path}: {error.strerror}\n")
        return 2
    if any(config.watch for config in loaded.config.programs):
        from supervice.cli.check_watch import watch_problems

        loaded.problems += watch_problems(loaded)
    failed = bool(loaded.errors)
    if form == "json":
        _print_json(loaded.problems, None if failed else loaded)
        return 2 if failed else 0
    for problem in loaded.problems:
        print(problem)
    if failed:
        return 2
    if explained:
        from supervice.cli.explain import report

        for line in report(loaded, path):
            print(line)
    else:
        print(f"{path}: {len(loaded.processes)} processes, no errors")
        if any(config.schedule for config in loaded.config.programs):
            from supervice.cli.explain_times import in_words

            for line in in_words(loaded):
                print(f"  {line}")
    return 0


def _arguments(words: list[str]) -> tuple[list[str], str, bool]:
    """Files, format, whether to explain. ValueError."""
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
    if form == "json" and explained:
        raise ValueError("--explain is for people, it does not go with --format json")
    if len(files) > 1:
        raise ValueError("one file at a time")
    return files, form, explained


def _print_json(problems: list[Problem], loaded: Loaded | None) -> None:
    import json

    found = []
    if loaded is not None:
        from supervice.cli.explain import program_options, programs

        for config, processes in programs(loaded):
            options: dict[str, Any] = {name: value for name, _, value, _ in program_options(loaded, config)}
            found.append({"name": config.name, "processes": [p.name for p in processes], **options})
    keys = ("file", "line", "severity", "option", "message")
    answer = {"problems": [{key: getattr(p, key) for key in keys} for p in problems], "programs": found}
    print(json.dumps(answer))
