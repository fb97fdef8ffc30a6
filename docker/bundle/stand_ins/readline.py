"""Stands in for `readline`: lines are edited with the usual keys, completed with Tab, and remembered.

What there is of its functions is what `supervicectl shell` uses. `input()` comes here by way of the launcher
(launcher/lines.c). Escape sequences are those that every terminal since the VT100 understands, so there is no
terminfo.
"""

from __future__ import annotations

import os
import termios

import _supervice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left", b"H": "home", b"F": "end"}
NUMBERED = {b"1": "home", b"3": "delete", b"4": "end", b"7": "home", b"8": "end"}
CONTROLS = {
    1: "home", 2: "left", 4: "end of input", 5: "end", 6: "right", 8: "backspace", 9: "tab", 10: "enter",
    11: "cut end", 12: "clear", 13: "enter", 14: "down", 16: "up", 21: "cut start", 23: "cut word",
    127: "backspace",
}  # fmt: skip

_completer: Callable[[str, int], str | None] | None = None
_delimiters = " \t\n"
_history: list[str] = []
_length = -1


class _Line:
    """The line that is being written."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self.text = ""
        self.at = 0
        self.history = [*_history, ""]  # the last is the new line
        self.number = len(self.history) - 1

    def show(self) -> None:
        """Draws what fits into one row of the terminal, the cursor in it."""
        room = max(10, os.get_terminal_size(1).columns - len(self.prompt) - 1)
        start = max(0, self.at - room)
        visible = self.text[start : start + room]
        back = len(visible) - (self.at - start)
        _write(f"\r{self.prompt}{visible}\x1b[K" + (f"\x1b[{back}D" if back else ""))

    def insert(self, text: str) -> None:
        self.text = self.text[: self.at] + text + self.text[self.at :]
        self.at += len(text)

    def cut(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.at = start

    def recall(self, step: int) -> None:
        if 0 <= self.number + step < len(self.history):
            self.history[self.number] = self.text
            self.number += step
            self.text = self.history[self.number]
            self.at = len(self.text)

    def word(self) -> int:
        """Where the word begins that ends at the cursor."""
        start = self.at
        while start and self.text[start - 1] not in _delimiters:
            start -= 1
        return start

    def press(self, key: str) -> None:
        text, at = self.text, self.at
        if key == "backspace" and at:
            self.cut(at - 1, at)
        elif key == "delete" and at < len(text):
            self.cut(at, at + 1)
        elif key == "left":
            self.at = max(0, at - 1)
        elif key == "right":
            self.at = min(len(text), at + 1)
        elif key == "home":
            self.at = 0
        elif key == "end":
            self.at = len(text)
        elif key == "cut end":
            self.cut(at, len(text))
        elif key == "cut start":
            self.cut(0, at)
        elif key == "cut word":
            self.cut(text[:at].rstrip().rfind(" ") + 1, at)
        elif key in ("up", "down"):
            self.recall(-1 if key == "up" else 1)
        elif key == "clear":
            _write("\x1b[H\x1b[2J")
        elif key == "tab":
            self.complete()

    def complete(self) -> None:
        start = self.word()
        word = self.text[start : self.at]
        found: list[str] = []
        while _completer is not None and (candidate := _completer(word, len(found))) is not None:
            found.append(candidate)
        common = _common(found)
        if len(common) > len(word):
            self.cut(start, self.at)
            self.insert(common)
        elif len(found) > 1:
            _write("\r\n" + "  ".join(one.strip() for one in found) + "\r\n")


def _common(words: list[str]) -> str:
    """What all of them begin with."""
    shortest, longest = min(words, default=""), max(words, default="")  # in the order of the alphabet
    size = next((n for n, (a, b) in enumerate(zip(shortest, longest, strict=False)) if a != b), len(shortest))
    return shortest[:size]


_line = _Line("")


def _write(text: str) -> None:
    data = text.encode(errors="replace")
    while data:
        data = data[os.write(1, data) :]


def _key() -> tuple[str, str]:
    """The name of the next key, or the character that was typed."""
    byte = os.read(0, 1)
    if not byte:
        return "end of input", ""
    if byte == b"\x1b":
        if os.read(0, 1) not in (b"[", b"O"):
            return "", ""
        code = os.read(0, 1)
        if code in ARROWS:
            return ARROWS[code], ""
        while (end := os.read(0, 1)) not in (b"~", b"") and not end.isalpha():
            pass
        return NUMBERED.get(code, ""), ""
    if byte[0] < 32 or byte[0] == 127:
        return CONTROLS.get(byte[0], ""), ""
    more = 0 if byte[0] < 0xC0 else 1 if byte[0] < 0xE0 else 2 if byte[0] < 0xF0 else 3
    for _ in range(more):
        byte += os.read(0, 1)
    return "", byte.decode(errors="replace")


def _read(prompt: str) -> str:
    """A line with its newline; "" at the end of the input. KeyboardInterrupt."""
    global _line
    _line = line = _Line(prompt)
    before = termios.tcgetattr(0)
    raw = termios.tcgetattr(0)
    raw[3] &= ~(termios.ICANON | termios.ECHO)
    raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
    termios.tcsetattr(0, termios.TCSADRAIN, raw)
    try:
        while True:
            line.show()
            key, typed = _key()
            if key == "enter":
                if line.text.strip() and line.text != (_history[-1] if _history else ""):
                    _history.append(line.text)
                return line.text + "\n"
            if key == "end of input" and not line.text:
                return ""
            if typed:
                line.insert(typed)
            else:
                line.press("delete" if key == "end of input" else key)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        if line.text or key == "enter":
            _write("\r\n")


def set_completer(function: Callable[[str, int], str | None] | None) -> None:
    global _completer
    _completer = function


def set_completer_delims(delimiters: str) -> None:
    global _delimiters
    _delimiters = delimiters


def parse_and_bind(_text: str) -> None:
    """Tab completes anyway."""


def get_line_buffer() -> str:
    return _line.text


def get_begidx() -> int:
    return _line.word()


def read_history_file(path: str) -> None:
    with open(path, encoding="utf-8", errors="replace") as file:
        _history[:] = [line for line in file.read().splitlines() if line and line != "_HiStOrY_V2_"]


def write_history_file(path: str) -> None:
    lines = _history if _length < 0 else _history[-_length:] if _length else []
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def set_history_length(length: int) -> None:
    global _length
    _length = length


_supervice.read_lines_by(_read)
