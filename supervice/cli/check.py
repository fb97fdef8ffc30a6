"""`supervice check`: every problem of a configuration at once, nothing started."""

from __future__ import annotations

import sys

from supervice.config import load


def check(words: list[str], found: str | None) -> int:
    """0 when the configuration can be run (warnings do not count), else 2."""
    if len(words) > 1 or (words and words[0].startswith("-")):
        sys.stderr.write("supervice: usage: supervice check [FILE]\n")
        return 2
    path = words[0] if words else found
    if path is None:
        sys.stderr.write("supervice: there is no configuration to check; name one\n")
        return 2
    try:
        loaded = load(path, daemon_defaults=True)
    except OSError as error:
        sys.stderr.write(f"supervice: {path}: {error.strerror}\n")
        return 2
    for problem in loaded.problems:
        print(problem)
    if loaded.errors:
        return 2
    print(f"{path}: {len(loaded.processes)} processes, no errors")
    return 0
