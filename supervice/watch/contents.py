"""Compares what files hold with what they held before. Pure.

A mark is a value that stays equal as long as a file's content does: its length and hash or, for a file too
long to read, its size, inode and time. A missing file keeps its mark, so that its return is compared with it.
"""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from typing import Final

# The most marks of missing files that are kept: temporary names must not pile up.
MOST_AWAY: Final = 2000


@dataclass(frozen=True)
class Changes:
    """The findings of one look."""

    moved: bool = False  # a content differs from the last look
    changed: tuple[str, ...] = ()  # differs from what was accepted last, in order of name
    gone: tuple[str, ...] = ()  # were there at the last look
    back: tuple[str, ...] = ()  # were away at the last look


class Contents:
    """Marks by path: the last ones seen, and those accepted as what the program has read."""

    __slots__ = ("_accepted", "_away", "_changed", "_seen")

    def __init__(self) -> None:
        self._accepted: dict[str, Hashable] = {}
        self._seen: dict[str, Hashable] = {}
        self._away: dict[str, None] = {}  # in the order in which they went
        self._changed: tuple[str, ...] | None = ()

    def look(self, present: Mapping[str, Hashable]) -> Changes:
        """Records the marks of all existing files."""
        seen = self._seen
        back = [path for path in present if path in self._away]
        for path in back:
            del self._away[path]
        gone = [path for path in seen if path not in present and path not in self._away]
        moved = False
        for path, mark in present.items():
            if seen.get(path) != mark:
                seen[path] = mark
                moved = True
        self._away.update(dict.fromkeys(gone))
        if moved or gone or back:
            self._changed = None
        while len(self._away) > MOST_AWAY:
            forgotten = next(iter(self._away))
            del self._away[forgotten]
            del seen[forgotten]
            self._accepted.pop(forgotten, None)
        return Changes(moved, self.changed(), tuple(gone), tuple(back))

    def changed(self) -> tuple[str, ...]:
        """Returns existing files that differ from what was accepted."""
        if self._changed is None:
            accepted, away = self._accepted, self._away
            self._changed = tuple(
                sorted(
                    path
                    for path, mark in self._seen.items()
                    if accepted.get(path) != mark and path not in away
                )
            )
        return self._changed

    def accept(self) -> None:
        """Accepts what was seen last as what the program has read."""
        self._accepted.update((path, mark) for path, mark in self._seen.items() if path not in self._away)
        self._changed = ()
