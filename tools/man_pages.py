# ruff: noqa: E501  (the lines are those of a page)
"""The manual pages, from what the commands and the option table say: `python -m tools.man_pages docs/man`.

supervice(8), supervicectl(1) and supervice.conf(5). A test compares the files with `pages()`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from supervice import __version__
from supervice.cli.args import OPTIONS
from supervice.cli.ctl_commands import cli
from supervice.config.kinds import KINDS
from supervice.config.options import DIALECTS, EFFECT, KIND, NAME, OURS, STOCK_ONLY, TEXT, rows
from tools.option_reference import SECTIONS
from tools.supervicectl_reference import arguments, options

DAEMON = """\
runs the programs of a configuration in the foreground, as PID 1 of a container or anywhere else. It starts them in the
order of their dependencies, restarts what fails, collects orphans, passes signals on, and ends with an exit code that
says how it went.

With a COMMAND the programs are started first, then the command, and everything ends when it ends. With a COMMAND and
no configuration the command runs alone, as under tini or dumb-init.

Without -c, supervice reads the first of these files that exists: $SUPERVICE_CONFIG, ./supervice.conf,
./supervisord.conf, /etc/supervice/supervice.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf.

supervice check reports every problem of a configuration and starts nothing."""
SIGNALS = (
    ("TERM, INT, QUIT", "Stops everything in order. A second one kills what is left at once."),
    ("HUP", "Reads the configuration again and applies the changes."),
    ("USR2", "Reopens the log files, unless there is a main program."),
    ("others", "Go to the main program, where there is one."),
)
DAEMON_EXITS = (
    ("0", "Everything ended as it should, or supervice was told to stop."),
    ("2", "The command line or the configuration is wrong; nothing was started."),
    ("others", "That of the main program, of a critical one that failed, or of the first that failed."),
)
CLIENT_EXITS = (
    ("0", "Done."),
    ("1", "Failed, or not healthy."),
    ("2", "The command line is wrong."),
    ("3", "A process that status was asked about is not running."),
    ("4", "The daemon cannot be reached."),
)
CLIENT = """\
operates the supervice of its container. It finds the control socket by itself, so that
docker exec CONTAINER supervicectl status needs no options. NAME is a process, GROUP:* for all processes of a group
(a program with several processes is a group too), or all for every process. Without a verb, on a terminal, it opens a shell for verbs."""
FILE = """\
An INI file of sections. A file with a [supervisord] section and no [supervice] section is a stock supervisord file and
keeps supervisord's defaults; every other file is in supervice's own dialect, which is strict.

Times are seconds or have a unit (500ms, 10s, 2m, 1h), sizes take KB, MB and GB. %(name)s is replaced by here,
program_name, group_name, process_num, numprocs, host_node_name, ENV_X, and ENV_X:-default. A line that begins with ; or #
is a comment, and so is the rest of a line after a space and one of them."""
SEE_ALSO = {
    "supervice.8": ("supervicectl (1)", "supervice.conf (5)"),
    "supervicectl.1": ("supervice (8)", "supervice.conf (5)"),
    "supervice.conf.5": ("supervice (8)", "supervicectl (1)"),
}


def text(words: str) -> str:
    """Running text as roff: nothing in it is a request or an escape; `code` is bold."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    escaped = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", escaped)
    escaped = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", escaped)
    escaped = re.sub(r"[^\x00-\x7f]", lambda match: f"\\[u{ord(match[0]):04X}]", escaped)
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in escaped.splitlines())


def paragraphs(words: str) -> str:
    return "\n.PP\n".join(text(one.strip()) for one in words.split("\n\n"))


def term(name: str, meaning: str) -> str:
    return f".TP\n.B {text(name)}\n{text(meaning) or chr(92) + '&'}"


def page(name: str, what: str, *sections: tuple[str, str]) -> str:
    """A whole page; `name` is its file, such as supervice.8."""
    title, _, section = name.rpartition(".")
    parts = [f'.TH "{title.upper()}" "{section}" "" "supervice {__version__}"', ".nh", ".ad l", ".SH NAME"]
    parts.append(f"{text(title)} \\- {text(what)}")
    for heading, body in sections:
        parts += [f".SH {heading}", body]
    linked = ", ".join(
        f"\\fB{text(one.partition(' ')[0])}\\fR{one.partition(' ')[2]}" for one in SEE_ALSO[name]
    )
    return "\n".join([*parts, ".SH SEE ALSO", linked, ""])


def _daemon() -> str:
    rows_ = [
        term(f"{f'-{short}, ' if short else ''}--{long}{f' {value}' if value else ''}", f"{meaning}.")
        for long, short, value, meaning in OPTIONS
    ]
    return page(
        "supervice.8",
        "the PID 1 for containers that need more than one process",
        (
            "SYNOPSIS",
            ".B supervice\n[OPTIONS] [\\-c FILE] [\\-\\-] [COMMAND [ARG...]]\n.br\n.B supervice check\n"
            "[\\-\\-format json] [\\-\\-explain] [FILE]",
        ),
        ("DESCRIPTION", f".B supervice\n{paragraphs(DAEMON)}"),
        (
            "OPTIONS",
            "Each has an environment variable too: SUPERVICE_ and its name in capitals.\n" + "\n".join(rows_),
        ),
        ("SIGNALS", "\n".join(term(*one) for one in SIGNALS)),
        ("EXIT STATUS", "\n".join(term(*one) for one in DAEMON_EXITS)),
    )


def _client() -> str:
    verbs = []
    for name, command in sorted(cli.commands.items()):
        if command.hidden:
            continue
        verbs.append(term(f"{name} {arguments(command)}".rstrip(), _help(command)))
        own = [term(written, meaning) for written, meaning in options(command)]
        if own:
            verbs += [".RS", *own, ".RE"]
    return page(
        "supervicectl.1",
        "controls the supervice of a container",
        ("SYNOPSIS", ".B supervicectl\n[\\-s SOCKET] [\\-\\-timeout S] [\\-\\-json] VERB [NAME...]"),
        ("DESCRIPTION", f".B supervicectl\n{paragraphs(CLIENT)}"),
        ("VERBS", "\n".join(verbs)),
        ("EXIT STATUS", "\n".join(term(*one) for one in CLIENT_EXITS)),
    )


def _help(command: click.Command) -> str:
    return " ".join((command.help or "").replace("\b", "").split())


def _file() -> str:
    program = rows("program")
    sections = []
    for kind, title, about in SECTIONS:
        own = [row for name, row in rows(kind).items() if kind == "program" or program.get(name) is not row]
        terms = []
        for row in own:
            default = f" Default: {row[OURS]}." if row[OURS] and row[DIALECTS] != STOCK_ONLY else ""
            effect = f" Without effect: {row[EFFECT]}." if row[EFFECT] else ""
            terms.append(term(f"{row[NAME]} = {KINDS[row[KIND]][1]}", f"{row[TEXT]}{effect}{default}"))
        sections.append(f'.SS "{text(title)}"\n{text(about)}\n' + "\n".join(terms))
    return page(
        "supervice.conf.5",
        "the configuration of supervice",
        ("DESCRIPTION", paragraphs(FILE)),
        ("SECTIONS", "\n".join(sections)),
    )


def pages() -> dict[str, str]:
    """The three pages by the names of their files."""
    return {"supervice.8": _daemon(), "supervicectl.1": _client(), "supervice.conf.5": _file()}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (folder / name).write_text(content)
