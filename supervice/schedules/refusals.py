"""Explains why a schedule is refused, and what to write instead. Pure text; `expression` asks it."""

from __future__ import annotations

from supervice.schedules.fields import FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

    from supervice.schedules.fields import Field

NEVER: Final = "never comes: no date matches all of its fields; write a day that its months have"
_EVERY: Final = "write every with a number and a unit: every 90s, every 5m, every 1h30m"
_FIVE: Final = "write five fields (minute, hour, day of month, month, day of week)"


def of_name(word: str, names: Iterable[str]) -> str:
    if word.partition(" ")[0] == "@every":
        return f"is written without @ here: every{word[6:] or ' 5m'}"
    return f"no such name; write one of {', '.join(names)}, @reboot"


def of_distance(word: str) -> str:
    word = word.strip()
    if word.isascii() and word.isdigit():
        return f"the time has no unit; write every {word}s"
    return f"not a time: {_EVERY}"


def of_count(words: Sequence[str]) -> str:
    """Returns why an expression that does not have five fields is refused."""
    if words and words[0].upper().startswith(("TZ=", "CRON_TZ=")):
        zone = words[0].partition("=")[2]
        return f"the time zone is an option of its own; write schedule_timezone = {zone}"
    if words[5:] and not any(_like_a_field(word) for word in words[5:]):
        five = " ".join(words[:5])
        return f"text stands behind the five fields; write schedule = {five} and the rest as command"
    if len(words) == 6:
        seconds = _seconds(words[0]) or _seconds(words[5])
        return (
            "six fields: elsewhere the sixth is seconds, in front or behind; "
            f"{_FIVE}, or every {seconds or 30}s"
        )
    return f"{len(words)} fields; {_FIVE}"


def _like_a_field(word: str) -> bool:
    return word == "?" or not word.upper().strip("0123456789*,-/#LW") or word.upper()[:3] in FIELDS[4].names


def _seconds(word: str) -> int:
    """Returns the interval that a field of seconds stands for: 30 for `*/30`; 0 when it is none."""
    if word.startswith(("*/", "0/")):
        return FIELDS[0].number(word[2:]) or 0
    return 0


def of_fields(fields: Sequence[str]) -> str:
    """Returns what is wrong with the first bad one of five fields (in capitals) that cronsim refuses."""
    for field, text in zip(FIELDS, fields, strict=True):
        for term in text.split(","):
            why = _of_term(field, text, term)
            if why:
                return f"{field.name}: {why}"
    return NEVER


def of_a_range_of_one(fields: Sequence[str]) -> str:
    """Returns why `5-5/10` is refused: cronsim reads it as `5/10`, Debian's cron as `5`; else ""."""
    for field, text in zip(FIELDS, fields, strict=True):
        for term in text.split(","):
            base, slash, step = term.partition("/")
            first, dash, last = base.partition("-")
            if slash and dash and field.number(first) == field.number(last):
                return f"{field.name}: {term} can be read in two ways; write {first} or {first}/{step}"
    return ""


def _of_term(field: Field, text: str, term: str) -> str:
    """Returns what is wrong with one item of a list; "" when nothing is."""
    if not term:
        return "an empty item; write numbers with commas and without blanks (1,15)"
    base, slash, step = term.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step)):
        return "the step behind / is a number from 1; write */5"
    if base == "?":
        return "? is not known here; write *"
    if base.startswith("H"):
        return "H is not known here; write a number, and schedule_jitter to spread the load"
    if base == "*" or _is_special(field, base):
        return ""
    if "#" in base:
        return "# stands between a day of the week and 1 to 5; write MON#2 for the second Monday"
    if field.name == "day of week" and base.endswith("L"):
        return "L stands behind one number from 0 to 7; write 5L for the last Friday"
    if base.endswith("W"):
        return "W is known only in LW, the last weekday of the month"
    first, dash, last = base.partition("-")
    for word in (first, last) if dash else (first,):
        if field.number(word) is None:
            return _of_word(field, word)
    start, end = field.number(first), field.number(last)
    if dash and start is not None and end is not None and end < start:
        unwrapped = _unwrapped(field, first, start, end, int(step or 1))
        rest = [unwrapped if other == term else other for other in text.split(",")]
        return f"{first}-{last} goes over the end; write {','.join(rest)}"
    return ""


def _is_special(field: Field, word: str) -> bool:
    if field.name == "day of month":
        return word in ("L", "LW")
    if field.name != "day of week":
        return False
    day, mark, nth = word.partition("#")
    if mark:
        return field.number(day) is not None and nth in ("1", "2", "3", "4", "5")
    digits = word[:-1]
    return word.endswith("L") and digits.isascii() and digits.isdigit() and field.number(digits) is not None


def _of_word(field: Field, word: str) -> str:
    if word.isascii() and word.isdigit():
        midnight = ", midnight is 0" if field.name == "hour" and word == "24" else ""
        return f"goes from {field.least} to {field.most}{midnight}"
    if field.names:
        return f"write a number from {field.least} to {field.most}, or {', '.join(field.names)}"
    return f"not a number; write {field.least} to {field.most}, or *"


def _unwrapped(field: Field, first: str, start: int, end: int, step: int) -> str:
    """Returns the list that a range past the end stands for."""
    most = 6 if field.names and field.least == 0 else field.most  # Sunday once
    values = [*range(start, most + 1), *range(field.least, min(end, most) + 1)][::step]
    if first in field.names:
        return ",".join(field.names[value - field.least] for value in values)
    if step > 1:
        return ",".join(map(str, values))
    parts = ((start, most), (field.least, end))
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts if a <= b)
