"""Text for logs and terminals: makes a program's text harmless, and writes sizes."""

from __future__ import annotations


def clean(value: object) -> str:
    """Returns `value` on one line; characters that a terminal would act on are written as \\xNN.

    Marks that change the direction of writing are among them.
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\t\n\r" else f"\\x{ord(c):02x}" for c in text)


def size(count: int) -> str:
    """Returns a number of bytes for people: `512 MiB`, `1.5 GiB`."""
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    text = f"{value:.1f}" if value < 100 and unit != "B" else f"{value:.0f}"
    return f"{text.removesuffix('.0')} {unit}"
