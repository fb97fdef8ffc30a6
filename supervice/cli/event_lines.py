"""Writes events as lines: the time, the process, what happened, and the rest as logfmt. Pure."""

from __future__ import annotations

from supervice.control.columns import Look, colored
from supervice.control.render import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

STATE = "PROCESS_STATE_"
KINDS = 9  # characters of the longest state
LONGEST = 24  # the names that are aligned
NARROW = 100  # below so many columns a time is that of the day


class EventLines:
    """Aligns the columns of its lines; a column widens with the names that come."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._names = 0

    def expect(self, events: Iterable[dict[str, Any]]) -> None:
        """Makes room for the names of these events."""
        for event in events:
            self._names = max(self._names, min(LONGEST, len(clean(event.get("name") or ""))))

    def line(self, event: dict[str, Any]) -> str:
        """Returns one event as a line with its newline."""
        look = self._look
        self.expect((event,))
        when, name = clean(event.get("time") or ""), clean(event.get("name") or "-")
        if 0 < look.width < NARROW and when[10:11] == "T":
            when = when[11:19]
        kind = clean(event.get("type") or "?").removeprefix(STATE)
        rest = " ".join(
            f"{clean(key).removesuffix('_state')}={_value(clean(value))}"
            for key, value in event.items()
            if key not in ("time", "type", "name")
        )
        head = f"{when} " if when else ""
        text = look.cut(f"{head}{name:{self._names}} {kind:{KINDS}} {rest}".rstrip())
        if look.color:
            begin = len(head) + max(self._names, len(name)) + 1
            word = text[begin : begin + len(kind)]
            text = text[:begin] + colored(word) + text[begin + len(kind) :]
        return text + "\n"


def _value(text: str) -> str:
    """Returns the text, quoted where logfmt needs it."""
    if text and not any(c in ' "=' for c in text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
