"""Pieces of output of several processes as text. Pure."""

from __future__ import annotations

from supervice.control.render import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class LogLines:
    """With `prefix` whole lines only, each behind the name of its process; else the pieces as they come."""

    def __init__(self, prefix: bool) -> None:
        self._prefix = prefix
        self._open: dict[tuple[str, str], str] = {}  # name and stream -> a line that has not ended

    def add(self, chunk: dict[str, Any]) -> str:
        """The text that can be shown once `chunk` has come."""
        data = str(chunk.get("data", ""))
        if not self._prefix:
            return data
        key = (str(chunk.get("name", "")), str(chunk.get("stream", "")))
        *lines, rest = (self._open.pop(key, "") + data).split("\n")
        if rest:
            self._open[key] = rest
        return "".join(f"{clean(key[0])} | {line}\n" for line in lines)

    def end(self) -> str:
        """The lines that have not ended."""
        rest = "".join(f"{clean(name)} | {line}\n" for (name, _), line in self._open.items())
        self._open.clear()
        return rest
