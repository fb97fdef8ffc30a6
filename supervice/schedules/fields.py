"""The five fields of a cron expression: their names and values."""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True)
class Field:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    def number(self, word: str) -> int | None:
        """Returns the value of a number or a name; None when it is neither, or out of bounds."""
        if word in self.names:
            return self.least + self.names.index(word)
        if not (word.isascii() and word.isdigit()) or len(word.lstrip("0")) > len(str(self.most)):
            return None
        return int(word) if self.least <= int(word) <= self.most else None


FIELDS: Final = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("day of week", 0, 7, WEEKDAYS),
)
