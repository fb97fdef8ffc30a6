"""The verbs of `supervicectl`, with click. What a reply looks like is decided in `replies`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from supervice import __version__
from supervice.cli.replies import (
    FAILED,
    INTERRUPTED,
    UNREACHABLE,
    USAGE,
    LogPrinter,
    ask,
    complain,
    fetch,
    names_of,
    show,
    write,
)
from supervice.cli.shell import process_names, run_shell
from supervice.control.client import Unreachable, reach
from supervice.control.protocol import CommandError
from supervice.control.render import event_line
from supervice.lean.json import dumps

F = TypeVar("F", bound=Callable[..., Any])

# What --timeout means to the daemon: after so many seconds it says what it is still waiting for.
ACTIONS = frozenset(("start", "stop", "restart", "startgroup", "stopgroup", "reload", "wait", "shutdown"))


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keeps an option that may stand before or behind the verb."""
    if value is not None and value is not False:
        ctx.find_root().meta[f"supervicectl.{param.name}"] = value


_KEPT: dict[str, Any] = {"expose_value": False, "callback": _remember}


def _common(function: F) -> F:
    """The options that the command and every verb have."""
    function = click.option("--json", is_flag=True, help="One line of JSON, not a table.", **_KEPT)(function)
    seconds = click.FloatRange(min=0)
    function = click.option("--timeout", type=seconds, metavar="S", help="Seconds to wait.", **_KEPT)(
        function
    )
    return click.option("-s", "--socket", metavar="PATH", help="The control socket, if not found.", **_KEPT)(
        function
    )


def _option(ctx: click.Context, name: str) -> Any:
    return ctx.find_root().meta.get(f"supervicectl.{name}")


def _ask(ctx: click.Context, command: str, **arguments: Any) -> int:
    """Sends the command with the arguments that were given."""
    request = {"command": command, **{k: v for k, v in arguments.items() if v is not None and v is not False}}
    timeout = _option(ctx, "timeout")
    if timeout is not None and command in ACTIONS:
        request["timeout"] = timeout
    if request.get("follow"):
        return _follow(ctx, request)
    return ask(request, _option(ctx, "socket"), timeout, bool(_option(ctx, "json")))


def _follow(ctx: click.Context, request: dict[str, Any]) -> int:
    """Shows a stream until the daemon or the user ends it."""
    as_json = bool(_option(ctx, "json"))
    printer = LogPrinter(prefix="name" not in request)
    try:
        with reach(_option(ctx, "socket"), os.environ) as client:
            client.send(request)
            while (frame := client.receive(None)) is not None:
                if frame.get("status") != "ok":
                    complain(str(frame.get("message") or frame.get("code")))
                    return FAILED
                if as_json:
                    write(dumps(frame) + "\n")
                elif isinstance(frame.get("event"), dict):
                    write(event_line(frame["event"]))
                else:
                    printer.add(frame)
                sys.stdout.flush()
        printer.end()
    except (Unreachable, CommandError) as error:
        complain(str(error))
        return UNREACHABLE
    except KeyboardInterrupt:
        printer.end()
        return INTERRUPTED
    return 0


def _complete_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Process and group names, as far as a daemon answers at once."""
    names = process_names(_option(ctx, "socket"))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _names(required: bool) -> Callable[[F], F]:
    return click.argument("names", nargs=-1, required=required, shell_complete=_complete_names)


@click.group(
    name="supervicectl",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,  # a page of help is no error message
    invoke_without_command=True,
)
@click.version_option(__version__, message="supervicectl %(version)s")
@_common
@click.pass_context
def cli(ctx: click.Context) -> int | None:
    """Controls the supervice that runs in this container.

    NAME is a process, GROUP:* all of a group, all everything. Without a verb, on a terminal, it reads verbs.
    Exit codes: 0 done, 1 failed or not healthy, 2 usage, 3 a listed process is not running, 4 no daemon.
    """
    if ctx.invoked_subcommand is not None:
        return None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        ctx.fail("Missing command.")
    return run_shell(_option(ctx, "socket"), cli.commands, run)


@cli.command()
@_common
@_names(required=False)
@click.pass_context
def status(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Shows the processes and how they are."""
    return _ask(ctx, "status", **names_of(names))


@cli.command()
@_common
@_names(required=True)
@click.pass_context
def start(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Starts processes and waits until they have settled."""
    return _ask(ctx, "start", **names_of(names))


@cli.command()
@_common
@_names(required=True)
@click.pass_context
def stop(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Stops processes and waits until they have ended."""
    return _ask(ctx, "stop", **names_of(names))


@cli.command()
@_common
@click.option("--force", is_flag=True, help="SIGKILL instead of the stop signal.")
@_names(required=True)
@click.pass_context
def restart(ctx: click.Context, names: tuple[str, ...], force: bool) -> int:
    """Restarts processes."""
    return _ask(ctx, "restart", force=force, **names_of(names))


@cli.command()
@_common
@click.argument("group")
@click.pass_context
def startgroup(ctx: click.Context, group: str) -> int:
    """Starts the processes of a group."""
    return _ask(ctx, "startgroup", name=group)


@cli.command()
@_common
@click.argument("group")
@click.pass_context
def stopgroup(ctx: click.Context, group: str) -> int:
    """Stops the processes of a group."""
    return _ask(ctx, "stopgroup", name=group)


@cli.command()
@_common
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.pass_context
def reload(ctx: click.Context, dry_run: bool) -> int:
    """Reads the configuration again; what did not change keeps running."""
    return _ask(ctx, "reload", dry_run=dry_run)


def _signal_name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """HUP, SIGHUP, hup and 1 are the same."""
    try:
        if value.isdecimal():
            return signal.Signals(int(value)).name[3:]
        name = value.upper().removeprefix("SIG")
        return signal.Signals["SIG" + name].name[3:]
    except (ValueError, KeyError):
        if value.upper().removeprefix("SIG").startswith("RT") or value.isdecimal():
            return value.upper().removeprefix("SIG")
        raise click.BadParameter(f"{value} is no signal") from None


@cli.command(name="signal")
@_common
@click.argument("signum", metavar="SIG", callback=_signal_name)
@_names(required=True)
@click.pass_context
def signal_(ctx: click.Context, signum: str, names: tuple[str, ...]) -> int:
    """Sends a signal to processes."""
    return _ask(ctx, "signal", signal=signum, **names_of(names))


@cli.command()
@_common
@click.argument("name", required=False, shell_complete=_complete_names)
@click.pass_context
def pid(ctx: click.Context, name: str | None) -> int:
    """Shows the pid of a process, or of the daemon."""
    return _ask(ctx, "pid", name=name)


@cli.command()
@_common
@click.option("--live", "kind", flag_value="live", help="Only whether it has to be restarted.")
@click.option("--ready", "kind", flag_value="ready", help="Only whether it can do its work.")
@_names(required=False)
@click.pass_context
def health(ctx: click.Context, kind: str | None, names: tuple[str, ...]) -> int:
    """Says whether the container (or a process) is well: exit code 0 or 1."""
    return _ask(ctx, "health", kind=kind, **names_of(names))


@cli.command()
@_common
@click.pass_context
def shutdown(ctx: click.Context) -> int:
    """Stops everything; the container ends."""
    return _ask(ctx, "shutdown")


@cli.command()
@_common
@click.pass_context
def version(ctx: click.Context) -> int:
    """Shows the version of the daemon."""
    return _ask(ctx, "version")


@cli.command()
@_common
@click.option(
    "--for", "for_", type=click.Choice(["running", "ready", "healthy", "exited"]), default="running"
)
@_names(required=False)
@click.pass_context
def wait(ctx: click.Context, for_: str, names: tuple[str, ...]) -> int:
    """Waits until processes are in a state."""
    return _ask(ctx, "wait", **{"for": for_}, **names_of(names))


@cli.command()
@_common
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("-n", "--lines", type=click.IntRange(min=0), metavar="LINES", help="That many last lines.")
@click.option("--stderr", is_flag=True, help="Only the error output.")
@_names(required=False)
@click.pass_context
def logs(ctx: click.Context, follow: bool, lines: int | None, stderr: bool, names: tuple[str, ...]) -> int:
    """Shows the last output of processes."""
    arguments: dict[str, Any] = {} if lines is None else {"lines": lines}
    return _ask(ctx, "logs", follow=follow, stderr=stderr, **arguments, **names_of(names))


@cli.command()
@_common
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.pass_context
def events(ctx: click.Context, follow: bool) -> int:
    """Shows what happened."""
    return _ask(ctx, "events", follow=follow)


@cli.command()
@_common
@click.argument("name", shell_complete=_complete_names)
@click.pass_context
def why(ctx: click.Context, name: str) -> int:
    """Shows how a process ended the last times."""
    return _ask(ctx, "why", name=name)


@cli.command()
@_common
@click.pass_context
def graph(ctx: click.Context) -> int:
    """Shows what depends on what, and who waits for whom."""
    return _ask(ctx, "graph")


@cli.command()
@_common
@click.option("--svg", metavar="FILE", help="Write it as a picture; - is stdout.")
@click.pass_context
def boot(ctx: click.Context, svg: str | None) -> int:
    """Shows who was started when, and what that waited for."""
    if svg is None:
        return _ask(ctx, "boot")
    from supervice.cli.timeline import boot_svg

    reply, code = fetch({"command": "boot"}, _option(ctx, "socket"), _option(ctx, "timeout"))
    if reply is None or reply.get("status") != "ok":
        return code if reply is None else show({"command": "boot"}, reply, False)
    try:
        with click.open_file(svg, "w", encoding="utf-8") as file:
            file.write(boot_svg(reply))
    except OSError as error:
        complain(f"{svg}: {error.strerror or error}")
        return FAILED
    return 0


@cli.command()
@_common
@click.pass_context
def reopen(ctx: click.Context) -> int:
    """Opens the log files again (after an external rotation)."""
    return _ask(ctx, "reopen")


@cli.command()
@_common
@click.pass_context
def shell(ctx: click.Context) -> int:
    """Reads verbs line by line; also what supervicectl alone opens on a terminal."""
    return run_shell(_option(ctx, "socket"), cli.commands, run)


def run(argv: list[str]) -> int:
    """Does what `argv` says and returns the exit code."""
    try:
        code = cli.main(args=argv, prog_name="supervicectl", standalone_mode=False)
    except click.UsageError as error:
        complain(f"{error.format_message()} (supervicectl --help says more)")
        return USAGE
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else 0
