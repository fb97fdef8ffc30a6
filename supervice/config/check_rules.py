"""Options of health and readiness that do not fit together."""

from __future__ import annotations

from supervice.models import HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.reader import Section

# What a check cannot do without, by its type.
_NEEDS = {HealthCheckType.TCP: "port", HealthCheckType.SCRIPT: "command", HealthCheckType.HTTP: "url"}


def readiness_problems(
    ctx: Context, section: Section, where: str, values: dict[str, Any], check: dict[str, Any]
) -> None:
    """Complains; `values` and `check` are what the options of the program say."""
    given = section.options

    def error(option: str, message: str) -> None:
        value = given.get(option)
        _, file, line = value or ("", section.file, section.line)
        ctx.error(file, line, option, f"{where} {message}")

    for prefix in ("healthcheck_", "readiness_"):
        kind = check.get(f"{prefix}type", HealthCheckType.NONE)
        needed = _NEEDS.get(kind)
        if needed is not None and f"{prefix}{needed}" not in given:
            error(f"{prefix}type", f"{prefix}type = {kind.value}: add {prefix}{needed}")
        if kind is HealthCheckType.NONE and f"{prefix}type" not in given:
            # what a missed ping leads to is said by the same option
            idle = (o for o in given if o in check and o.startswith(prefix))
            idle = (o for o in idle if o != "healthcheck_action" or not values.get("watchdog"))
            option = next(idle, None)
            if option is not None:
                error(option, f"{option} does nothing without {prefix}type, add it")
    ready = values.get("ready", "started")
    checked = check.get("readiness_type", HealthCheckType.NONE) is not HealthCheckType.NONE
    if ready == "check" and not checked:
        error("ready", "ready = check: there is no readiness check, add readiness_type")
    if ready.startswith("log:") and _is_silent(values):
        error("ready", "ready = log: sees nothing: its output is discarded (NONE)")
    if ready == "started" and values.get("ready_timeout") is not None:
        error("ready_timeout", "ready_timeout does nothing without ready, add it")
    if values.get("type") == "oneshot":
        for option in ("ready", "ready_timeout", "readiness_type", "watchdog"):
            value = values.get(option, check.get(option))
            if option in given and value not in ("started", HealthCheckType.NONE):
                error(option, f"{option} does nothing for a oneshot: others wait for NAME:completed")


def _is_silent(values: dict[str, Any]) -> bool:
    out = values.get("stdout_logfile") == "NONE"
    return out and (values.get("redirect_stderr") or values.get("stderr_logfile") == "NONE")
