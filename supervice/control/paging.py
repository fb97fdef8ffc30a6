"""Sends replies that are larger than a frame in pages: cuts lists of rows, and joins them again. Pure.

A page is a reply with some of the rows and `"more": true`; the client asks for the next one with the command
`more`, on the same connection. A row that is too large by itself is cut in its longest list; the page that
begins with the rest of it says `"continues": true`. A client that never asks for more has the first page.
"""

from __future__ import annotations

from supervice.control.protocol import HEADER, MAX_FRAME, MORE
from supervice.lean.json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Reply = dict[str, Any]

CONTINUES = "continues"

PIECE = 32  # rows that are encoded at a time
LONGEST_TEXT = 8192  # characters of the message; what is longer repeats the rows
_ROOM = MAX_FRAME - 256  # for the fields that say how it goes on


class _Rest(dict):  # type: ignore[type-arg]
    """The rest of a row that was cut."""


class Pages:
    """The frames of one reply, made one at a time when they are asked for."""

    def __init__(self, reply: Reply) -> None:
        self._fields: Reply = {}
        self._lists: list[tuple[str, list[Any], bool]] = []  # key, rows (or items), whether it is a dict
        self._at = 0  # the next row of the first list
        for key, value in reply.items():
            if isinstance(value, list | dict):
                rows: list[Any] = list(value.items() if isinstance(value, dict) else value)
                self._lists.append((key, rows, isinstance(value, dict)))
            elif key == "message" and isinstance(value, str):
                self._fields[key] = value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"
            else:
                self._fields[key] = value
        self.done = False

    def frame(self) -> bytes:
        """Returns the next page as a frame. ValueError when a row is too large and has no list to be cut."""
        parts = [dumps(self._fields)[1:-1]]
        self._fields = {"status": self._fields.get("status")}
        room = _ROOM - len(parts[0])
        if room < 0:
            raise ValueError(f"{len(parts[0])} bytes do not fit into a frame of {MAX_FRAME}")
        if self._lists and self._at and type(self._lists[0][1][self._at]) is _Rest:
            parts.append(f'"{CONTINUES}": true')
        fresh = True
        while self._lists:
            key, rows, is_dict = self._lists[0]
            texts: list[str] = []
            room -= len(dumps(key)) + 6
            while self._at < len(rows):
                text, count = self._piece(rows, is_dict, room, fresh)
                if not count:
                    break
                texts.append(text)
                room -= len(text) + 2
                self._at += count
                fresh = False
            body = ", ".join(texts)
            if texts or not rows:
                parts.append(f"{dumps(key)}: " + (f"{{{body}}}" if is_dict else f"[{body}]"))
            if self._at < len(rows):
                parts.append(f'"{MORE}": true')
                break
            self._lists.pop(0)
            self._at = 0
        self.done = not self._lists
        data = ("{" + ", ".join(parts) + "}").encode("ascii")
        return len(data).to_bytes(HEADER, "big") + data

    def _piece(self, rows: list[Any], is_dict: bool, room: int, fresh: bool) -> tuple[str, int]:
        """Returns the text of the next rows and their number; 0 when the page is full."""
        for count in (PIECE, 1):
            some = rows[self._at : self._at + count]
            cut = next(
                (i for i, row in enumerate(some) if type(row) is _Rest and (i or not fresh)), len(some)
            )
            some = some[:cut]
            if not some:
                return "", 0
            text = dumps(dict(some) if is_dict else some)[1:-1]
            if len(text) <= room:
                return text, len(some)
        if not fresh:
            return "", 0
        if is_dict:
            raise ValueError(f"{len(text)} bytes do not fit into a frame of {MAX_FRAME}")
        while len(text) > room:
            _cut(rows, self._at)
            text = dumps(rows[self._at])
        return text, 1


def _cut(rows: list[Any], at: int) -> None:
    """Moves half of the longest list of a row into a new row after it."""
    row = rows[at]
    key = max(
        (key for key, value in row.items() if isinstance(value, list) and len(value) > 1),
        key=lambda key: len(row[key]),
        default=None,
    ) if isinstance(row, dict) else None  # fmt: skip
    if key is None:
        raise ValueError(f"one row does not fit into a frame of {MAX_FRAME} bytes")
    half = len(row[key]) // 2
    rows[at : at + 1] = [type(row)({**row, key: row[key][:half]}), _Rest({key: row[key][half:]})]


def add_page(whole: Reply, page: Reply) -> bool:
    """Adds a page to the earlier ones; returns whether there are more."""
    more, continues = page.pop(MORE, False) is True, page.pop(CONTINUES, False) is True
    whole.pop(MORE, None)
    for key, value in page.items():
        before = whole.get(key)
        if isinstance(before, list) and isinstance(value, list):
            if continues and before and value:
                continues = False
                _extend(before[-1], value.pop(0))
            before += value
        elif isinstance(before, dict) and isinstance(value, dict):
            before.update(value)
        elif key not in whole:
            whole[key] = value
    return more


def _extend(row: Any, rest: Any) -> None:
    if isinstance(row, dict) and isinstance(rest, dict):
        for key, value in rest.items():
            if isinstance(value, list) and isinstance(row.get(key), list):
                row[key] += value
