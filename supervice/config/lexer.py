"""Splits lines of INI text: removes blanks and comments, separates keys from values. Pure text, no files.

The rules are those of Python's RawConfigParser as supervisord configures it; tests compare the two.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def lines(text: str) -> Iterator[tuple[int, int, str, bool]]:
    """Yields number, indentation, content, and whether a comment cuts a quoted value off.

    It skips lines that are only a comment; the content of an empty line is "".
    """
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped:
            yield number, 0, "", False
            continue
        if stripped[0] in ";#":
            continue
        cuts = False
        if ";" in stripped or "#" in stripped:
            cut = comment(line)
            if cut is not None:
                stripped = line[:cut].strip()
                cuts = cuts_quote(stripped, line[cut:])
        if stripped:
            yield number, len(line) - len(line.lstrip()), stripped, cuts


def comment(line: str) -> int | None:
    """Returns where the inline comment begins, as RawConfigParser finds it, odd cases included."""
    at = {";": -1, "#": -1}
    while at:
        cut = None
        for prefix in tuple(at):
            index = line.find(prefix, at[prefix] + 1)
            if index < 0:
                del at[prefix]
                continue
            at[prefix] = index
            if index == 0 or line[index - 1].isspace():
                cut = index if cut is None else min(cut, index)
        if cut is not None:
            return cut
    return None


def cuts_quote(kept: str, rest: str) -> bool:
    quote = ""
    escaped = False
    for c in kept:
        if escaped:
            escaped = False
        elif c == "\\" and quote != "'":
            escaped = True
        elif quote:
            if c == quote:
                quote = ""
        elif c in "\"'":
            quote = c
    return bool(quote) and quote in rest


def option(line: str, inside: bool) -> tuple[str, str, str]:
    """Returns key, value and what is wrong; `inside`: a section has begun."""
    if not inside:
        if line[0] == "[":
            return "", "", "a section header without its ]; add it"
        return "", "", "text before the first section; begin with [supervice] or [program:NAME]"
    equals, colon = line.find("="), line.find(":")
    cut = equals if colon < 0 or 0 <= equals < colon else colon
    if cut < 0:
        if line[0] == "[":
            return "", "", "a section header without its ]; add it"
        return (
            "",
            "",
            "neither a section nor an option nor a comment; write NAME = VALUE, or ; before a comment",
        )
    key = line[:cut].rstrip().lower()
    if not key:
        return "", "", "an option without a name; write NAME = VALUE"
    return key, line[cut + 1 :].strip(), ""
