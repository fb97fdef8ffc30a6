"""Rotates one log file on disk: renames it to the next of its backups, which have numbers or dates.

`FileSink` calls it at a rotation.
"""

from __future__ import annotations

import os

from supervice.fs.place import Place, identity
from supervice.output.backups import Backups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.output.dated_backups import DatedBackups


def backups_of(place: Place, date: str) -> Backups | DatedBackups:
    """Returns the backups as they are now; with a `date`, those that have a date in their names."""
    if not date:
        return Backups(place)
    from supervice.output.dated_backups import DatedBackups

    return DatedBackups(place, date)


class FileRotation:
    """The rotations of one block of output; it walks to the directory and lists it once."""

    def __init__(self, path: str, date: str = "") -> None:
        """`date`: as in `backups_of`. OSError, as `Place`."""
        self.place = Place(path)
        self._date = date
        self._backups: Backups | DatedBackups | None = None
        self.foreign: frozenset[str] = frozenset()  # the paths of what is among the backups and not ours

    def put_away(self, fd: int, backups: int) -> str:
        """Renames the log that is open as `fd` to the first of its backups; returns that name.

        Returns "" when another process has removed or moved the log. OSError.
        """
        place = self.place
        try:
            if identity(place.stat()) != identity(os.fstat(fd)):
                return ""
        except FileNotFoundError:
            return ""
        if self._backups is None:
            self._backups = backups_of(place, self._date)
            directory = os.path.dirname(place.path)
            self.foreign = frozenset(f"{directory}/{name}" for name in self._backups.foreign)
        first = self._backups.shift(backups)
        place.rename(place.name, first)
        self._backups.begun()
        return first

    def close(self) -> None:
        self.place.close()
