"""Checks which options do not go with `overlap`, and which are doubtful beside it. Loaded where it is set."""

from __future__ import annotations

from supervice.models import HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.reader import Section

# These checks ask an address: with `listen` the old process answers there too.
_SHARED = ("tcp", "unix", "http")


def overlap_problems(
    ctx: Context, section: Section, where: str, values: dict[str, Any], check: dict[str, Any]
) -> None:
    """Reports them; `values` and `check` are the parsed options."""
    given = section.options
    _, file, line = given["overlap"]
    if not values.get("overlap"):
        return

    def error(message: str) -> None:
        ctx.error(file, line, "overlap", f"{where} {message}")

    def warning(message: str) -> None:
        ctx.warning(file, line, "overlap", f"{where} {message}")

    if values.get("schedule") or values.get("type") == "oneshot":
        error("overlap: a oneshot ends by itself and is not restarted; remove overlap")
        return
    if section.name.startswith("eventlistener:"):
        error("overlap: an event listener has one standard input; remove overlap")
        return
    if values.get("stdin") == "pipe":
        error("overlap does not go with stdin = pipe: two processes cannot share it; remove one")
    if "listen" not in given:
        warning(
            "overlap without listen: both processes run at the same time, and the new one cannot open a port"
            " that the old one has; add listen"
        )
    ready = values.get("ready", "started")
    kind = check.get("readiness_type", HealthCheckType.NONE)
    if ready == "started" and kind is HealthCheckType.NONE:
        warning(
            "overlap without ready: the old process is stopped when the new one has lived for startsecs;"
            " write ready = notify, fd:N or log:REGEX"
        )
    elif ready.partition(":")[0] in _SHARED or (
        ready in ("check", "started") and kind in (HealthCheckType.TCP, HealthCheckType.HTTP)
    ):
        warning(
            "overlap: where the address is one of listen, the old process answers the question whether the"
            " new one is ready; write ready = notify, fd:N or log:REGEX"
        )
    elif ready != "started" and values.get("ready_timeout") is None:
        warning(
            "overlap without ready_timeout: a new process that never becomes ready stays beside the old one;"
            " add ready_timeout"
        )
