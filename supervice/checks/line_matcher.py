"""Searches lines for an expression, in time that grows with their length and with nothing else.

It follows all ways through the program at once. Each set of positions is a row of a table: the next byte says
which row comes next. A row is made when it is first needed, by one walk through the program; when there are
too many, all are dropped. The caller says when its time is up, and goes on later.
"""

from __future__ import annotations

import time

from supervice.config.expression_program import AT, BEGIN, END, JUMP, MATCH, SET, SPLIT, WORD, WORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config.expression_program import Expression

    Row = list[Any]

MOST_ROWS = 500
# Bytes between two looks at the clock: some 20 ms when each needs a new row.
SLICE = 64
# What precedes a position: the beginning of the line, a byte of a word, or another byte.
START, IN_WORD, OTHER = range(3)


class LineMatcher:
    """Searches one line at a time: call `search` until it returns an answer."""

    def __init__(self, expression: Expression) -> None:
        self._program = expression.program
        self.words = expression.words
        self._by_word = any(step[0] == AT and step[1] not in (BEGIN, END) for step in self._program)
        masks = {step[1] for step in self._program if step[0] == SET} | ({WORDS} if self._by_word else set())
        # Bytes that no step tells apart share a column.
        columns: dict[tuple[int, ...], int] = {}
        known = [columns.setdefault(tuple(m >> b & 1 for m in masks), len(columns)) for b in range(256)]
        self._column = bytes(known)
        self._byte = [known.index(column) for column in range(len(columns))]
        self._end = len(columns)
        self._rows: dict[tuple[frozenset[int], int], Row] = {}
        self._found: Row = []
        self._found += [self._found] * (self._end + 1)
        self._first = self._row(frozenset(), START)
        self._at = 0
        self._here = self._first

    def search(self, line: bytes, give_up: float) -> bool | None:
        """Returns whether the line has a match; None when `give_up` says first that time is up.

        Call it again with the same line then.
        """
        text = line.translate(self._column)
        at, row, found = self._at, self._here, self._found
        while at < len(text) and row is not found:
            for column in text[at : at + SLICE]:
                following = row[column]
                row = self._step(row, column) if following is None else following
            at += SLICE
            if at < len(text) and row is not found and time.monotonic() > give_up:
                self._at, self._here = at, row
                return None
        self._at, self._here = 0, self._first
        if row is not found:
            following = row[self._end]
            row = self._step(row, self._end) if following is None else following
        return row is found

    def _row(self, places: frozenset[int], before: int) -> Row:
        key = places, before
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= MOST_ROWS:
                self._rows.clear()
            row = self._rows[key] = [None] * (self._end + 1)
            row.append(key)
        return row

    def _step(self, row: Row, column: int) -> Row:
        """Returns the row that follows, and remembers it."""
        byte = -1 if column == self._end else self._byte[column]
        places, before = row[-1]
        is_word = byte >= 0 and WORDS >> byte & 1
        at_place = {
            BEGIN: before == START,
            END: byte < 0,
            WORD: (before == IN_WORD) != bool(is_word),
        }
        following: list[int] = []
        seen = set()
        todo = [0, *places]  # the expression may begin anywhere
        while todo:
            place = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            step = self._program[place]
            kind = step[0]
            if kind == SET:
                if byte >= 0 and step[1] >> byte & 1:
                    following.append(place + 1)
            elif kind == SPLIT:
                todo += step[1:]
            elif kind == JUMP:
                todo.append(step[1])
            elif kind == MATCH:
                row[column] = self._found
                return self._found
            elif at_place[step[1]] if step[1] in at_place else not at_place[WORD]:
                todo.append(place + 1)
        after = IN_WORD if is_word and self._by_word else OTHER
        row[column] = made = self._row(frozenset(following), after)
        return made
