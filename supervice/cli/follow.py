"""A stream of the daemon (`logs -f`, `events -f`), shown until the daemon or the user ends it."""

from __future__ import annotations

import os
import sys

from supervice.cli.event_lines import EventLines
from supervice.cli.log_lines import LogLines
from supervice.cli.terminal import DONE, FAILED, INTERRUPTED, UNREACHABLE, complain, look, write
from supervice.control.client import Unreachable, reach
from supervice.control.protocol import CommandError
from supervice.lean.json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def follow(request: dict[str, Any], socket: str | None, as_json: bool) -> int:
    """Shows what comes; the exit code."""
    lines = LogLines(prefix="name" not in request, terminal=sys.stdout.isatty())
    events = EventLines(look())
    try:
        with reach(socket, os.environ) as client:
            client.send(request)
            while (frame := client.receive(None)) is not None:
                if frame.get("status") != "ok":
                    complain(str(frame.get("message") or frame.get("code")))
                    return FAILED
                write(_text(frame, lines, events, as_json))
                sys.stdout.flush()
        write(lines.end())
    except (Unreachable, CommandError) as error:
        complain(str(error))
        return UNREACHABLE
    except KeyboardInterrupt:
        write(lines.end())
        return INTERRUPTED
    return DONE


def _text(frame: dict[str, Any], lines: LogLines, events: EventLines, as_json: bool) -> str:
    if as_json:
        return dumps(frame) + "\n"
    if isinstance(frame.get("event"), dict):
        return events.line(frame["event"])
    return lines.add(frame)
