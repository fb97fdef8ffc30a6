"""Tables that fit a terminal: columns as wide as they must be, and no line longer than the width. Pure."""

from __future__ import annotations

from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Look", "clean", "fold", "table"]

GREEN, YELLOW, RED, DIM, RESET = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
# What a word in a cell means, whatever the table.
COLORS = {
    "RUNNING": GREEN,
    "WAITING": YELLOW,
    "STARTING": YELLOW,
    "BACKOFF": YELLOW,
    "STOPPING": YELLOW,
    "FATAL": RED,
    "UNHEALTHY": RED,
    "failed": RED,
    "not ready": YELLOW,
    "STOPPED": DIM,
}
GAP = 2
LEAST = 8  # characters that a column which is cut keeps


class Look:
    """How text is shown: `width` in characters (0: nothing is cut), with colours, and what a cut ends in."""

    __slots__ = ("color", "ellipsis", "width")

    def __init__(self, width: int = 0, color: bool = False, ellipsis: str = "…") -> None:
        self.width = width
        self.color = color
        self.ellipsis = ellipsis

    def cut(self, text: str, width: int | None = None) -> str:
        """`text` in at most `width` characters (those of a line)."""
        width = self.width if width is None else width
        if width <= 0 or (len(text) <= width and text.isascii()) or columns_of(text) <= width:
            return text
        mark = self.ellipsis if len(self.ellipsis) < width else ""
        room = width - len(mark)
        if text.isascii():
            return text[:room] + mark
        end = 0
        while end < len(text) and columns_of(text[: end + 1]) <= room:
            end += 1
        return text[:end] + mark


def columns_of(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    look: Look,
    *,
    right: Collection[str] = (),
    drop: Sequence[str] = (),
) -> str:
    """The lines, each with its newline.

    Where the width is too small, columns without a fact go first, then the last column is cut, then those of
    `drop` go, the first of it first, and at last the first column is cut. `right`: headings of numbers.
    """
    every = [header, *rows]
    widths = [max(columns_of(row[column]) for row in every) for column in range(len(header))]
    shown = _fit(header, rows, widths, look.width, drop)
    lines = []
    for row in every:
        cells = []
        for column in shown:
            width = widths[column]
            cell = look.cut(row[column], width) if look.width else row[column]
            pad = " " * (width - columns_of(cell))
            if look.color:
                cell = colored(cell, row is header)
            last = column == shown[-1]
            cells.append(pad + cell if header[column] in right else cell if last else cell + pad)
        lines.append((" " * GAP).join(cells).rstrip() + "\n")
    return "".join(lines)


def colored(cell: str, heading: bool = False) -> str:
    """The cell in the colour of what it means."""
    color = "\x1b[1m" if heading else COLORS.get(cell)
    return f"{color}{cell}{RESET}" if color and cell else cell


def _fit(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: list[int],
    width: int,
    drop: Sequence[str],
) -> list[int]:
    """The columns that are shown; `widths` of those that are cut get smaller."""
    shown = list(range(len(header)))
    if width <= 0:
        return shown

    def over() -> int:
        return sum(widths[column] for column in shown) + GAP * (len(shown) - 1) - width

    for column in [c for c in shown if header[c] in drop and all(row[c] in ("", "-", "0") for row in rows)]:
        if over() > 0:
            shown.remove(column)
    last = shown[-1]
    least = 2 * LEAST  # a detail of fewer characters says nothing
    if over() > 0 and widths[last] > least and last > 1:
        widths[last] = max(least, widths[last] - over())
    for name in drop:
        if name not in header:
            continue
        column = header.index(name)
        if over() > 0 and column in shown:
            shown.remove(column)
            if column != last and last in shown:  # there is room again
                natural = max(columns_of(row[last]) for row in (header, *rows))
                widths[last] = min(natural, widths[last] + max(0, -over()))
    if over() > 0:
        widths[shown[0]] = min(widths[shown[0]], max(LEAST, widths[shown[0]] - over()))
    if over() > 0:
        widths[shown[-1]] = max(1, widths[shown[-1]] - over())
    if over() > 0:
        widths[shown[0]] = max(1, widths[shown[0]] - over())
    return shown


def fold(text: str, look: Look, indent: str = "  ") -> str:
    """A sentence in lines that fit, with their newlines; the second and later ones are indented."""
    if look.width <= 0 or columns_of(text) <= look.width:
        return text + "\n"
    lead = text[: len(text) - len(text.lstrip(" "))]
    indent = lead + indent
    lines: list[str] = []
    line = lead
    for word in text[len(lead) :].split(" "):
        while columns_of(line) + 1 + columns_of(word) > look.width:
            if line.strip():
                lines.append(line)
                line = indent
                continue
            # no line holds the word
            size = max(1, (look.width - len(line)) // (1 if word.isascii() else 2))
            lines.append(line + word[:size])
            line, word = indent, word[size:]
            if not word:
                break
        if word:
            line += f" {word}" if line.strip() else word
    lines.append(line)
    return "".join(f"{line}\n" for line in lines if line.strip())
