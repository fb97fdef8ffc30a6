"""Writes pieces of output of several processes as text. Pure."""

from __future__ import annotations

from supervice.control.render import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

ESC, RESET, RED = "\x1b", "\x1b[0m", "\x1b[31m"
NAME_COLORS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
LONGEST_NAME = 32  # the names that are aligned
LONGEST_SEQUENCE = 256  # characters that are awaited for the end of a sequence


class LogLines:
    """Writes pieces as they come; `prefix` names the process before each line, `times` adds the time.

    With either, a line of another process or stream never comes into an unfinished one: it begins on a line
    of its own, and so does the rest of the first. The mark after a name is `|`, or `!` for stderr. With
    `grep` only matching lines are written, each when it is whole.

    For a `terminal` everything but colours that it would take as a command is removed.
    """

    def __init__(
        self,
        prefix: bool,
        terminal: bool = False,
        *,
        times: bool = False,
        grep: Callable[[str], object] | None = None,
        color: bool = False,
    ) -> None:
        self._prefix = prefix
        self._terminal = terminal
        self._times = times
        self._grep = grep
        self._color = color
        self._open: tuple[str, str] | None = None  # name and stream of the line that has not ended
        self._parts: dict[tuple[str, str], tuple[str, str]] = {}  # for `grep`: time and text of such lines
        self._filters: dict[tuple[str, str], Colours] = {}
        self._colors: dict[str, str] = {}  # of the names, in the order in which they came
        self._longest = 0

    def expect(self, names: Iterable[str]) -> None:
        """Makes room for these names, so that lines are aligned from the first one on."""
        for name in names:
            self._longest = max(self._longest, min(LONGEST_NAME, len(clean(name))))

    def add(self, chunk: dict[str, Any]) -> str:
        """Returns the text that can be shown now that `chunk` has come."""
        data = str(chunk.get("data", ""))
        key = (str(chunk.get("name", "")), str(chunk.get("stream", "")))
        when = str(chunk.get("time", ""))
        if self._grep is not None:
            return self._find(key, when, data, bool(chunk.get("lost_lines")))
        if self._terminal:
            data = self._filters.setdefault(key, Colours()).pass_on(data)
        if not self._prefix and not self._times:
            return f"{RED}{data}{RESET}" if self._color and key[1] == "stderr" and data else data
        return self._lines(key, when, data)

    def _lines(self, key: tuple[str, str], when: str, data: str) -> str:
        if not data:
            return ""
        head = self._head(key, when)
        before = "" if self._open == key else head if self._open is None else f"\n{head}"
        whole = data.endswith("\n")
        self._open = None if whole else key
        return before + data.removesuffix("\n").replace("\n", f"\n{head}") + ("\n" if whole else "")

    def _find(self, key: tuple[str, str], when: str, data: str, lost: bool) -> str:
        """Returns the matching lines; `lost`: the first line says how many were lost, and is always shown."""
        since, begun = self._parts.pop(key, ("", ""))
        if lost:
            notice, _, data = data.partition("\n")
            begun = ""
        *lines, rest = (begun + data).split("\n")
        found = [(since if begun and not n else when, line) for n, line in enumerate(lines)]
        if rest:
            self._parts[key] = (since if begun and not lines else when, rest)
        shown = [self._found(key, at, line) for at, line in found if self._grep is None or self._grep(line)]
        return "".join([self._found(key, when, notice), *shown] if lost else shown)

    def _found(self, key: tuple[str, str], when: str, line: str) -> str:
        text = Colours().pass_on(f"{line}\n") if self._terminal else f"{line}\n"
        if not self._prefix and not self._times:
            return text
        return self._lines(key, when, text)

    def end(self) -> str:
        """Returns the rest: lines that have not ended, or the newline that the last line lacks."""
        parts, self._parts = self._parts, {}
        rest = [
            self._found(key, when, line)
            for key, (when, line) in parts.items()
            if self._grep and self._grep(line)
        ]
        if self._open is not None:
            rest.append("\n")
            self._open = None
        return "".join(rest)

    def _head(self, key: tuple[str, str], when: str) -> str:
        head = f"{clean(when) or '-'} " if self._times else ""
        if not self._prefix:
            return head
        name = key[0]
        self.expect((name,))
        text = f"{clean(name):{self._longest}} {'!' if key[1] == 'stderr' else '|'}"
        if not self._color:
            return f"{head}{text} "
        if name not in self._colors:
            self._colors[name] = f"{ESC}[{NAME_COLORS[len(self._colors) % len(NAME_COLORS)]}m"
        return f"{head}{self._colors[name]}{text}{RESET} "


class Colours:
    """Passes text and its colours (SGR) to a terminal, and removes every other command.

    A sequence may come in pieces. A character that no terminal shows is written as \\xNN. Colour ends with
    the line, so that it does not run into the lines of others.
    """

    def __init__(self) -> None:
        self._held = ""  # the beginning of a sequence
        self._colour = ""  # the sequences that count now

    def pass_on(self, data: str) -> str:
        """Returns the part of `data` that can be written now."""
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
        """Returns the sequence if it sets a colour; else nothing."""
        parameters = sequence[2:-1]
        if sequence[:2] != ESC + "[" or sequence[-1:] != "m" or parameters.strip("0123456789;:"):
            return ""
        if parameters.strip("0;") == "":
            self._colour = ""
        elif len(self._colour) < LONGEST_SEQUENCE:
            self._colour += sequence
        return sequence


def _sequence(data: str, at: int) -> int:
    """Returns the end of the escape sequence at `at` (ECMA-48); -1 when it has not come yet."""
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
