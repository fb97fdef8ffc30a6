"""A parsed regular expression: steps to run on a line, and words to search for first. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Node = tuple[Any, ...]

LARGEST = 1000  # steps, after counted repeats are written out
MOST_WORDS = 8  # alternatives that are looked for before anything else

# Nodes: (SET, mask of bytes), (CAT, nodes), (ALT, nodes), (REP, node, least, most or None), (AT, place).
SET, CAT, ALT, REP, AT = range(5)
# Places.
BEGIN, END, WORD, NOT_WORD = range(4)
# Steps: (SET, mask), (AT, place), (SPLIT, one, other), (JUMP, where), (MATCH,).
SPLIT, JUMP, MATCH = 10, 11, 12


def mask(chars: bytes) -> int:
    """Returns a mask with a bit for each byte."""
    found = 0
    for byte in chars:
        found |= 1 << byte
    return found


# The characters of \\w, between which \\b finds no boundary.
WORDS = mask(b"0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Expression:
    """`program` has the steps. A line without any of `words` cannot match; with no `words`, any line may."""

    __slots__ = ("program", "words")

    def __init__(self, node: Node) -> None:
        """Compiles the node; ValueError when it is too large."""
        if _size(node) > LARGEST:
            raise ValueError("its counted repeats make it too large, write smaller numbers")
        self.program: list[Node] = []
        _write(node, self.program)
        self.program.append((MATCH,))
        self.words = _words(node) or ()


def _size(node: Node) -> int:
    kind = node[0]
    size = 1
    if kind == REP:
        size = (_size(node[1]) + 2) * max(node[2] + 1, node[3] or 0)
    elif kind in (CAT, ALT):
        size = sum(_size(one) + (2 if kind == ALT else 0) for one in node[1])
    return min(LARGEST + 1, size)


def _write(node: Node, program: list[Node]) -> None:
    kind = node[0]
    if kind in (SET, AT):
        program.append(node)
    elif kind == CAT:
        for one in node[1]:
            _write(one, program)
    elif kind == ALT:
        ends = []
        for one in node[1][:-1]:
            split = len(program)
            program.append(())
            _write(one, program)
            ends.append(len(program))
            program.append(())
            program[split] = (SPLIT, split + 1, len(program))
        _write(node[1][-1], program)
        for end in ends:
            program[end] = (JUMP, len(program))
    else:
        _, body, least, most = node
        for _ in range(least):
            _write(body, program)
        splits = []
        for _ in range(1 if most is None else most - least):
            splits.append(len(program))
            program.append(())
            _write(body, program)
        if most is None:
            program.append((JUMP, splits[0]))
        for split in splits:
            program[split] = (SPLIT, split + 1, len(program))


def _words(node: Node) -> tuple[bytes, ...] | None:
    """Returns words, one of which is in everything that the node matches; None without such words."""
    kind = node[0]
    if kind == ALT:
        every = [_words(one) for one in node[1]]
        words = [word for words in every if words is not None for word in words]
        return None if None in every or len(words) > MOST_WORDS else tuple(words)
    if kind == REP:
        return _words(node[1]) if node[2] else None
    if kind == SET:
        return _words((CAT, [node]))
    if kind == AT:
        return None
    best: tuple[bytes, ...] | None = None
    run = bytearray()
    for one in [*_flat(node), None]:
        if one is not None and one[0] == SET and one[1] & (one[1] - 1) == 0 and one[1]:
            run.append(one[1].bit_length() - 1)
            continue
        found: list[tuple[bytes, ...]] = [(bytes(run),)] if run else []
        run.clear()
        if one is not None and one[0] in (ALT, REP):
            inner = _words(one)
            found += [inner] if inner else []
        for one_of in found:
            if best is None or min(map(len, one_of)) > min(map(len, best)):
                best = one_of
    return best


def _flat(node: Node) -> list[Node]:
    found: list[Node] = []
    for one in node[1]:
        found += _flat(one) if one[0] == CAT else [one]
    return found
