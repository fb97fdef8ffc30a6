"""Pieces of output of several processes as text. Pure."""

from __future__ import annotations

from supervice.control.render import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ESC, RESET = "\x1b", "\x1b[0m"
LONGEST_SEQUENCE = 256  # characters that are awaited for the end of a sequence


class LogLines:
    """The pieces as they come; with `prefix` each line behind the name of its process.

    Then a line of another process, or of the other stream, never comes into an unfinished one: it begins
    below, and so does the rest.

    For a `terminal` without anything that it would take as a command, but for colours.
    """

    def __init__(self, prefix: bool, terminal: bool = False) -> None:
        self._prefix = prefix
        self._terminal = terminal
        self._open: tuple[str, str] | None = None  # name and stream of the line that has not ended
        self._filters: dict[tuple[str, str], Colours] = {}

    def add(self, chunk: dict[str, Any]) -> str:
        """The text that can be shown once `chunk` has come."""
        data = str(chunk.get("data", ""))
        key = (str(chunk.get("name", "")), str(chunk.get("stream", "")))
        if self._terminal:
            data = self._filters.setdefault(key, Colours()).pass_on(data)
        if not self._prefix:
            return data
        if not data:
            return ""
        name = f"{clean(key[0])} | "
        before = "" if self._open == key else name if self._open is None else f"\n{name}"
        whole = data.endswith("\n")
        self._open = None if whole else key
        return before + data.removesuffix("\n").replace("\n", f"\n{name}") + ("\n" if whole else "")

    def end(self) -> str:
        """The newline that the last line lacks."""
        rest, self._open = "" if self._open is None else "\n", None
        return rest


class Colours:
    """Passes text and its colours (SGR) to a terminal, and takes every other command out.

    A sequence may come in pieces. What no terminal shows and no command has is written as \\xNN. The colour
    of a line ends with it, so that it does not run into what others say.
    """

    def __init__(self) -> None:
        self._held = ""  # the beginning of a sequence
        self._colour = ""  # the sequences that count now

    def pass_on(self, data: str) -> str:
        """What of `data` may be written now."""
        data, self._held = self._held + data, ""
        if data.isprintable() and not self._colour:
            return data
        shown: list[str] = []
        at = 0
        while at < len(data):
            c = data[at]
            if c == ESC:
                end = _sequence(data, at)
                if end < 0 and len(data) - at < LONGEST_SEQUENCE:
                    self._held = data[at:]
                    break
                end = max(end, at + 1)
                shown.append(self._sgr(data[at:end]))
                at = end
                continue
            if c == "\n":
                shown.append(f"{RESET}\n{self._colour}" if self._colour else c)
            elif c == "\r":
                shown.append("" if data[at + 1 : at + 2] == "\n" else " ")
            else:
                shown.append(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}")
            at += 1
        return "".join(shown)

    def _sgr(self, sequence: str) -> str:
        """The sequence, if it is a colour; else nothing."""
        parameters = sequence[2:-1]
        if sequence[:2] != ESC + "[" or sequence[-1:] != "m" or parameters.strip("0123456789;:"):
            return ""
        if parameters.strip("0;") == "":
            self._colour = ""
        elif len(self._colour) < LONGEST_SEQUENCE:
            self._colour += sequence
        return sequence


def _sequence(data: str, at: int) -> int:
    """The end of the escape sequence at `at` (ECMA-48); -1 when it has not come yet."""
    kind = data[at + 1 : at + 2]
    if not kind:
        return -1
    if kind == "[":  # control sequence: parameters, intermediates, one final
        end = at + 2
        while end < len(data) and " " <= data[end] <= "?":
            end += 1
        if end == len(data):
            return -1
        return end + 1 if "@" <= data[end] <= "~" else end
    if kind in "]PX^_":  # a string, up to BEL or ST; a line that ends before ends it too
        for end in range(at + 2, min(len(data), at + LONGEST_SEQUENCE)):
            if data[end] == "\x07":
                return end + 1
            if data[end] == "\n":
                return end
            if data[end] == ESC:
                return end + 2 if data[end + 1 : end + 2] == "\\" else end if data[end + 1 :] else -1
        return -1
    end = at + 1
    while end < len(data) and " " <= data[end] <= "/":
        end += 1
    return -1 if end == len(data) else end + 1 if "0" <= data[end] <= "~" else end
