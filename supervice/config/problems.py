"""The problems of a configuration: what is wrong, and where."""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass
from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ERROR = "error"
WARNING = "warning"
# Used inside this package only: an error in our dialect, ignored in supervisord's.
STRICT = "strict"

LONGEST = 900  # characters of a message


@dataclass(frozen=True)
class Problem:
    """One problem. `line` is 0 when it concerns the whole file; `option` is "" when it concerns none."""

    file: str
    line: int
    severity: str  # "error" or "warning"
    option: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}"


class ConfigValidationError(ValueError):
    """A configuration with errors: `problems` has all of them, the message one line for each."""

    def __init__(self, problems: Iterable[Problem] | str = ()) -> None:
        if isinstance(problems, str):
            self.problems: list[Problem] = []
            super().__init__(problems)
        else:
            self.problems = list(problems)
            super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str], likeness: float = 0.7) -> str:
    """Returns `; did you mean 'x'?` for the most similar of `known`, or ""."""
    import difflib

    found = difflib.get_close_matches(word[:64].lower(), list(known), 1, likeness)
    return f"; did you mean {found[0]!r}?" if found else ""


def shown(text: str, most: int = 60) -> str:
    """Returns a value as messages show it: on one line, printable, not too long."""
    text = text if len(text) <= most else text[: most - 3] + "..."
    return text if text.isprintable() else ascii(text)[1:-1]


def readable(message: str) -> str:
    """Returns a message, which may quote any part of a value, on one line and printable.

    Its middle is left out when it is long: what is wrong stands at its beginning, what to write at its end.
    """
    message = clean(message)
    half = LONGEST // 2
    return message if len(message) <= LONGEST else f"{message[:half]} ... {message[-half:]}"
