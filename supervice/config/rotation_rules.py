"""Checks that the options for rotating log files by time fit together. Loaded where one of them is set."""

from __future__ import annotations

from supervice.schedules import zones

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervice.config.context import Context

BY_TIME = ("_rotate", "_suffix")


def rotation_problems(
    ctx: Context, given: Mapping[str, tuple[str, str, int]], where: str, values: Mapping[str, Any]
) -> None:
    """Reports what does not fit; `given` has the options as written, `values` the parsed ones."""
    for option in given:
        prefix, underscore, word = option.rpartition("_")
        if underscore + word not in BY_TIME or option not in values:
            continue
        _, file, line = given[option]
        path = "--logfile may name it" if prefix == "log" else values.get(prefix) or "NONE"
        if path.upper() in ("NONE", "OFF") or path.startswith(("/dev/", "/proc/")):
            ctx.error(file, line, option, f"{where} {option} does nothing without {prefix} = PATH; add it")
        elif word == "rotate" and values.get(f"{prefix}_backups") == 0:
            ctx.warning(
                file,
                line,
                option,
                f"{where} {option}: {prefix}_backups = 0 keeps nothing: the file is emptied at these times; "
                "write 1 or more",
            )
        try:
            zones.find(None, ctx.environ)
        except ValueError as error:
            ctx.error(file, line, option, f"{where} {option}: {error}")
