"""Shows a stream of the daemon (`logs -f`, `events -f`) until the daemon or the user ends it."""

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
    from collections.abc import Callable
    from typing import Any


def follow(
    request: dict[str, Any],
    socket: str | None,
    as_json: bool,
    lines: LogLines | None = None,
    grep: Callable[[str], object] | None = None,
) -> int:
    """Shows what comes, output by way of `lines`; returns the exit code.

    `grep` is for JSON, which has no `lines`.
    """
    lines = lines or LogLines(prefix="name" not in request, terminal=sys.stdout.isatty())
    events = EventLines(look())
    try:
        with reach(socket, os.environ) as client:
            client.send(request)
            while (frame := client.receive(None)) is not None:
                if frame.get("status") != "ok":
                    complain(str(frame.get("message") or frame.get("code")))
                    return FAILED
                if as_json and grep is not None:
                    frame = _only(frame, grep)
                    if not frame["data"]:
                        continue
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


def _only(frame: dict[str, Any], grep: Callable[[str], object]) -> dict[str, Any]:
    """Returns the frame with only those of its lines that `grep` finds."""
    lines = str(frame.get("data", "")).splitlines(keepends=True)
    return {**frame, "data": "".join(line for line in lines if grep(line.rstrip("\n")))}


def _text(frame: dict[str, Any], lines: LogLines, events: EventLines, as_json: bool) -> str:
    if as_json:
        return dumps(frame) + "\n"
    if isinstance(frame.get("event"), dict):
        return events.line(frame["event"])
    return lines.add(frame)
