"""Warns of options that are valid and look like a mistake.

Words of a shell or of a background server, variables without a comma between them, an option that its
indentation made part of the value above it. Loaded for a section in which `check_rules.is_doubtful` sees a
reason. It looks at the text alone: `cli.check_here` looks for what this machine lacks.
"""

from __future__ import annotations

from supervice.config import lexer
from supervice.config.background import told_problem
from supervice.config.check_rules import BRIEF
from supervice.config.options import KIND, rows
from supervice.config.problems import shown
from supervice.config.quoting import split_command
from supervice.config.reader import BIGGEST
from supervice.config.shell_words import SHELLS, shell_problem
from supervice.fs.files import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.reader import Section

_LONGEST_VALUE = 20_000  # characters of a value that is looked at
LONGEST = 400  # characters of a message that repeats a command
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")
# The values of these are lines with names of their own, which may equal names of options.
_OF_LINES = ("environment", "secrets", "headers")


def doubts(ctx: Context, section: Section, kind: str, values: dict[str, Any]) -> None:
    """Reports options that look like a mistake; `values` are the parsed options."""
    where = f"[{shown(section.name)}]"
    swallowed = set()
    for option, found, line in _swallowed(section, kind):
        swallowed.add(option)
        _, file, first = section.options[option]
        message = (
            f"{where} {found}: its indentation makes it part of the value of {option} (line {first}); "
            "write it at the beginning of its line"
        )
        ctx.warning(file, line, found, message)
    if "command" in values and "command" not in swallowed:
        raw, file, line = section.options["command"]
        for problem in _of_command(raw, values["command"], ctx.stock and "startsecs" not in section.options):
            ctx.warning(file, line, "command", f"{where} command: {shown(problem, LONGEST)}")
    if "environment" in section.options and "environment" not in swallowed:
        raw, file, line = section.options["environment"]
        for name, following in _without_comma(raw, values.get("environment", {})):
            message = (
                f"{where} environment: {following}= is part of the value of {name}; "
                f"write a comma before {following}, or {name}'s value in quotes"
            )
            ctx.warning(file, line, "environment", message)


def _of_command(raw: str, command: str, has_to_live: bool) -> Iterator[str]:
    raw = " ".join(raw.split("\n"))
    problem = shell_problem(raw)
    if problem:
        yield problem
        return
    try:
        argv = split_command(command)
    except ValueError:
        return  # reported already
    problem = told_problem(argv)
    if problem:
        yield problem
    elif has_to_live and _is_brief(argv):
        yield (
            "it ends at once, which is a failed start within startsecs (1 s): it is started again and FATAL "
            "in the end; write startsecs = 0"
        )


def _is_brief(argv: Sequence[str]) -> bool:
    """Returns whether a command ends soon by itself; for a shell, whether all its commands do."""
    if argv[0].rpartition("/")[2] in BRIEF:
        return True
    if argv[0].rpartition("/")[2] not in SHELLS or len(argv) < 3 or argv[1] not in ("-c", "-ec", "-lc"):
        return False
    text = argv[2]
    for separator in ("&&", "||", "\n"):
        text = text.replace(separator, ";")
    if not {"&", "|", "`", "$"}.isdisjoint(text.replace("2>&1", "")):
        return False
    commands = [part.split() for part in text.split(";") if part.strip()]
    return bool(commands) and all(words[0].rpartition("/")[2] in BRIEF | {"cd"} for words in commands)


def _swallowed(section: Section, kind: str) -> Iterator[tuple[str, str, int]]:
    """Returns an option, the option that is lost in its value, and the line of that one."""
    table = rows(kind)
    for option, (text, _, line) in section.options.items():
        if "\n" not in text or option not in table or len(text) > _LONGEST_VALUE:
            continue
        lines = text.split("\n")
        for number in range(1, len(lines)):
            content = lines[number]
            if not content or content[0] == "[":
                continue
            found, _, problem = lexer.option(content, True)
            if problem or found not in table or not content.startswith(found):
                continue
            if table[option][KIND] in _OF_LINES and f"{found} " not in content:
                continue  # NAME=value, not name = value
            if _is_closed("\n".join(lines[:number])):
                yield option, found, _line_of(content, section.options[option][1], line) or line + number
                break


def _line_of(content: str, file: str, after: int) -> int:
    """Returns the line with the content, counting comments in between; 0 when there is none."""
    try:
        lines = read_file(file, BIGGEST, follow=True)[0].decode(errors="replace").split("\n")
    except OSError:
        return 0
    return next((n + 1 for n in range(after, len(lines)) if lines[n].strip().startswith(content)), 0)


def _is_closed(text: str) -> bool:
    """Returns whether no quote is open at the end of the text."""
    try:
        split_command(text)
    except ValueError:
        return False
    return True


def _without_comma(raw: str, parsed: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Returns variables whose unquoted value goes on with ` NAME=`, each with that name."""
    for name, value in parsed.items() if len(raw) <= _LONGEST_VALUE else ():
        at = raw.find(f"{name}=")
        if at < 0 or raw[at + len(name) + 1 :].lstrip(" \t")[:1] in ('"', "'"):
            continue
        for word in value.split()[1:]:
            following, equals, _ = word.partition("=")
            if equals and following and _LETTERS.issuperset(following) and not following[0].isdigit():
                yield name, following
                break
