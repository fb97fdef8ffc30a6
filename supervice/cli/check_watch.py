"""Checks watched files for `supervice check`: looks at them once, as the daemon would."""

from __future__ import annotations

from supervice.config import Problem
from supervice.config.build import section_of
from supervice.watch.mounts import mounted_alone
from supervice.watch.patterns import Pattern, ignoring
from supervice.watch.scanner import Scanner, TooMany, own_mount_points

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervice.config import Loaded
    from supervice.models import WatchConfig


def watch_problems(loaded: Loaded, points: set[str] | None = None) -> list[Problem]:
    """Returns an error for too many files, and a warning for a file that is mounted alone.

    `points`: the mount points.
    """
    assert loaded.reading is not None
    found = []
    points = own_mount_points() if points is None else points
    for config in loaded.config.programs:
        if config.watch is None:
            continue
        section = section_of(config)
        _, file, line = loaded.reading.sections[section].options["watch"]
        for severity, message in _of_watch(config.watch, points):
            found.append(Problem(file, line, severity, "watch", f"[{section}] watch: {message}"))
    return found


def _of_watch(watch: WatchConfig, points: set[str]) -> Iterator[tuple[str, str]]:
    paths = [path for path in watch.paths if not path.startswith("@")]
    scanner = Scanner([Pattern(path) for path in paths], ignoring(watch.ignore, ()))
    try:
        scanner.look()
    except TooMany as error:
        yield "error", f"{error}; write a narrower glob or watch_ignore"
    for path in mounted_alone(paths, points):
        yield "warning", f"{path} is mounted alone: its replacement outside is not seen, mount its directory"
