"""What is wrong with a configuration, and where."""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ERROR = "error"
WARNING = "warning"
# Only inside this package: an error in our dialect, nothing at all in supervisord's.
STRICT = "strict"


@dataclass(frozen=True)
class Problem:
    """One finding. `line` is 0 where the file as a whole is meant; `option` is "" where no option is."""

    file: str
    line: int
    severity: str  # "error" or "warning"
    option: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}"


class ConfigValidationError(ValueError):
    """A configuration with errors; `problems` has all of them, the message is one line each."""

    def __init__(self, problems: Iterable[Problem] | str = ()) -> None:
        if isinstance(problems, str):
            self.problems: list[Problem] = []
            super().__init__(problems)
        else:
            self.problems = list(problems)
            super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the likeliest of `known`, or nothing."""
    import difflib

    found = difflib.get_close_matches(word[:64].lower(), list(known), 1, 0.7)
    return f" (did you mean {found[0]!r}?)" if found else ""


def shown(text: str, most: int = 60) -> str:
    """A value as a message may show it: one line, printable, not too long."""
    text = text if len(text) <= most else text[: most - 3] + "..."
    return text if text.isprintable() else ascii(text)[1:-1]
