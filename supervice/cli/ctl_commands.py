"""The verbs of `supervicectl` that act, built with click; `ctl_queries` has those that look.

`replies` decides how a reply looks.
"""

from __future__ import annotations

import os
import sys

import click

from supervice import __version__
from supervice.cli.aliases import ALIASES, here, unknown, unknown_option
from supervice.cli.ctl_options import (
    SIGNAL_LIST,
    common,
    complete_verbs,
    completion_script,
    example,
    kept,
    names_argument,
    send,
    signal_name,
)
from supervice.cli.ctl_queries import QUERIES
from supervice.cli.ctl_terminal import attach, exec_, top
from supervice.cli.replies import names_of
from supervice.cli.shell import run_shell
from supervice.cli.terminal import INTERRUPTED, USAGE, complain, look, write
from supervice.control.columns import fold

WAIT = 60.0  # seconds that `wait` waits without --timeout, as the daemon does


class Verbs(click.Group):
    """A group that also takes the words of other tools for its verbs."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            if args[0] not in ALIASES:
                ctx.fail(unknown(args[0], sorted(self.commands)))
            args = here(args)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Verbs,
    name="supervicectl",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,  # a page of help is no error message
    invoke_without_command=True,
)
@click.version_option(__version__, message="supervicectl %(version)s")
@common
@click.pass_context
def cli(ctx: click.Context) -> int | None:
    """Operates the supervice that runs in this container.

    NAME is a process, GROUP:* is every process of a group, all is every process. Without a verb, on a
    terminal, it opens a shell for verbs.
    Exit codes: 0 done, 1 failed or not healthy, 2 usage, 3 a listed process is not running, 4 no daemon.
    """
    if ctx.invoked_subcommand is not None:
        return None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        ctx.fail("Missing verb; write one, such as status.")
    return run_shell(kept(ctx, "socket"), cli.commands, run, page=shell_page)


@cli.command(epilog=example("start web"))
@common
@names_argument(required=True)
@click.pass_context
def start(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Starts processes and waits until each is up or has failed."""
    return send(ctx, "start", **names_of(names))


@cli.command(epilog=example("stop all"))
@common
@names_argument(required=True)
@click.pass_context
def stop(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Stops processes and waits until they have ended."""
    return send(ctx, "stop", **names_of(names))


@cli.command(epilog=example("restart web worker:*"))
@common
@click.option("--force", is_flag=True, help="Send SIGKILL instead of the stop signal.")
@click.option(
    "--rolling", is_flag=True, help="One process at a time; each waits until the one before is ready."
)
@click.option(
    "--batch", type=click.IntRange(min=1), metavar="N", help="With --rolling: N processes at a time."
)
@names_argument(required=True)
@click.pass_context
def restart(ctx: click.Context, names: tuple[str, ...], force: bool, rolling: bool, batch: int | None) -> int:
    """Restarts processes."""
    return send(ctx, "restart", force=force, rolling=rolling, batch=batch, **names_of(names))


@cli.command(epilog=example("startgroup worker"))
@common
@click.argument("group")
@click.pass_context
def startgroup(ctx: click.Context, group: str) -> int:
    """Starts the processes of a group."""
    return send(ctx, "startgroup", name=group)


@cli.command(epilog=example("stopgroup worker"))
@common
@click.argument("group")
@click.pass_context
def stopgroup(ctx: click.Context, group: str) -> int:
    """Stops the processes of a group."""
    return send(ctx, "stopgroup", name=group)


@cli.command(epilog=example("reload --dry-run"))
@common
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--force", is_flag=True, help="Reload even if that removes every program.")
@click.pass_context
def reload(ctx: click.Context, dry_run: bool, force: bool) -> int:
    """Reads the configuration again; unchanged programs go on."""
    return send(ctx, "reload", dry_run=dry_run, force=force)


@cli.command(name="signal", epilog=example("signal HUP web"))
@common
@click.option("-l", "--list", is_flag=True, help="List the signals.", **SIGNAL_LIST)
@click.argument("signum", metavar="SIG", callback=signal_name)
@names_argument(required=True)
@click.pass_context
def signal_(ctx: click.Context, signum: str, names: tuple[str, ...]) -> int:
    """Sends a signal to processes."""
    return send(ctx, "signal", signal=signum, **names_of(names))


@cli.command(epilog=example("shutdown"))
@common
@click.pass_context
def shutdown(ctx: click.Context) -> int:
    """Stops everything and ends the container."""
    return send(ctx, "shutdown")


@cli.command(epilog=example("wait --for ready --timeout 30 web"))
@common
@click.option(
    "--for",
    "for_",
    type=click.Choice(["running", "ready", "healthy", "exited"]),
    default="running",
    help="What to wait for (default: running).",
)
@names_argument(required=False)
@click.pass_context
def wait(ctx: click.Context, for_: str, names: tuple[str, ...]) -> int:
    """Waits for processes to reach a state, and first for the daemon."""
    from supervice.control.client import wait_for_daemon

    timeout = kept(ctx, "timeout")
    left = wait_for_daemon(kept(ctx, "socket"), os.environ, WAIT if timeout is None else timeout)
    return send(ctx, "wait", timeout=round(left, 3), **{"for": for_}, **names_of(names))


@cli.command(epilog=example("reopen"))
@common
@click.pass_context
def reopen(ctx: click.Context) -> int:
    """Opens the log files again (after an external rotation)."""
    return send(ctx, "reopen")


@cli.command(epilog=example("rotate web"))
@common
@names_argument(required=False)
@click.pass_context
def rotate(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Rotates log files now: of NAME, or all and the daemon's own."""
    return send(ctx, "rotate", **names_of(names))


@cli.command(epilog=example("shell"))
@common
@click.pass_context
def shell(ctx: click.Context) -> int:
    """Opens a shell for verbs, as supervicectl without a verb does."""
    return run_shell(kept(ctx, "socket"), cli.commands, run, page=shell_page)


@cli.command(name="help", epilog=example("help logs"))
@click.argument("verb", required=False, shell_complete=complete_verbs)
@click.pass_context
def help_(ctx: click.Context, verb: str | None) -> None:
    """Shows the help page of a verb, or the list of verbs."""
    words = [] if verb is None else [verb]
    cli.main(args=[*words, "--help"], prog_name="supervicectl", standalone_mode=False)


@cli.command(epilog=example("completion bash >/etc/bash_completion.d/supervicectl"))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Prints a script that completes verbs, options and names.

    bash: source <(supervicectl completion bash). zsh: the same, after compinit. fish: supervicectl completion
    fish | source. The image of supervice has these scripts installed.
    """
    write(completion_script(cli, shell))


for _verb in (*QUERIES, attach, exec_, top):
    cli.add_command(_verb)


def shell_page() -> str:
    """Returns what `help` shows in the shell: the verbs, and how to leave it."""
    helps = {
        name: command.get_short_help_str(200) for name, command in cli.commands.items() if name != "shell"
    }
    helps["help"] = "Shows this list; help VERB shows the help page of a verb."
    helps["exit"] = "Leaves the shell; so do quit and Ctrl-D."
    return "".join(fold(f"{name:12}{helps[name]}", look(), " " * 12) for name in sorted(helps))


def _help_of(error: click.UsageError) -> str:
    """Returns what to type for help on the verb that was given wrongly, or on all verbs."""
    verb = error.ctx.info_name if error.ctx is not None and error.ctx.parent is not None else None
    return f"supervicectl help {verb}" if verb else "supervicectl --help"


def _said_of(error: click.UsageError) -> str:
    """Returns what is wrong with the words that were given, and what to write."""
    if isinstance(error, click.MissingParameter) and error.param is not None and error.param.name == "names":
        return "Missing NAME; write a process, GROUP:* or all."
    if isinstance(error, click.NoSuchOption):
        verb = error.ctx.info_name if error.ctx is not None and error.ctx.parent is not None else None
        commands = {"": cli, **cli.commands}
        options = {
            name: [one for param in command.params if isinstance(param, click.Option) for one in param.opts]
            for name, command in commands.items()
        }
        return unknown_option(error.option_name, verb or "", options)
    return error.format_message()


def run(argv: list[str]) -> int:
    """Does what `argv` says; returns the exit code."""
    try:
        code = cli.main(args=argv, prog_name="supervicectl", standalone_mode=False)
    except click.UsageError as error:
        complain(f"{_said_of(error)} ({_help_of(error)} says more)")
        return USAGE
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else 0
