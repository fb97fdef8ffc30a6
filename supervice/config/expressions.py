"""Parses regular expressions that can be matched in bounded time.

Python's `re` backtracks, so a line of a program can hold it up for as long as it likes: `^(a+)+$` and 32
times an a stop a PID 1. `checks.line_matcher` looks at each byte once, so whatever needs backtracking
(references, lookaround) is an error. Everything else means the same as in `re` for bytes. Pure.
"""

from __future__ import annotations

from supervice.config.expression_program import (
    ALT,
    AT,
    BEGIN,
    CAT,
    END,
    NOT_WORD,
    REP,
    SET,
    WORD,
    WORDS,
    Expression,
    mask,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.config.expression_program import Node

LONGEST = 4096  # characters
DEEPEST = 50  # groups within each other

ALL = (1 << 256) - 1


_DIGITS = mask(b"0123456789")
_UPPER = mask(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOWER = _UPPER << 32
_BLANKS = mask(b" \t\n\r\f\v")
_CLASSES = {
    "d": _DIGITS, "D": ALL ^ _DIGITS, "w": WORDS, "W": ALL ^ WORDS, "s": _BLANKS, "S": ALL ^ _BLANKS,
}  # fmt: skip
_PLACES = {"A": BEGIN, "Z": END, "b": WORD, "B": NOT_WORD}
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_NOT_HERE = {
    "=": "looking ahead", "!": "looking ahead", "<=": "looking behind", "<!": "looking behind",
    ">": "a group without going back", "P=": "a reference to a group", "(": "a condition",
}  # fmt: skip


def expression(text: str) -> Expression:
    """Returns the parsed expression.

    ValueError, which says what to write, for one that is invalid or cannot be matched in bounded time.
    """
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters, write a shorter one")
    return Expression(_Reader(text).whole())


class _Reader:
    """A recursive descent parser; `depth` keeps it from exhausting the stack."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.fold = False  # upper and lower case are the same

    def fail(self, what: str) -> ValueError:
        return ValueError(f"not a regular expression: {what} at position {self.at}")

    def peek(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def take(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def whole(self) -> Node:
        self._global_flags()
        node = self.alternatives()
        if self.at < len(self.text):
            raise self.fail("a closing bracket without its opening one, write \\) for the character,")
        return node

    def _global_flags(self) -> None:
        if self.peek(2) == "(?":
            end = self.text.find(")")
            letters = self.text[2:end]
            if letters and letters.isalpha() and letters.islower():
                self.at = 2
                self._flags(letters)
                self.at = end + 1

    def _flags(self, letters: str) -> None:
        for letter in letters:
            if letter not in "aims":  # m and s make no difference in a single line
                raise self.fail(f"the flag {letter!r} cannot be used here, write i,")
        self.fold = self.fold or "i" in letters

    def alternatives(self) -> Node:
        found = [self.sequence()]
        while self.take("|"):
            found.append(self.sequence())
        return found[0] if len(found) == 1 else (ALT, found)

    def sequence(self) -> Node:
        found: list[Node] = []
        self._skip_comments()
        while self.at < len(self.text) and self.peek() not in "|)":
            found.append(self.repeated(self.atom()))
        return (CAT, found)

    def _skip_comments(self) -> None:
        """Goes behind comments, as if they were not there: `a(?#word)?` is `a?`."""
        while self.peek(3) == "(?#":
            end = self.text.find(")", self.at)
            if end < 0:
                raise self.fail("a comment without its end")
            self.at = end + 1

    def repeated(self, node: Node) -> Node:
        self._skip_comments()
        times = self._times()
        if times is None:
            return node
        if node[0] == AT:
            raise self.fail("nothing to repeat")
        if self.take("+"):
            raise self.fail(
                "a repeat that does not go back cannot be used here, write it without the last +,"
            )
        self.take("?")  # takes as little as it can: whether it is found is the same
        self._skip_comments()
        after = self.at
        if self._times() is not None:
            self.at = after
            raise self.fail("a repeat of a repeat, write brackets around the first one,")
        return (REP, node, *times)

    def _times(self) -> tuple[int, int | None] | None:
        one = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self.peek())
        if one is not None:
            self.at += 1
            return one
        if self.peek() != "{":
            return None
        end = self.text.find("}", self.at)
        least, comma, most = self.text[self.at + 1 : max(end, 0)].partition(",")
        if (
            end < 0
            or not (least or comma)
            or not all(n.isascii() and n.isdigit() for n in (least, most) if n)
        ):
            return None  # the character itself
        if len(least) > 5 or len(most) > 5:
            raise self.fail("a repeat that is too large, write a smaller number,")
        low = int(least or 0)
        high = (int(most) if most else None) if comma else low
        if high is not None and high < low:
            raise self.fail("a repeat whose least is above its most")
        self.at = end + 1
        return low, high

    def atom(self) -> Node:
        char = self.text[self.at]
        if char in "*+?" or (char == "{" and self._is_times()):
            raise self.fail(f"nothing to repeat, write \\{char} for the character,")
        self.at += 1
        if char == "(":
            return self.group()
        if char == "[":
            return self.char_class()
        if char == ".":
            return (SET, ALL ^ (1 << 10))
        if char in "^$":
            return (AT, BEGIN if char == "^" else END)
        if char == "\\":
            return self.escape()
        return self.literal(char)

    def _is_times(self) -> bool:
        before = self.at
        found = self._times() is not None
        self.at = before
        return found

    def literal(self, char: str) -> Node:
        data = char.encode("utf-8", "surrogateescape")
        if len(data) > 1:
            return (CAT, [(SET, 1 << byte) for byte in data])
        return (SET, self.folded(1 << data[0]))

    def folded(self, bits: int) -> int:
        if self.fold:
            bits |= (bits & _UPPER) << 32 | (bits & _LOWER) >> 32
        return bits

    def group(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} groups within each other, write a simpler one")
        fold = self.fold
        if self.take("?"):
            self._extension()
        node = self.alternatives()
        if not self.take(")"):
            raise self.fail("an opening bracket without its closing one, write \\( for the character,")
        self.depth -= 1
        self.fold = fold
        return node

    def _extension(self) -> None:
        """Parses what follows (? and only groups."""
        for sign, what in _NOT_HERE.items():
            if self.take(sign):
                raise ValueError(f"{what}, (?{sign}...), cannot be matched in bounded time; write it without")
        if self.take(":"):
            return
        if self.take("P<"):
            end = self.text.find(">", self.at)
            if end < 0 or not self.text[self.at : end].isidentifier():
                raise self.fail("a group without a name")
            self.at = end + 1
            return
        end = self.text.find(":", self.at)
        letters, _, off = self.text[self.at : max(end, 0)].partition("-")
        if end < 0 or not (letters + off).isalpha():
            raise self.fail("an unknown kind of group")
        self._flags(letters)
        if "i" in off:
            self.fold = False
        self.at = end + 1

    def escape(self) -> Node:
        char = self.peek()
        if not char:
            raise self.fail("a backslash at the end")
        if char in _CLASSES:
            self.at += 1
            return (SET, _CLASSES[char])
        if char in _PLACES:
            self.at += 1
            return (AT, _PLACES[char])
        if char in "123456789":
            raise ValueError(
                f"a reference to a group, \\{char}, cannot be matched in bounded time; write it out"
            )
        return (SET, self.folded(1 << self._byte()))

    def _byte(self) -> int:
        """Returns the byte that an escape stands for, in a class or outside."""
        char = self.peek()
        self.at += 1
        if char == "x":
            digits = self.peek(2)
            self.at += 2
            try:
                return int(digits, 16) if len(digits) == 2 and digits.isalnum() else int("")
            except ValueError:
                raise self.fail("\\x without two digits") from None
        if char == "0":
            digits = ""
            while len(digits) < 2 and self.peek() in "01234567" and self.peek():
                digits += self.peek()
                self.at += 1
            return int(digits or "0", 8)
        if char in _CONTROLS:
            return _CONTROLS[char]
        if not char.isascii() or char.isalnum():
            raise self.fail(f"\\{char} means nothing, write {char},")
        return ord(char)

    def char_class(self) -> Node:
        negated = self.take("^")
        bits = 0
        others: list[Node] = []
        first = True
        while first or self.peek() != "]":
            first = False
            one = self._member()
            if isinstance(one, str):
                if negated:
                    raise self.fail("only ASCII in a class that is negated, write \\x and two digits,")
                others.append(self.literal(one))
            elif self.peek() == "-" and self.peek(2) not in ("-", "-]"):
                if not one[0]:
                    raise self.fail("a range that begins with a class, write the - last,")
                self.at += 1
                last = self._member()
                if isinstance(last, str) or not last[0] or last[1] < one[1]:
                    raise self.fail("a range from a later to an earlier character")
                # both are one bit: all from the lower to the higher
                bits |= (last[1] << 1) - one[1]
            else:
                bits |= one[1]
        self.at += 1
        bits = self.folded(bits)
        chosen: Node = (SET, ALL ^ bits if negated else bits)
        return (ALT, [chosen, *others]) if others else chosen

    def _member(self) -> tuple[bool, int] | str:
        """Returns whether it is a single byte, and its mask; non-ASCII bytes stand for themselves."""
        char = self.peek()
        if not char:
            raise self.fail("a class without its end, write \\[ for the character,")
        self.at += 1
        if char != "\\":
            return (True, 1 << ord(char)) if char.isascii() else char
        kind = self.peek()
        if kind in _CLASSES and kind:
            self.at += 1
            return False, _CLASSES[kind]
        if kind == "b":
            self.at += 1
            return True, 1 << 8
        if not kind:
            raise self.fail("a class without its end")
        if kind in "1234567":
            raise self.fail(f"\\{kind} in a class, write \\x and two digits,")
        return True, 1 << self._byte()
