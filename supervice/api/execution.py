"""Answers what a program is started with, so that a client can become a process beside it (`exec`).

The daemon runs nothing here: a process that it started on a terminal of another session would have no
/dev/tty, no job control and no Ctrl-C. Loaded with the first `exec`.
"""

from __future__ import annotations

import os
import resource

from supervice import logger
from supervice.api.configuration import surroundings
from supervice.control.protocol import FAILED, INVALID_REQUEST, CommandError
from supervice.lean.dataclasses import replace
from supervice.models import Limits
from supervice.pid1.identity import resolve
from supervice.pid1.limits import Impossible, facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.pid1.spawn import Order
    from supervice.process import Process
    from supervice.supervision.interface import Daemon

    Reply = dict[str, Any]

EVENT = "EXEC"
NAMES = tuple(sorted(name[7:].lower() for name in dir(resource) if name.startswith("RLIMIT_")))
_HOME = ("HOME", "USER", "LOGNAME")


async def execution(
    daemon: Daemon, processes: list[Process], argv: tuple[str, ...], user: str | None
) -> Reply:
    """Returns what a process beside the program has to take on before it becomes `argv`.

    `user` replaces the program's own. Texts have one character per byte.
    """
    if len(processes) != 1:
        names = ", ".join(process.config.name for process in processes)
        raise CommandError(INVALID_REQUEST, f"exec takes one process; name one of {names}")
    name = processes[0].config.name
    if not argv:
        raise CommandError(INVALID_REQUEST, f"exec needs a command; write: exec {name} -- sh")
    order, environment = await surroundings(daemon, processes[0], list(argv))
    launcher = daemon.table.launcher
    assert launcher is not None  # or there were no surroundings
    try:
        if user is not None:
            order = _as_user(order, environment, user, own=launcher.own_identity)
        expendable = launcher.runtime.spawner.oom_score_adj
        reply = _spelled(order, environment, order.limits or Limits(), expendable)
    except (Impossible, OSError) as error:
        raise CommandError(FAILED, f"{name}: {error}") from None
    # the arguments may hold a secret
    logger.info(
        f"{name}: a client runs {argv[0]} beside it (exec{'' if user is None else f', as user {user}'})"
    )
    daemon.journal.note(EVENT, name, argv[0])
    return {"status": "ok", "name": name, "message": f"{name} lends its surroundings", **reply}


def _as_user(order: Order, environment: dict[str, str], user: str, own: Any) -> Order:
    """Returns the order for another user, who gets its own home in place of the program's."""
    try:
        identity = resolve(user)
    except LookupError as error:
        raise CommandError(FAILED, str(error)) from None
    before = order.identity or own
    had = (before.home, before.name, before.name) if before is not None else _of_daemon(environment)
    new = (identity.home, identity.name, identity.name)
    for name, old, value in zip(_HOME, had, new, strict=True):
        if environment.get(name, old) == old:
            environment.pop(name, None)
            if value:
                environment[name] = value
    return replace(order, identity=identity)


def _of_daemon(environment: dict[str, str]) -> tuple[str, ...]:
    """Returns the variables of the daemon's own environment that tell of its user."""
    return tuple(os.environ.get(name, environment.get(name, "")) for name in _HOME)


def _spelled(order: Order, environment: dict[str, str], limits: Limits, oom_score_adj: int | None) -> Reply:
    """Returns the order as JSON, with our own values where the configuration says nothing."""
    umask = order.umask
    if umask is None:
        umask = os.umask(0o077)
        os.umask(umask)
    identity = order.identity
    own = facts()
    set_ = {name: (soft, hard) for name, soft, hard in limits.rlimits}
    rlimits = {}
    for name in NAMES:
        try:
            inherited = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
        except (OSError, ValueError):  # one that this kernel does not have
            continue
        rlimits[name] = set_.get(name, inherited)
    return {
        "environment": [_text(f"{name}={value}") for name, value in environment.items()],
        "directory": _text(order.directory or os.getcwd()),
        "umask": umask,
        "uid": os.geteuid() if identity is None else identity.uid,
        "gid": os.getegid() if identity is None else identity.gid,
        "groups": sorted(os.getgroups() if identity is None else identity.groups),
        "nice": os.getpriority(os.PRIO_PROCESS, 0) if limits.nice is None else limits.nice,
        "oom_score_adj": oom_score_adj if limits.oom_score_adj is None else limits.oom_score_adj,
        "no_new_privs": limits.no_new_privs or own["NoNewPrivs"] == 1,
        "capabilities": None if limits.capabilities is None else list(limits.capabilities),
        "bounding": own["CapBnd"],
        "rlimits": [[name, *pair] for name, pair in rlimits.items()],
    }


def _text(text: str) -> str:
    return os.fsencode(text).decode("latin-1")
