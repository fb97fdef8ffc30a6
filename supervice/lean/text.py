"""Text of a program, made harmless: for the daemon's log and for terminals."""

from __future__ import annotations


def clean(value: object) -> str:
    """`value` on one line, with nothing that a terminal would take as a command: it is written as \\xNN.

    Marks that change the direction of writing are among them.
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\t\n\r" else f"\\x{ord(c):02x}" for c in text)
