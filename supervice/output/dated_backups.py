"""The rotated files of a log whose names have a date: `log.2026-11-29`, the second of that day with `.1`.

It stands in for `backups.Backups`; loaded where a `_suffix` is set.
"""

from __future__ import annotations

import errno

from supervice.output.backups import LONGEST_LISTING, SUFFIX, is_file, is_ours, is_to_compress, unlink
from supervice.output.rotation import dated, next_name, surplus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.fs.place import Place


class DatedBackups:
    """The backups of the log at `place`, as they are now; `foreign` ones of other users stay."""

    def __init__(self, place: Place, date: str) -> None:
        """`date`: that of the next rotated file."""
        self._place = place
        self._date = date
        names = place.names(LONGEST_LISTING)
        if names is None:
            raise OSError(
                errno.E2BIG,
                f"its directory holds more than {LONGEST_LISTING} names; give it one of its own",
            )
        self._names = {one.name(place.name) for one in dated(place.name, names)}
        self.foreign = sorted(name for name in self._names if place.shared and not is_ours(place, name))
        self._next = ""

    def _ours(self) -> set[str]:
        return self._names - set(self.foreign)

    def shift(self, backups: int) -> str:
        """Unlinks the oldest surplus backups; returns a free name."""
        for name in surplus(self._place.name, self._ours(), backups - 1):
            unlink(self._place, name)
            self._names.discard(name)
        self._next = next_name(self._place.name, self._date, self._names)
        return self._next

    def begun(self) -> None:
        """Notes that the log has taken the name that `shift` returned."""
        self._names.add(self._next)

    def _plain(self) -> list[str]:
        """Returns the backups that are not compressed, newest first."""
        there = dated(self._place.name, self._ours())
        return [one.name(self._place.name) for one in reversed(there) if not one.compressed]

    def next_plain(self, _backups: int) -> str:
        for name in self._plain():
            if is_to_compress(self._place, name, f"{name}{SUFFIX}" in self._names):
                return name
        return ""

    def find(self, _backups: int, file: tuple[int, int]) -> str:
        return next((name for name in self._plain() if is_file(self._place, name, file)), "")
