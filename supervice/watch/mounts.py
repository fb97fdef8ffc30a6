"""Finds files that are mounted alone: their replacement outside is never seen. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def mount_points(mountinfo: bytes) -> set[str]:
    """Returns the fifth word of each line of /proc/self/mountinfo, unescaped (proc(5))."""
    found = set()
    for line in mountinfo.split(b"\n"):  # what else ends a line may stand in a name
        words = line.split(b" ")
        if len(words) > 4:
            found.add(_unescaped(words[4]))
    return found


def _unescaped(word: bytes) -> str:
    """Returns the path with octal escapes (blanks, tabs, newlines, backslashes) resolved."""
    first, *rest = word.split(b"\\")
    parts = [first]
    for part in rest:
        digits = part[:3]
        if len(digits) == 3 and not digits.strip(b"01234567"):
            parts.append(bytes([int(digits, 8) & 255]) + part[3:])
        else:
            parts.append(b"\\" + part)
    return b"".join(parts).decode("utf-8", "surrogateescape")


def mounted_alone(files: Iterable[str], points: set[str]) -> list[str]:
    """Returns those of `files` (regular files, not directories) that are mount points themselves."""
    return [file for file in files if file in points]
