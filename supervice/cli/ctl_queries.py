"""The verbs of `supervicectl` that only look, built with click; `ctl_commands` has the others."""

from __future__ import annotations

from collections.abc import Callable

import click

from supervice.cli.ctl_options import (
    DELAY,
    a_time,
    common,
    complete_names,
    draw,
    example,
    kept,
    names_argument,
    regex,
    send,
    when,
)
from supervice.cli.replies import names_of

SINCE = "Only newer lines: 5m, 12:30, 2026-01-31T12:30Z (default: all)."


@click.command(epilog=example("status -o wide"))
@common
@click.option("-w", "--watch", is_flag=True, help="Refresh, with CPU and memory, until Ctrl-C.")
@click.option("-d", "--delay", default="2s", metavar="TIME", callback=a_time, help=DELAY)
@names_argument(required=False)
@click.pass_context
def status(ctx: click.Context, names: tuple[str, ...], watch: bool, delay: float) -> int:
    """Shows the state of each process."""
    if watch:
        from supervice.cli.status_watch import watch_status

        return watch_status(names_of(names), kept(ctx, "socket"), delay)
    return send(ctx, "status", **names_of(names))


@click.command(epilog=example("config web"))
@common
@names_argument(required=False)
@click.pass_context
def config(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Shows the settings in effect, with the origin of each value.

    A value that has changed in the file since then is marked. Values that may be secrets are masked.
    """
    from supervice.cli.configuration import show_configuration

    return show_configuration(names, kept(ctx, "socket"), kept(ctx, "timeout"), bool(kept(ctx, "json")))


@click.command(epilog=example("env web"))
@common
@click.option("--show-secrets", is_flag=True, help="Show secrets too (default: masked).")
@click.argument("name", shell_complete=complete_names)
@click.pass_context
def env(ctx: click.Context, show_secrets: bool, name: str) -> int:
    """Shows the environment variables of a program.

    Values from `secrets`, and values whose name says password, token or key, are masked.
    """
    from supervice.cli.configuration import show_environment

    where = kept(ctx, "socket"), kept(ctx, "timeout"), bool(kept(ctx, "json"))
    return show_environment(name, *where, secrets=show_secrets)


@click.command(epilog=example("pid web"))
@common
@click.argument("name", required=False, shell_complete=complete_names)
@click.pass_context
def pid(ctx: click.Context, name: str | None) -> int:
    """Shows the pid of a process, or of the daemon."""
    return send(ctx, "pid", name=name)


@click.command(epilog=example("health --ready"))
@common
@click.option("--live", "kind", flag_value="live", help="Only liveness: must the container be restarted?")
@click.option("--ready", "kind", flag_value="ready", help="Only readiness: can it do its work?")
@names_argument(required=False)
@click.pass_context
def health(ctx: click.Context, kind: str | None, names: tuple[str, ...]) -> int:
    """Checks health; the exit code is 0 if healthy, 1 if not."""
    return send(ctx, "health", kind=kind, **names_of(names))


@click.command(epilog=example("version"))
@common
@click.pass_context
def version(ctx: click.Context) -> int:
    """Shows the version of the daemon."""
    return send(ctx, "version")


@click.command(epilog=example("logs -f --grep 'error|warn' web worker:*"))
@common
@click.option("-f", "--follow", is_flag=True, help="Keep showing new output.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    metavar="N",
    help="The last N lines of each process (default: 10; with --since or --grep, all kept lines).",
)
@click.option("-t", "--timestamps", is_flag=True, help="Print the time of each line.")
@click.option("--since", metavar="WHEN", callback=when, help=SINCE)
@click.option("--until", metavar="WHEN", callback=when, help="Only older lines, as --since (default: all).")
@click.option(
    "--grep",
    metavar="REGEX",
    callback=regex,
    help="Only lines that match, such as 'error|warn' (default: all).",
)
@click.option("--stderr", is_flag=True, help="Only stderr.")
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
    """Shows the last output of processes, oldest line first."""
    from supervice.cli.logs import logs as show_logs

    if follow and until is not None:
        ctx.fail("--until ends what --follow goes on with; leave one of them out.")
    wanted = {"follow": follow, "stderr": stderr, "lines": lines, "since": since, "until": until}
    arguments = {key: value for key, value in wanted.items() if value is not None and value is not False}
    request = {"command": "logs", **arguments, **names_of(names)}
    socket, timeout = kept(ctx, "socket"), kept(ctx, "timeout")
    return show_logs(request, socket, timeout, bool(kept(ctx, "json")), times=timestamps, grep=grep)


@click.command(epilog=example("events -f"))
@common
@click.option("-f", "--follow", is_flag=True, help="Keep showing new events.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    metavar="N",
    help="The last N events (default: all kept events; with -f, only new ones).",
)
@click.pass_context
def events(ctx: click.Context, follow: bool, lines: int | None) -> int:
    """Shows the last events: changes of state, reloads, exits."""
    return send(ctx, "events", follow=follow, lines=lines)


@click.command(epilog=example("why web"))
@common
@click.argument("name", shell_complete=complete_names)
@click.pass_context
def why(ctx: click.Context, name: str) -> int:
    """Explains the state of a process, and shows its last exits."""
    return send(ctx, "why", name=name)


@click.command(epilog=example("schedule"))
@common
@names_argument(required=False)
@click.pass_context
def schedule(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Shows the schedules, and the next five times of each."""
    return send(ctx, "schedule", **names_of(names))


@click.command(epilog=example("graph"))
@common
@click.option("--svg", metavar="FILE", help="Write an SVG picture to FILE, or - for stdout (default: text).")
@click.pass_context
def graph(ctx: click.Context, svg: str | None) -> int:
    """Shows which program depends on which, and which waits."""
    from supervice.pictures.graph import graph_svg

    return send(ctx, "graph") if svg is None else draw(ctx, "graph", graph_svg, svg)


@click.command(epilog=example("boot --svg boot.svg"))
@common
@click.option("--svg", metavar="FILE", help="Write an SVG picture to FILE, or - for stdout (default: text).")
@click.pass_context
def boot(ctx: click.Context, svg: str | None) -> int:
    """Shows when each process started, and what it waited for."""
    from supervice.pictures.timeline import boot_svg

    return send(ctx, "boot") if svg is None else draw(ctx, "boot", boot_svg, svg)


QUERIES: tuple[click.Command, ...] = (
    status,
    config,
    env,
    pid,
    health,
    version,
    logs,
    events,
    why,
    schedule,
    graph,
    boot,
)
