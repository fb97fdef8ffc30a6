"""Checks the options of health and readiness that have to fit together."""

from __future__ import annotations

from supervice.models import HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.reader import Section

# The option that a check needs, by its type.
_NEEDS = {HealthCheckType.TCP: "port", HealthCheckType.SCRIPT: "command", HealthCheckType.HTTP: "url"}


def readiness_problems(
    ctx: Context, section: Section, where: str, values: dict[str, Any], check: dict[str, Any]
) -> None:
    """Reports what does not fit together; `values` and `check` are what the options of the program say."""
    given = section.options

    def error(option: str, message: str) -> None:
        value = given.get(option)
        _, file, line = value or ("", section.file, section.line)
        ctx.error(file, line, option, f"{where} {message}")

    for prefix in ("healthcheck_", "readiness_"):
        kind = check.get(f"{prefix}type", HealthCheckType.NONE)
        needed = _NEEDS.get(kind)
        if needed is not None and f"{prefix}{needed}" not in given:
            error(f"{prefix}type", f"{prefix}type = {kind.value} needs {prefix}{needed}; add it")
        if kind is HealthCheckType.NONE and f"{prefix}type" not in given:
            # the same option says what a missed ping leads to
            idle = (o for o in given if o in check and o.startswith(prefix))
            idle = (o for o in idle if o != "healthcheck_action" or not values.get("watchdog"))
            option = next(idle, None)
            if option is not None:
                error(option, f"{option} has no effect without {prefix}type; add it")
    ready = values.get("ready", "started")
    checked = check.get("readiness_type", HealthCheckType.NONE) is not HealthCheckType.NONE
    if ready == "check" and not checked:
        error("ready", "ready = check needs a readiness check; add readiness_type")
    if ready.startswith("log:") and _is_silent(values):
        error("ready", "ready = log: never matches, all output is discarded (NONE); keep one stream")
    if ready == "started" and values.get("ready_timeout") is not None:
        error("ready_timeout", "ready_timeout has no effect without ready; add it")
    if values.get("type") == "oneshot":
        for option in ("ready", "ready_timeout", "readiness_type", "watchdog"):
            value = values.get(option, check.get(option))
            if option in given and value not in ("started", HealthCheckType.NONE):
                error(
                    option,
                    f"{option} has no effect for a oneshot; remove it (others wait for NAME:completed)",
                )


def _is_silent(values: dict[str, Any]) -> bool:
    out = values.get("stdout_logfile") == "NONE"
    return out and (values.get("redirect_stderr") or values.get("stderr_logfile") == "NONE")
