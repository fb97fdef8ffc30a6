"""The options of `supervice` as a table: `python -m tools.command_line docs/command-line.md`.

A test compares the file with `renewed()`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from supervice.cli.args import OPTIONS

BEGIN = "<!-- options: begin (written by `make docs`) -->"
END = "<!-- options: end -->"


def table() -> str:
    """A row for each option: as it is written, meaning."""
    lines = ["| option | |", "|---|---|"]
    for name, short, metavar, meaning in OPTIONS:
        written = f"{f'-{short}, ' if short else ''}--{name}{f' {metavar}' if metavar else ''}"
        lines.append(f"| `{written}` | {meaning} |")
    return "\n".join(lines)


def renewed(page: str) -> str:
    """The page with the table as it is now."""
    before, rest = page.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(renewed(target.read_text()))
