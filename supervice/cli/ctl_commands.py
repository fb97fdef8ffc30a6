"""The verbs of `supervicectl`, with click. What a reply looks like is decided in `replies`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import click

from supervice import __version__
from supervice.cli.ctl_options import (
    common,
    complete_names,
    draw,
    kept,
    names_argument,
    regex,
    send,
    signal_name,
    when,
)
from supervice.cli.ctl_terminal import attach, exec_
from supervice.cli.replies import names_of
from supervice.cli.shell import run_shell
from supervice.cli.terminal import INTERRUPTED, USAGE, complain

WAIT = 60.0  # seconds that `wait` waits without --timeout, as the daemon does


@click.group(
    name="supervicectl",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,  # a page of help is no error message
    invoke_without_command=True,
)
@click.version_option(__version__, message="supervicectl %(version)s")
@common
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
    return run_shell(kept(ctx, "socket"), cli.commands, run)


@cli.command()
@common
@names_argument(required=False)
@click.pass_context
def status(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Shows the processes and how they are."""
    return send(ctx, "status", **names_of(names))


@cli.command()
@common
@names_argument(required=True)
@click.pass_context
def start(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Starts processes and waits until they have settled."""
    return send(ctx, "start", **names_of(names))


@cli.command()
@common
@names_argument(required=True)
@click.pass_context
def stop(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Stops processes and waits until they have ended."""
    return send(ctx, "stop", **names_of(names))


@cli.command()
@common
@click.option("--force", is_flag=True, help="SIGKILL instead of the stop signal.")
@names_argument(required=True)
@click.pass_context
def restart(ctx: click.Context, names: tuple[str, ...], force: bool) -> int:
    """Restarts processes."""
    return send(ctx, "restart", force=force, **names_of(names))


@cli.command()
@common
@click.argument("group")
@click.pass_context
def startgroup(ctx: click.Context, group: str) -> int:
    """Starts the processes of a group."""
    return send(ctx, "startgroup", name=group)


@cli.command()
@common
@click.argument("group")
@click.pass_context
def stopgroup(ctx: click.Context, group: str) -> int:
    """Stops the processes of a group."""
    return send(ctx, "stopgroup", name=group)


@cli.command()
@common
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--force", is_flag=True, help="Also when that takes every program away.")
@click.pass_context
def reload(ctx: click.Context, dry_run: bool, force: bool) -> int:
    """Reads the configuration again; what did not change keeps running."""
    return send(ctx, "reload", dry_run=dry_run, force=force)


@cli.command(name="signal")
@common
@click.argument("signum", metavar="SIG", callback=signal_name)
@names_argument(required=True)
@click.pass_context
def signal_(ctx: click.Context, signum: str, names: tuple[str, ...]) -> int:
    """Sends a signal to processes."""
    return send(ctx, "signal", signal=signum, **names_of(names))


cli.add_command(exec_)
cli.add_command(attach)


@cli.command()
@common
@names_argument(required=False)
@click.pass_context
def config(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Shows what the daemon runs now, with the origin of each value.

    A value that the file has changed since then says so. What may be a secret is masked.
    """
    from supervice.cli.configuration import show_configuration

    return show_configuration(names, kept(ctx, "socket"), kept(ctx, "timeout"), bool(kept(ctx, "json")))


@cli.command()
@common
@click.option(
    "--show-secrets", is_flag=True, help="Show every value as it is.  [default: secrets are masked]"
)
@click.argument("name", shell_complete=complete_names)
@click.pass_context
def env(ctx: click.Context, show_secrets: bool, name: str) -> int:
    """Shows the environment of a program, with its env files and secrets.

    What comes from `secrets`, and what by its name is a password, token or key, is masked.
    """
    from supervice.cli.configuration import show_environment

    where = kept(ctx, "socket"), kept(ctx, "timeout"), bool(kept(ctx, "json"))
    return show_environment(name, *where, secrets=show_secrets)


@cli.command()
@common
@click.argument("name", required=False, shell_complete=complete_names)
@click.pass_context
def pid(ctx: click.Context, name: str | None) -> int:
    """Shows the pid of a process, or of the daemon."""
    return send(ctx, "pid", name=name)


@cli.command()
@common
@click.option("--live", "kind", flag_value="live", help="Only whether it has to be restarted.")
@click.option("--ready", "kind", flag_value="ready", help="Only whether it can do its work.")
@names_argument(required=False)
@click.pass_context
def health(ctx: click.Context, kind: str | None, names: tuple[str, ...]) -> int:
    """Says whether the container (or a process) is well: exit code 0 or 1."""
    return send(ctx, "health", kind=kind, **names_of(names))


@cli.command()
@common
@click.pass_context
def shutdown(ctx: click.Context) -> int:
    """Stops everything; the container ends."""
    return send(ctx, "shutdown")


@cli.command()
@common
@click.pass_context
def version(ctx: click.Context) -> int:
    """Shows the version of the daemon."""
    return send(ctx, "version")


@cli.command()
@common
@click.option(
    "--for", "for_", type=click.Choice(["running", "ready", "healthy", "exited"]), default="running"
)
@names_argument(required=False)
@click.pass_context
def wait(ctx: click.Context, for_: str, names: tuple[str, ...]) -> int:
    """Waits until processes are in a state; without a daemon, for that first."""
    from supervice.control.client import wait_for_daemon

    timeout = kept(ctx, "timeout")
    left = wait_for_daemon(kept(ctx, "socket"), os.environ, WAIT if timeout is None else timeout)
    return send(ctx, "wait", timeout=round(left, 3), **{"for": for_}, **names_of(names))


@cli.command()
@common
@click.option("-f", "--follow", is_flag=True, help="Keep following new output.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    metavar="N",
    help="The last N lines of each process (default: 10; with --since or --grep, all that are kept).",
)
@click.option("-t", "--timestamps", is_flag=True, help="The time of each line before it.")
@click.option(
    "--since", metavar="WHEN", callback=when, help="Only newer lines: 5m, 12:30, 2026-01-31T12:30Z."
)
@click.option("--until", metavar="WHEN", callback=when, help="Only older lines, as --since.")
@click.option("--grep", metavar="REGEX", callback=regex, help="Only lines that hold this: 'error|warn'.")
@click.option("--stderr", is_flag=True, help="Only the error output.")
@names_argument(required=False)
@click.pass_context
def logs(
    ctx: click.Context,
    follow: bool,
    lines: int | None,
    timestamps: bool,
    since: float | None,
    until: float | None,
    grep: Callable[[str], object] | None,
    stderr: bool,
    names: tuple[str, ...],
) -> int:
    """Shows the last output of processes, in the order of time."""
    from supervice.cli.logs import logs as show_logs

    if follow and until is not None:
        ctx.fail("--until ends what --follow goes on with; leave one of them out.")
    wanted = {"follow": follow, "stderr": stderr, "lines": lines, "since": since, "until": until}
    arguments = {key: value for key, value in wanted.items() if value is not None and value is not False}
    request = {"command": "logs", **arguments, **names_of(names)}
    socket, timeout = kept(ctx, "socket"), kept(ctx, "timeout")
    return show_logs(request, socket, timeout, bool(kept(ctx, "json")), times=timestamps, grep=grep)


@cli.command()
@common
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.pass_context
def events(ctx: click.Context, follow: bool) -> int:
    """Shows what happened."""
    return send(ctx, "events", follow=follow)


@cli.command()
@common
@click.argument("name", shell_complete=complete_names)
@click.pass_context
def why(ctx: click.Context, name: str) -> int:
    """Shows how a process ended the last times."""
    return send(ctx, "why", name=name)


@cli.command()
@common
@names_argument(required=False)
@click.pass_context
def schedule(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Shows what runs at which times, and the next five of each."""
    return send(ctx, "schedule", **names_of(names))


@cli.command()
@common
@click.option("--svg", metavar="FILE", help="Write it as a picture; - is stdout.")
@click.pass_context
def graph(ctx: click.Context, svg: str | None) -> int:
    """Shows which program needs which, and which waits for another."""
    from supervice.pictures.graph import graph_svg

    return send(ctx, "graph") if svg is None else draw(ctx, "graph", graph_svg, svg)


@cli.command()
@common
@click.option("--svg", metavar="FILE", help="Write it as a picture; - is stdout.")
@click.pass_context
def boot(ctx: click.Context, svg: str | None) -> int:
    """Shows when each process was started, and what it waited for."""
    from supervice.pictures.timeline import boot_svg

    return send(ctx, "boot") if svg is None else draw(ctx, "boot", boot_svg, svg)


@cli.command()
@common
@click.pass_context
def reopen(ctx: click.Context) -> int:
    """Opens the log files again (after an external rotation)."""
    return send(ctx, "reopen")


@cli.command()
@common
@names_argument(required=False)
@click.pass_context
def rotate(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Rotates the log files of processes, or all of them and the daemon's own, now."""
    return send(ctx, "rotate", **names_of(names))


@cli.command()
@common
@click.pass_context
def shell(ctx: click.Context) -> int:
    """Reads verbs line by line; also what supervicectl alone opens on a terminal."""
    return run_shell(kept(ctx, "socket"), cli.commands, run)


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
