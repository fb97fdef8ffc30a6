"""The verbs of a page, as the code has them: `python -m tools.supervicectl_reference docs/supervicectl.md`.

What stands outside the markers is written by hand. A test compares the file with `renewed()`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from supervice.cli.ctl_commands import cli

BEGIN = "<!-- verbs: begin (written by `make docs`) -->"
END = "<!-- verbs: end -->"
# Every verb has these; they stand once.
COMMON = frozenset({"json", "timeout", "socket", "output", "help"})


def options(command: click.Command) -> list[tuple[str, str]]:
    """(as it is written, what it does) of each option that not every verb has."""
    found = []
    for one in command.params:
        if isinstance(one, click.Option) and one.name not in COMMON:
            metavar = "" if one.is_flag else _value(one)
            written = ", ".join(sorted([*one.opts, *one.secondary_opts], key=len))
            found.append((f"{written}{metavar}", one.help or ""))
    return found


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " " + "|".join(map(str, option.type.choices))
    return f" {option.metavar or option.type.name.upper()}"


def arguments(command: click.Command) -> str:
    words = []
    for one in command.params:
        if isinstance(one, click.Argument):
            before, _, word = (one.metavar or (one.name or "").upper()).rpartition(" ")
            word = word.rstrip(".…").strip("[]")
            word = "NAME" if word == "NAMES" else word
            word += "…" if one.nargs != 1 else ""
            words += [before] if before else []
            words.append(word if one.required else f"[{word}]")
    return " ".join(words)


def describe(name: str, command: click.Command) -> Iterator[str]:
    """The section of one verb."""
    usage = f"supervicectl {name} {arguments(command)}".rstrip()
    yield f"### {name}\n"
    yield f"`{usage}`\n"
    text = re.sub(r"\n\s+", "\n", (command.help or "").strip()).replace("\b\n", "")
    yield f"{text}\n"
    rows = options(command)
    if rows:
        yield "| option | |"
        yield "|---|---|"
        for written, meaning in rows:
            yield f"| `{written.replace('|', chr(92) + '|')}` | {meaning.replace('|', chr(92) + '|')} |"
        yield ""


def verbs() -> str:
    lines: list[str] = []
    for name, command in sorted(cli.commands.items()):
        if not command.hidden:
            lines.extend(describe(name, command))
    return "\n".join(lines).rstrip()


def renewed(page: str) -> str:
    """The page with the verbs as they are now."""
    before, rest = page.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n{verbs()}\n\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(renewed(target.read_text()))
