"""Answers what the daemon runs with: its settings, its programs' options, a program's environment.

Loaded with the first such request. A value that may be a secret leaves the daemon only when a client asks for
it, and only root and the daemon's own user may ask (`control.access`).
"""

from __future__ import annotations

import os

from supervice.config.build import section_of
from supervice.config.effective import HIDDEN, plain, program_values, supervisor_values
from supervice.config.options import KIND, NAME
from supervice.control.protocol import FAILED, INVALID_REQUEST, CommandError
from supervice.lean.loop import paced, running_loop
from supervice.models import program_of
from supervice.pid1.spawn import SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.pid1.spawn import Order
    from supervice.process import Process
    from supervice.supervision.interface import Daemon

    Reply = dict[str, Any]

# A variable with one of these in its name is masked, wherever it comes from.
_SECRET = ("PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE", "APIKEY")
_SECRET_ENDS = ("_KEY", "_PW", "_PASS", "_PWD", "_AUTH", "_DSN")


async def surroundings(daemon: Daemon, process: Process, argv: list[str]) -> tuple[Order, dict[str, str]]:
    """Returns how the program would be started now, and its environment including what each run adds.

    CommandError when a file or the user cannot be had.
    """
    launcher, name = daemon.table.launcher, process.config.name
    if launcher is None:
        raise CommandError(FAILED, f"{name}: the daemon is not running yet")
    await launcher.ask_files([process.config])
    if launcher.is_unanswered(name):
        raise CommandError(FAILED, f"{name}: the mount with its env_file or secrets does not answer")
    try:
        order = launcher.order(process.config, argv, 0, 1, 2)
    except SpawnError as error:
        raise CommandError(FAILED, f"{name}: {error}") from None
    environment = dict(order.env)
    if process.pid is not None:
        environment.update(launcher.notify_variables(process.config))
    return order, environment


async def environment(daemon: Daemon, processes: list[Process], *, secrets: bool) -> Reply:
    """Returns the variables of one process by name; `masked` lists those whose values are hidden."""
    if len(processes) != 1:
        names = ", ".join(process.config.name for process in processes)
        raise CommandError(INVALID_REQUEST, f"env takes one process; name one of {names}")
    config = processes[0].config
    _, found = await surroundings(daemon, processes[0], ["env"])
    shown = dict(sorted(found.items()))
    masked = [] if secrets else [name for name in shown if name in config.secrets or _is_secret(name)]
    for name in masked:
        shown[name] = HIDDEN
    if not secrets:
        for name, value in shown.items():
            without = _without_password(value)
            if without != value:
                shown[name] = without
                masked.append(name)
    return {"status": "ok", "name": config.name, "masked": sorted(masked), "environment": shown}


def _is_secret(name: str) -> bool:
    upper = name.upper()
    return upper.endswith(_SECRET_ENDS) or any(word in upper for word in _SECRET)


def _without_password(value: str) -> str:
    """Returns a URL with its password masked: scheme://user:***@host."""
    scheme, slashes, rest = value.partition("://")
    authority = rest.partition("/")[0]
    user, colon, _ = authority.rpartition("@")[0].partition(":")
    if not slashes or not colon:
        return value
    host = authority.rpartition("@")[2]
    return f"{scheme}://{user}:{HIDDEN}@{host}{rest[len(authority) :]}"


async def configuration(daemon: Daemon, processes: list[Process] | None) -> Reply:
    """Returns the settings in effect and all options of these processes; None: the names of all processes.

    Yields to the loop in between: there may be thousands of programs.
    """
    source, dialect = daemon.source, "supervisord" if daemon.source.stock else "supervice"
    settings = {
        row[NAME]: plain(row[KIND], value) for row, value in supervisor_values(daemon.config, dialect)
    }
    whole = processes is not None
    named = list(daemon.table.processes.values()) if processes is None else processes
    rows = [_row(process, daemon, whole=whole) async for process in paced(running_loop(), named)]
    return {
        "status": "ok",
        "file": source.path or None,
        "files": list(source.files),
        "directory": source.directory,
        "dialect": dialect,
        "pid": os.getpid(),
        "overrides": sorted(source.overrides),
        "settings": settings,
        "programs": rows,
    }


def _row(process: Process, daemon: Daemon, *, whole: bool) -> Reply:
    config = daemon.table.configured(process.config.name)
    row: Reply = {
        "name": config.name,
        "program": program_of(config),
        "command": process.foreground is not None,
    }
    if not whole or process.foreground is not None:
        return row
    values = program_values(config, daemon.source.stock)
    options = {option[NAME]: plain(option[KIND], value) for option, value in values}
    for name in ("numprocs", "numprocs_start"):  # of the program, not of its process
        options.pop(name, None)
    return {**row, "section": section_of(config), "group": config.group, "options": options}
