"""Parses the arguments of `supervice` by hand: PID 1 must not pay for a library that builds help pages.

Parsing stops at the first word that is not an option, or at `--`: the rest is another program's command line.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# The one option of [supervice] that single-command mode reads too.
TERMINATION_LOG = "SUPERVICE_TERMINATION_LOG"
# (name, short, metavar or "" for a flag, help). Each has an environment variable SUPERVICE_NAME.
REPEATED = frozenset({"exit-code-ok", "rewrite", "verbose"})
OFF = frozenset({"", "0", "false", "no", "off"})
LEFT = 34  # columns of the help page that options take
OPTIONS = (
    ("configuration", "c", "FILE", "the configuration file; 'none' reads no file at all"),
    ("nodaemon", "n", "", "accepted, without effect: supervice always stays in the foreground"),
    ("logfile", "l", "FILE", "where supervice writes its own log, instead of stdout"),
    ("loglevel", "e", "LEVEL", "debug, info, warning, error or critical"),
    ("socket", "s", "PATH", "the control socket, or 'none'"),
    ("shutdown-timeout", "", "SECONDS", "how long it may take to stop everything"),
    ("group", "g", "", "COMMAND alone: send signals to its whole process group (the default)"),
    ("single-child", "", "", "COMMAND alone: send signals to the command only"),
    ("subreaper", "", "", "accepted, without effect: supervice always collects orphans"),
    ("exit-code-ok", "", "CODE", "COMMAND alone: treat this exit code as 0; repeatable"),
    ("rewrite", "", "SIG:SIG", "COMMAND alone: pass one signal on as another; SIG:0 drops it; repeatable"),
    ("parent-death-signal", "", "SIG", "the signal that supervice gets when its parent dies"),
    ("warn-on-reap", "", "", "COMMAND alone: report each orphan that is collected"),
    ("verbose", "v", "", "COMMAND alone: log warnings to stderr; -vv adds info, -vvv debug"),
    ("version", "", "", "print the version and exit; with -v also the version of every part"),
    ("help", "h", "", "print this page and exit"),
)


class UsageError(Exception):
    """The command line cannot be understood; the message says why."""


class Arguments:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.command: list[str] = []
        self.literal = False  # the command stood behind `--`

    def get(self, name: str) -> str | None:
        return self.values.get(name)


def parse(argv: list[str], environ: Mapping[str, str]) -> Arguments:
    """Returns the options in `argv` (without the program's name), and those that the environment adds."""
    args = Arguments()
    names = {name: bool(metavar) for name, _, metavar, _ in OPTIONS}
    shorts = {short: name for name, short, _, _ in OPTIONS if short}
    rest = list(argv)
    while rest:
        word = rest[0]
        if word == "--":
            args.literal = True
            rest.pop(0)
            break
        if len(word) < 2 or not word.startswith("-"):
            break
        rest.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name not in names:
                raise UsageError(f"there is no option --{name}{_near(name, names)}")
            _take(args, name, names[name], value if equals else None, rest, word)
        else:
            _short(args, word, shorts, names, rest)
    args.command = rest
    for name in names:
        variable = "SUPERVICE_" + name.upper().replace("-", "_")
        value = environ.get(variable, "")
        if name in args.values or not value or name in ("version", "help"):
            continue
        if names[name] or name in REPEATED:
            args.values[name] = value
        elif value.lower() not in OFF:
            args.values[name] = "1"
    if "configuration" not in args.values and environ.get("SUPERVICE_CONFIG"):
        args.values["configuration"] = environ["SUPERVICE_CONFIG"]
    return args


def _short(
    args: Arguments, word: str, shorts: Mapping[str, str], names: Mapping[str, bool], rest: list[str]
) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = shorts.get(letter)
        if name is None:
            raise UsageError(f"there is no option -{letter}")
        if names[name]:
            _take(args, name, True, letters or None, rest, f"-{letter}")
            return
        _flag(args, name)


def _flag(args: Arguments, name: str) -> None:
    args.values[name] = str(int(args.values.get(name, "0")) + 1) if name in REPEATED else "1"


def _take(
    args: Arguments, name: str, wants_value: bool, value: str | None, rest: list[str], word: str
) -> None:
    if not wants_value:
        if value is not None:
            raise UsageError(f"{word.partition('=')[0]} takes no value")
        _flag(args, name)
        return
    if value is None:
        if not rest:
            raise UsageError(f"{word} needs a value")
        value = rest.pop(0)
    if name in REPEATED and name in args.values:
        value = f"{args.values[name]} {value}"
    args.values[name] = value


def _near(name: str, names: Mapping[str, bool]) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean --{near[0]}?)" if near else ""


def seconds(args: Arguments, name: str) -> float | None:
    """Returns the number of seconds; None when the option was not given."""
    text = args.get(name)
    if text is None:
        return None
    from supervice.config.values import seconds as parse_seconds

    try:
        return parse_seconds(text)
    except ValueError:
        raise UsageError(f"--{name} takes a number of seconds, not {text!r}") from None


def usage() -> str:
    """Returns the help page, for a terminal of 80 columns."""
    from textwrap import wrap

    lines = [
        "Usage: supervice [OPTIONS] [-c FILE] [--] [COMMAND [ARG...]]",
        "       supervice check [--explain] [--format text|json] [FILE]",
        "",
        "Runs the programs of a configuration in the foreground, as PID 1 of a container",
        "or anywhere else. With a COMMAND, the programs start first, then the command,",
        "and supervice ends when the command ends. With a COMMAND and no configuration",
        "(or -c none), supervice runs the command alone, silently, and passes signals on.",
        "",
        "Without -c, supervice reads the first of these that exists: $SUPERVICE_CONFIG,",
        "./supervice.conf, ./supervisord.conf, /etc/supervice/supervice.conf,",
        "/etc/supervisord.conf, /etc/supervisor/supervisord.conf.",
        "",
        "Options (each is an environment variable too: SUPERVICE_ and its name in",
        "capitals, with _ for -):",
    ]
    for name, short, metavar, text in OPTIONS:
        left = f"  {f'-{short}, ' if short else '    '}--{name}{f' {metavar}' if metavar else ''}"
        first, *more = wrap(text, 80 - LEFT)
        lines.append(f"{left:<{LEFT}}{first}")
        lines += [f"{'':<{LEFT}}{line}" for line in more]
    return "\n".join(lines)
