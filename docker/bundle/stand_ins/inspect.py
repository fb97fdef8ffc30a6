"""Stands in for `inspect`, of which `dataclasses` and click use little: it brings 250 KB along.

Signatures are not made out: they are for documentation.
"""

from __future__ import annotations

import sys
from types import FrameType, FunctionType

GENERATOR = 0x20  # of a code object's flags


def cleandoc(text: str) -> str:
    """`text` without the indentation that its lines have in common, and without empty lines around it."""
    first, *rest = text.expandtabs().split("\n")
    common = min((len(line) - len(line.lstrip(" ")) for line in rest if line.strip(" ")), default=0)
    lines = [first.lstrip(" "), *(line[common:] for line in rest)]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return "\n".join(lines)


def currentframe() -> FrameType | None:
    return sys._getframe(1)


def get_annotations(owner: object) -> dict[str, object]:
    """Of a class its own alone, not those of its bases."""
    found = owner.__dict__.get("__annotations__") if isinstance(owner, type) else None  # noqa: RUF063
    return dict(found or {})


def isfunction(value: object) -> bool:
    return isinstance(value, FunctionType)


def isgeneratorfunction(value: object) -> bool:
    return isinstance(value, FunctionType) and bool(value.__code__.co_flags & GENERATOR)


def signature(value: object) -> object:
    raise ValueError("signatures are not made out here")
