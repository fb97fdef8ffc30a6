"""The verbs of `supervicectl` that use the caller's terminal: `exec`, `attach` and `top`."""

from __future__ import annotations

import click

from supervice.cli.ctl_options import (
    DELAY,
    a_time,
    common,
    common_but_s,
    complete_names,
    example,
    kept,
    names_argument,
)
from supervice.cli.replies import names_of


@click.command(
    epilog=example("exec web -- sh"),
    name="exec",
    short_help="Runs a command with the settings of a program.",
    context_settings={"allow_interspersed_args": False},
)
@common
@click.option(
    "-e",
    "--env",
    "variables",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="Set a variable, or pass on yours.",
)
@click.option("-u", "--user", metavar="USER", help="Run as this user instead of the program's.")
@click.option("-w", "--directory", metavar="DIR", help="Run in this directory instead of the program's.")
@click.argument("name", shell_complete=complete_names)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND...")
@click.pass_context
def exec_(
    ctx: click.Context,
    variables: tuple[str, ...],
    user: str | None,
    directory: str | None,
    name: str,
    command: tuple[str, ...],
) -> int:
    """Runs COMMAND with the settings of a program: user, environment, secrets, directory and limits.

    The program need not run, and stopping it does not stop COMMAND. The exit code is that of COMMAND; 126: a
    setting of the program cannot be taken on, 127: the command is not found.
    """
    from supervice.cli.execution import execute

    if command[0] != "--" and command[0].startswith("-"):
        raise click.UsageError(
            f"{command[0]} stands behind {name}; write supervicectl exec [OPTIONS] NAME -- COMMAND"
        )
    words = command[1:] if command[0] == "--" else command
    where = kept(ctx, "socket"), kept(ctx, "timeout")
    return execute(name, words, *where, variables=variables, user=user, directory=directory)


@click.command(epilog=example("attach console"))
@common
@click.option(
    "--detach-keys", default="ctrl-p,ctrl-q", show_default=True, metavar="KEYS", help="The keys that detach."
)
@click.option("--eof", is_flag=True, help="At the end of your input, close the program's.")
@click.argument("name", shell_complete=complete_names)
@click.pass_context
def attach(ctx: click.Context, detach_keys: str, eof: bool, name: str) -> int:
    """Types to a program with stdin = pipe, and shows its output.

    The detach keys, the end of input and Ctrl-C leave the program running. Input from a pipe is passed on to
    its end, then output is shown until it pauses. The client stays attached when the program restarts.
    """
    from supervice.cli.attach import attach as attach_to
    from supervice.cli.detach_keys import parse

    try:
        keys = parse(detach_keys)
    except ValueError as error:
        raise click.UsageError(f"--detach-keys: {error}") from None
    return attach_to(name, keys, eof, kept(ctx, "socket"))


@click.command(epilog=example("top"))
@common_but_s
@click.option("-d", "--delay", default="2s", metavar="TIME", callback=a_time, help=DELAY)
@click.option(
    "-s",
    "--sort",
    type=click.Choice(["cpu", "mem", "name"]),
    default="cpu",
    help="Sort by this column (default: cpu).",
)
@names_argument(required=False)
@click.pass_context
def top(ctx: click.Context, delay: float, sort: str, names: tuple[str, ...]) -> int:
    """Shows CPU and memory of processes; h lists the keys, q quits."""
    from supervice.cli.top import top as run_top

    return run_top(names_of(names), kept(ctx, "socket"), delay, sort)
