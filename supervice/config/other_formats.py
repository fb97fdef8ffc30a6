"""Recognises files of other tools, so that one message names the format instead of one error per line.

Pure text. `reader` asks when a file has text before its first section, or a section of systemd.
"""

from __future__ import annotations

_ENOUGH = 200  # lines that are looked at
_DOCKERFILE = ("FROM ", "ARG ")
_MAPPED = (
    ("ExecStart=", "command"),
    ("WorkingDirectory=", "directory"),
    ("User=", "user"),
    ("Environment=", "environment"),
)


def problem_of(text: str, unit: int = 0) -> tuple[int, str] | None:
    """Returns the line that shows another format, and what to write instead; None for an unknown one.

    `unit`: the line of a systemd section; without one the text is outside of any section.
    """
    if unit:
        mapped = ", ".join(f"{theirs} is {ours} =" for theirs, ours in _MAPPED)
        return unit, f"this looks like a systemd unit; write [program:NAME] instead of [Service], {mapped}"
    if text.startswith("#!"):
        shell = text.split("\n", 1)[0][2:].strip()
        return (
            1,
            f"this looks like a script for {shell[:60]}; write [program:NAME] and command = with its path",
        )
    lines = [
        (number, line)
        for number, line in enumerate(text.split("\n")[:_ENOUGH], 1)
        if line.strip() and line.lstrip()[0] not in "#;"
    ]
    if not lines:
        return None
    number, first = lines[0]
    if first.startswith(("{", "[{")) and first.strip("{[ \t\r")[:1] in ("", '"', "}"):
        return number, f"this looks like JSON; {_INI}"
    if first.upper().startswith(_DOCKERFILE):
        return number, f"this looks like a Dockerfile; {_INI}"
    if first.startswith("---"):
        return number, f"this looks like YAML; {_INI}"
    if all(_process(line) for _, line in lines):
        name, _, command = first.partition(":")
        return number, (
            f"this looks like a Procfile; write two lines for each process: [program:{name.strip()}] and "
            f"command = {command.strip()[:100]}"
        )
    for at, (_, line) in enumerate(lines[:-1]):
        following = lines[at + 1][1]
        opens = line.rstrip().endswith(":") and not line.lstrip().startswith("[")
        deeper = following[0] == " " or following.lstrip().startswith("- ")
        if opens and deeper and "=" not in line:
            return number, f"this looks like YAML; {_INI}"
    if all(line.startswith(" ") or ": " in line or line.endswith(":") for _, line in lines):
        return number, f"this looks like YAML; {_INI}"
    return None


_INI = "write INI: [program:NAME], and below it command = PROGRAM ARGUMENTS"


def _process(line: str) -> bool:
    """Returns whether the line is `name: command`, as in a Procfile."""
    name, colon, command = line.partition(": ")
    return bool(colon and command.strip() and name) and name.replace("-", "a").replace("_", "a").isalnum()
