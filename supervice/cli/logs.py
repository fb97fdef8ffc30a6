"""`supervicectl logs`: asks for the last lines or follows new ones, and shows those that match."""

from __future__ import annotations

import sys

from supervice.cli.log_lines import LogLines
from supervice.cli.replies import fetch, show
from supervice.cli.terminal import colored, write
from supervice.lean.json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Request = dict[str, Any]
    Grep = Callable[[str], object]

EVERY = 1_000_000  # lines: all that are kept


def has_many(request: Request) -> bool:
    """Returns whether several processes may answer; then each line begins with a name."""
    name = request.get("name")
    return name is None or name == "all" or str(name).endswith(":*")


def logs(
    request: Request,
    socket: str | None,
    timeout: float | None = None,
    as_json: bool = False,
    *,
    times: bool = False,
    grep: Grep | None = None,
) -> int:
    """Shows what the request asks for; returns the exit code. `grep` finds the wanted lines."""
    lines = LogLines(
        has_many(request), sys.stdout.isatty(), times=times, grep=grep, color=colored(sys.stdout)
    )
    if request.get("follow"):
        from supervice.cli.follow import follow

        return follow(request, socket, as_json, lines if not as_json else None, grep)
    most = request.get("lines")
    if grep is not None or "since" in request or "until" in request:
        request = {**request, "lines": most if most is not None and grep is None else EVERY}
    reply, code = fetch(request, socket, timeout)
    if reply is None:
        return code
    if reply.get("status") != "ok":
        return show(request, reply, as_json)
    frames = [frame for frame in reply.get("logs", ()) if isinstance(frame, dict)]
    if grep is not None:
        frames = [frame for frame in frames if grep(str(frame.get("data", "")).removesuffix("\n"))]
        frames = last(frames, most) if most is not None else frames
    if as_json:
        write(dumps({**reply, "logs": frames}) + "\n")
        return 0
    lines.expect(str(frame.get("name", "")) for frame in frames)
    write("".join(map(lines.add, frames)) + lines.end())
    return 0


def last(frames: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Returns the last `most` lines of each process."""
    left: dict[object, int] = {}
    kept = []
    for frame in reversed(frames):
        name = frame.get("name")
        left[name] = left.get(name, most) - 1
        if left[name] >= 0:
            kept.append(frame)
    return kept[::-1]
