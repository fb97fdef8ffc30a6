"""Checks that the options of `listen` fit together, and turns them into its fields.

Loaded where one of them is set.
"""

from __future__ import annotations

import os

from supervice.config.context import LONGEST_SOCKET
from supervice.models import ListenConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.reader import Section

FIRST_FD = 3  # as sd_listen_fds(3) has it
_OPTIONS = ("listen_stdin", "listen_backlog", "listen_mode", "listen_owner")


def listen_problems(ctx: Context, section: Section, where: str, values: dict[str, Any]) -> None:
    """Reports options that do not fit together; `values` are the parsed options."""
    given = section.options

    def error(option: str, message: str) -> None:
        _, file, line = given.get(option) or ("", section.file, section.line)
        ctx.error(file, line, option, f"{where} {message}")

    if "listen" not in given:
        for option in _OPTIONS:
            if option in given:
                error(option, f"{option} does nothing without listen; add it")
        return
    sockets = values.get("listen") or ()
    for _, address in sockets:
        size = len(os.fsencode(address[5:]))
        if address.startswith("unix:") and size > LONGEST_SOCKET:
            told = f"its path has {size} bytes, a Unix socket at most {LONGEST_SOCKET}; write a shorter one"
            error("listen", f"listen: {address[:60]}...: {told}")
    if values.get("schedule") or values.get("type") == "oneshot":
        error("listen", "listen: a oneshot serves no socket that is kept open; remove listen")
    if values.get("listen_stdin") and values.get("stdin") == "pipe":
        error("listen_stdin", "listen_stdin = true does not go with stdin = pipe; remove one")
    way, _, number = values.get("ready", "started").partition(":")
    last = FIRST_FD + len(sockets) - 1
    if way == "fd" and int(number) <= last:
        error("ready", f"ready = fd:{number}: listen takes descriptors up to {last}; write fd:{last + 1}")
    if not any(address.startswith("unix:") for _, address in sockets):
        for option in ("listen_mode", "listen_owner"):
            if option in given and sockets:
                error(option, f"{option} is for unix sockets, and listen has none; remove it")


def nest(fields: dict[str, Any]) -> None:
    """Moves the options of `listen` among a program's fields to where they belong."""
    more = {name[7:]: fields.pop(name) for name in list(fields) if name.startswith("listen_")}
    if fields["listen"]:
        fields["listen"] = ListenConfig(fields["listen"], **more)
