"""The arguments of `supervice`, read by hand: PID 1 must not pay for a library that builds help pages.

Parsing stops at the first word that is no option, or at `--`: what follows is another program's command line.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# (name, short, metavar or "" for a flag, help). Each has an environment variable SUPERVICE_NAME.
REPEATED = frozenset({"exit-code-ok", "rewrite", "verbose"})
OFF = frozenset({"", "0", "false", "no", "off"})
OPTIONS = (
    ("configuration", "c", "FILE", "the configuration; 'none' for none, whatever lies around"),
    ("nodaemon", "n", "", "accepted and without effect: supervice never leaves the foreground"),
    ("logfile", "l", "FILE", "where supervice itself logs, instead of stdout"),
    ("loglevel", "e", "LEVEL", "debug, info, warning, error or critical"),
    ("socket", "s", "PATH", "the control socket, or 'none'"),
    ("shutdown-timeout", "", "SECONDS", "how long stopping everything may take"),
    ("group", "g", "", "COMMAND alone: signals go to its whole process group (the default)"),
    ("single-child", "", "", "COMMAND alone: signals go to the command only"),
    ("subreaper", "", "", "accepted: orphans come to us anyway when we are not PID 1"),
    ("exit-code-ok", "", "CODE", "COMMAND alone: this exit code counts as 0; may be repeated"),
    ("rewrite", "", "SIG:SIG", "COMMAND alone: passes one signal on as another, :0 drops it; repeatable"),
    ("parent-death-signal", "", "SIG", "what supervice gets when its parent dies"),
    ("warn-on-reap", "", "", "COMMAND alone: says when an orphan was collected"),
    ("verbose", "v", "", "COMMAND alone: warnings on stderr; -vv info, -vvv debug"),
    ("version", "", "", "print the version and exit; with -v also those of all that it is made of"),
    ("help", "h", "", "print this and exit"),
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
    """The options in `argv` (without the program's name); those of the environment where it has none."""
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
    """A number of seconds, None when it was not given."""
    text = args.get(name)
    if text is None:
        return None
    from supervice.config.values import seconds as parse_seconds

    try:
        return parse_seconds(text)
    except ValueError:
        raise UsageError(f"--{name} takes a number of seconds, not {text!r}") from None


def usage() -> str:
    """The help page."""
    lines = [
        "Usage: supervice [OPTIONS] [-c FILE] [--] [COMMAND [ARG...]]",
        "       supervice check [--format json] [--explain] [FILE]",
        "",
        "Runs the programs of a configuration in the foreground, as PID 1 of a container or anywhere else.",
        "With a COMMAND: the programs first, then the command, and the end when it ends. With a COMMAND and",
        "no configuration (or -c none): the command alone, silently, with signals passed on to it.",
        "",
        "Without -c the first that exists is taken of: $SUPERVICE_CONFIG, ./supervice.conf,",
        "./supervisord.conf, /etc/supervice/supervice.conf, /etc/supervisord.conf,",
        "/etc/supervisor/supervisord.conf.",
        "",
        "Options (each has an environment variable too: SUPERVICE_ and its name in capitals):",
    ]
    for name, short, metavar, text in OPTIONS:
        left = f"  {f'-{short}, ' if short else '    '}--{name}{f' {metavar}' if metavar else ''}"
        lines.append(f"{left:<34}{text}")
    return "\n".join(lines)
