"""Writes to stdout and stderr, be they a terminal, a pipe or a file."""

from __future__ import annotations

import os
import sys

from supervice.control.columns import Look
from supervice.control.render import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

# Exit codes of supervicectl; docs/signals-and-exit-codes.md explains them.
DONE, FAILED, USAGE, NOT_RUNNING, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130

UNKNOWN_WIDTH = 80  # of a terminal that does not say it


def write(text: str, stream: TextIO | None = None) -> None:
    """Writes text with any character to a stream of any encoding (stdout)."""
    stream = stream or sys.stdout
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def complain(message: str, command: str = "supervicectl") -> None:
    """Writes a failure as one line to stderr; a full or closed stderr changes no exit code."""
    try:
        write(f"{command}: {clean(message)}\n", sys.stderr)
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def colored(stream: TextIO) -> bool:
    """Returns whether `stream` is a terminal that shows colours; NO_COLOR and FORCE_COLOR override that.

    https://no-color.org, https://force-color.org: an empty variable counts as unset.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width_of(stream: TextIO) -> int:
    """Returns the columns of the terminal that `stream` is; 0 when it is none."""
    if not stream.isatty():
        return 0
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and 0 < int(told) < 10_000:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or UNKNOWN_WIDTH
    except (OSError, ValueError):
        return UNKNOWN_WIDTH


def ellipsis(stream: TextIO) -> str:
    """Returns the mark for cut text, as far as `stream` can write it."""
    try:
        "…".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "..."
    return "…"


_wide = False


def cut_nothing(wide: bool) -> None:
    """Sets whether tables are as wide as they need (`-o wide`) or fit the terminal."""
    global _wide
    _wide = wide


def is_wide() -> bool:
    """Returns whether `-o wide` was given."""
    return _wide


def look() -> Look:
    """Returns how text on stdout is shown."""
    stream = sys.stdout
    return Look(0 if _wide else width_of(stream), colored(stream), ellipsis(stream))
