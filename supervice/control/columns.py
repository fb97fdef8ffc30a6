"""Makes tables that fit a terminal: columns as narrow as possible, no line longer than the width. Pure."""

from __future__ import annotations

from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Look", "clean", "fold", "table"]

GREEN, YELLOW, RED, DIM, RESET = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
# What a word in a cell means, in any table.
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
# First and last of each range. The interpreter of the bundle has no `unicodedata`, which is 1 MB.
# fmt: off
_MARKS = (
    (0x300, 0x36F), (0x483, 0x487), (0x591, 0x5BD), (0x610, 0x61A), (0x64B, 0x65F), (0x94D, 0x94D),
    (0xE48, 0xE4B), (0x1AB0, 0x1ACE), (0x1DC0, 0x1DFF), (0x20D0, 0x20DC), (0x3099, 0x309A), (0xFE20, 0xFE2F),
)
_WIDE = (
    (0x1100, 0x115F), (0x2E80, 0x2FD5), (0x2FF0, 0x303E), (0x3041, 0x33FF), (0x3400, 0x4DBF),
    (0x4E00, 0xA48C), (0xA490, 0xA4C6), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xF900, 0xFAFF),
    (0xFE30, 0xFE6B), (0xFF01, 0xFF60), (0xFFE0, 0xFFE6), (0x1F300, 0x1F64F), (0x1F680, 0x1F6FF),
    (0x1F900, 0x1F9FF), (0x20000, 0x3FFFD),
)
# fmt: on
GAP = 2
LEAST = 8  # characters that a column which is cut keeps


class Look:
    """How text is shown: `width` in characters (0: nothing is cut), colours, and the mark for cut text."""

    __slots__ = ("color", "ellipsis", "width")

    def __init__(self, width: int = 0, color: bool = False, ellipsis: str = "…") -> None:
        self.width = width
        self.color = color
        self.ellipsis = ellipsis

    def cut(self, text: str, width: int | None = None) -> str:
        """Returns `text` cut to `width` characters (those of a line)."""
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
    """Returns the columns that a text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    code = ord(character)
    if code < 0x300:
        return 1
    if any(first <= code <= last for first, last in _MARKS):
        return 0
    return 2 if any(first <= code <= last for first, last in _WIDE) else 1


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    look: Look,
    *,
    right: Collection[str] = (),
    drop: Sequence[str] = (),
) -> str:
    """Returns the lines, each with its newline.

    When the width is too small, empty columns go first, then the last column is cut, then the columns of
    `drop` go one by one, and finally the first column is cut. `right`: headings of numbers.
    """
    every = [header, *rows]
    columns = [[row[column] for row in every] for column in range(len(header))]
    widths = [_widest(cells) for cells in columns]
    shown = _fit(header, rows, widths, look.width, drop)
    aligned = [
        _aligned(columns[column], widths[column], look, header[column] in right, column == shown[-1])
        for column in shown
    ]
    gap = " " * GAP
    return "".join([gap.join(cells).rstrip() + "\n" for cells in zip(*aligned, strict=True)])


def _widest(cells: list[str]) -> int:
    return max(map(len if "".join(cells).isascii() else columns_of, cells))


def _aligned(cells: list[str], width: int, look: Look, right: bool, last: bool) -> list[str]:
    """Returns the cells of a column, its heading first, as wide as it; the last column is not filled up."""
    if look.width and _widest(cells) > width:
        cells = [look.cut(cell, width) for cell in cells]
    if not look.color and "".join(cells).isascii():  # a thousand rows in a quarter of the time
        if right:
            return [cell.rjust(width) for cell in cells]
        return cells if last else [cell.ljust(width) for cell in cells]
    filled = []
    for number, cell in enumerate(cells):
        pad = " " * (width - columns_of(cell))
        if look.color:
            cell = colored(cell, number == 0)
        filled.append(pad + cell if right else cell if last else cell + pad)
    return filled


def colored(cell: str, heading: bool = False) -> str:
    """Returns the cell in the colour of its meaning."""
    color = "\x1b[1m" if heading else COLORS.get(cell)
    return f"{color}{cell}{RESET}" if color and cell else cell


def _fit(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: list[int],
    width: int,
    drop: Sequence[str],
) -> list[int]:
    """Returns the columns to show; reduces in `widths` those that have to be cut."""
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
    """Returns a sentence as lines that fit, with newlines; all but the first are indented."""
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
            # the word is longer than a line
            size = max(1, (look.width - len(line)) // (1 if word.isascii() else 2))
            lines.append(line + word[:size])
            line, word = indent, word[size:]
            if not word:
                break
        if word:
            line += f" {word}" if line.strip() else word
    lines.append(line)
    return "".join(f"{line}\n" for line in lines if line.strip())
