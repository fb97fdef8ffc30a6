"""What the verbs of `supervicectl` share: options, names, completion, and sending the request."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from supervice.cli.replies import ask, fetch, show
from supervice.cli.shell import process_names
from supervice.cli.terminal import FAILED, complain, cut_nothing, write

F = TypeVar("F", bound=Callable[..., Any])

# --timeout is sent to the daemon, which says after so many seconds what it is still waiting for.
ACTIONS = frozenset(("start", "stop", "restart", "startgroup", "stopgroup", "reload", "wait", "shutdown"))


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keeps an option that may stand before or after the verb."""
    if value is not None and value is not False:
        ctx.find_root().meta[f"supervicectl.{param.name}"] = value


TIMEOUT = "Give up after S seconds (default: 10 for queries, 60 for wait, no limit for actions)."
DELAY = "Time between two refreshes (default: 2s)."
SOCKET = "Path of the control socket (default: found automatically)."
SORTS = ("cpu", "mem", "name")  # of `top`

_KEPT: dict[str, Any] = {"expose_value": False, "callback": _remember}


def example(words: str) -> str:
    """Returns the last line of the help page of a verb: `words` are what to type."""
    return f"Example: supervicectl {words}"


def common(function: F) -> F:
    """Adds the options that the command and every verb have."""
    return click.option("-s", "--socket", metavar="PATH", help=SOCKET, **_KEPT)(_most_common(function))


def common_but_s(function: F) -> F:
    """Adds the same options to a verb that uses `-s` for another one."""
    return click.option("--socket", metavar="PATH", help=SOCKET, **_KEPT)(_most_common(function))


def _most_common(function: F) -> F:
    function = click.option("--json", is_flag=True, help="The same as -o json.", **_KEPT)(function)
    function = click.option(
        "-o",
        "--output",
        type=click.Choice(["wide", "json"]),
        help="wide: tables wider than the terminal; json: one line (default: tables that fit).",
        **_KEPT,
    )(function)
    seconds = click.FloatRange(min=0)
    return click.option("--timeout", type=seconds, metavar="S", help=TIMEOUT, **_KEPT)(function)


def a_time(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    """Parses `2`, `2s` or `500ms`: at least a tenth of a second."""
    from supervice.config.values import some_seconds

    try:
        return max(0.1, some_seconds(value))
    except ValueError as error:
        raise click.BadParameter(f"{value}: {error}") from None


def kept(ctx: click.Context, name: str) -> Any:
    """Returns the value of a common option, or None; `json` is true for -o json too."""
    if name == "json" and kept(ctx, "output") == "json":
        return True
    return ctx.find_root().meta.get(f"supervicectl.{name}")


def send(ctx: click.Context, command: str, **arguments: Any) -> int:
    """Sends the command with the arguments that are not None, shows the reply, returns the exit code."""
    request = {"command": command, **{k: v for k, v in arguments.items() if v is not None and v is not False}}
    timeout = kept(ctx, "timeout")
    if timeout is not None and command in ACTIONS:
        request.setdefault("timeout", timeout)
    socket, as_json = kept(ctx, "socket"), bool(kept(ctx, "json"))
    cut_nothing(kept(ctx, "output") == "wide")
    if request.get("follow"):
        from supervice.cli.follow import follow

        return follow(request, socket, as_json)
    return ask(request, socket, timeout, as_json)


def draw(ctx: click.Context, command: str, picture: Callable[[dict[str, Any]], str], path: str) -> int:
    """Writes the daemon's answer as a picture, `-` to stdout; returns the exit code."""
    reply, code = fetch({"command": command}, kept(ctx, "socket"), kept(ctx, "timeout"))
    if reply is None or reply.get("status") != "ok":
        return code if reply is None else show({"command": command}, reply, False)
    try:
        with click.open_file(path, "w", encoding="utf-8") as file:
            file.write(picture(reply))
    except OSError as error:
        complain(f"{path}: {error.strerror or error}")
        return FAILED
    return 0


def complete_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns process and group names, if a daemon answers at once."""
    names = process_names(kept(ctx, "socket"))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_verbs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns the verbs that begin like this."""
    group = ctx.find_root().command
    verbs = sorted(group.commands) if isinstance(group, click.Group) else []
    return [CompletionItem(verb) for verb in verbs if verb.startswith(incomplete)]


def completion_script(command: click.Command, shell: str) -> str:
    """Returns the script with which a shell completes the words of `command`."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None  # the choice has no other
    made = kind(command, {}, "supervicectl", "_SUPERVICECTL_COMPLETE")
    # `source()` would ask the bash of this container for its version; the script may be for another bash.
    return made.source_template % made.source_vars()


def list_signals(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    """Prints the signals that have names, with their numbers, and exits."""
    if value:
        write("".join(f"{number.value:2} {number.name.removeprefix('SIG')}\n" for number in signal.Signals))
        ctx.exit()


# Of the option that is answered instead of running the verb.
SIGNAL_LIST: dict[str, Any] = {"is_eager": True, "expose_value": False, "callback": list_signals}


def names_argument(required: bool) -> Callable[[F], F]:
    """Adds NAME... with completion."""
    return click.argument("names", nargs=-1, required=required, shell_complete=complete_names)


def signal_name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Returns one spelling for HUP, SIGHUP, hup and 1."""
    try:
        if value.isascii() and value.isdecimal():
            return signal.Signals(int(value)).name[3:]
        name = value.upper().removeprefix("SIG")
        return signal.Signals["SIG" + name].name[3:]
    except (ValueError, KeyError):
        if value.upper().removeprefix("SIG").startswith("RT") or (value.isascii() and value.isdecimal()):
            return value.upper().removeprefix("SIG")
        raise click.BadParameter(f"{value} is no signal; write a name (HUP, RTMIN+1) or a number") from None


def when(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Parses a time as people write it; returns seconds since the epoch."""
    if value is None:
        return None
    import time

    from supervice.cli.moments import moment

    try:
        return round(moment(value, time.time()), 3)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def regex(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Callable[[str], object] | None:
    """Returns a function that searches a line for the regular expression."""
    if value is None:
        return None
    import re

    try:
        return re.compile(value).search
    except (re.error, RecursionError, OverflowError) as error:
        raise click.BadParameter(
            f"{value!r} is no regular expression ({error}); write \\ before characters to find as they are"
        ) from None
