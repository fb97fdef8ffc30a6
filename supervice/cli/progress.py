"""The live line on stderr while an action takes its time: which processes it waits for, and how long."""

from __future__ import annotations

import os
import sys
import time

from supervice.cli.terminal import ellipsis, width_of, write
from supervice.control.client import Unreachable, call
from supervice.control.columns import Look
from supervice.control.protocol import SETTLES, CommandError, verbs
from supervice.control.render import clean, duration, shown_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIRST, NEXT = 0.5, 0.5  # seconds until the first line, and between two
MOST = 3  # names in a line
ERASE = "\r\x1b[K"
# States of processes that these verbs still wait for.
GOING = frozenset(("STARTING", "STOPPING", "BACKOFF", "WAITING"))
UNTIL_REST = {"stop", "stopgroup", "shutdown"}


def wanted(command: str) -> bool:
    """Returns whether there is a terminal that can show the progress of this verb."""
    return command in verbs(SETTLES) and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Progress:
    """The line of one wait. `idle()` shows it and returns the seconds until it is due again."""

    def __init__(self, request: dict[str, Any], socket: str | None) -> None:
        self._request = request
        self._socket = socket
        self._begun = time.monotonic()
        self._shown = False

    def idle(self) -> float:
        elapsed = time.monotonic() - self._begun
        if elapsed < FIRST:
            return FIRST - elapsed
        look = Look(max(1, width_of(sys.stderr) - 1), ellipsis=ellipsis(sys.stderr))
        write(ERASE + look.cut(line(self._request, self._rows(), elapsed)), sys.stderr)
        sys.stderr.flush()
        self._shown = True
        return NEXT

    def end(self) -> None:
        """Erases the line."""
        if self._shown:
            write(ERASE, sys.stderr)
            sys.stderr.flush()

    def _rows(self) -> list[dict[str, Any]]:
        request: dict[str, Any] = {"command": "status"}
        names = [name for name in (self._request.get("name"), *self._request.get("names", ())) if name]
        if names and self._request["command"] in ("startgroup", "stopgroup"):
            names = [f"{names[0]}:*"]
        if names:
            request["names"] = names
        try:
            reply = call(request, self._socket, os.environ, 1.0)
        except (Unreachable, CommandError, OSError, ValueError):
            return []
        return [row for row in reply.get("processes", ()) if isinstance(row, dict)]


def line(request: dict[str, Any], rows: list[dict[str, Any]], elapsed: float) -> str:
    """Returns `waiting for web (STOPPING; SIGKILL in 8.0 s), 2.1 s so far`."""
    command = request["command"]
    if command in UNTIL_REST or (command == "wait" and request.get("for") == "exited"):
        going = [row for row in rows if row.get("state") not in ("STOPPED", "EXITED", "FATAL")]
    elif command == "wait":
        going = [row for row in rows if shown_state(row) in GOING or not row.get("ready")]
    else:
        going = [row for row in rows if shown_state(row) in GOING]
    words = []
    for row in going[:MOST]:
        following = f"; {clean(row['next'])}" if row.get("next") else ""
        words.append(f"{clean(row.get('name', '?'))} ({shown_state(row)}{following})")
    if len(going) > MOST:
        words.append(f"and {len(going) - MOST} more")
    return f"waiting for {', '.join(words) or 'the daemon'}, {duration(elapsed)} so far"
