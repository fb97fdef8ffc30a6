"""Checks that the options of a program fit together, and finds those that look like mistakes."""

from __future__ import annotations

from supervice.models import CHECK_NEEDS, HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.reader import Section

# What makes a command doubtful: a character or word that only a shell understands, or a word that sends it to
# the background. A hit makes the daemon load `doubts`, so the arguments of a shell itself do not count.
_SHELL = frozenset("&|<>$`~;")
_SHELLS = frozenset(("sh", "bash", "dash", "ash", "zsh", "ksh"))
# fmt: off
SUSPECTS = frozenset((
    "service", ".", "cd", "eval", "exec", "export", "for", "if", "set", "shopt", "source", "trap", "ulimit",
    "umask", "unset", "until", "while",
))
# fmt: on
# Programs that end soon by themselves: a failed start where they have to live for `startsecs`.
# fmt: off
BRIEF = frozenset((
    ":", "[", "chgrp", "chmod", "chown", "cp", "date", "echo", "exit", "false", "install", "ldconfig", "ln",
    "ls", "mkdir", "mkfifo", "mv", "printf", "rm", "rmdir", "sysctl", "test", "touch", "true",
))
# fmt: on
_AWAY = ("-daemon", "--detach", "--background", "--fork")


def is_doubtful(section: Section, values: dict[str, Any], stock: bool) -> bool:
    """Returns whether `doubts` may have a warning. Cheap: it runs for every program at every start."""
    given = section.options
    command = given["command"][0] if "command" in given else ""
    first, _, rest = command.partition(" ")
    name = first.rpartition("/")[2]
    if not (name in _SHELLS or _SHELL.isdisjoint(command)):
        return True
    if name in SUSPECTS or "=" in first or "/init.d/" in first:
        return True
    if "-" in rest and any(word in rest for word in _AWAY):
        return True
    if stock and "startsecs" not in given and (name in BRIEF or (name in _SHELLS and _has_brief(rest))):
        return True
    if any("\n" in text for text, _, _ in given.values()):
        return True
    pairs = given.get("environment", ("",))[0]
    return bool(pairs) and pairs.count("=") > len(values.get("environment", ()))


def _has_brief(words: str) -> bool:
    return not BRIEF.isdisjoint(words.replace('"', " ").replace("'", " ").split())


def readiness_problems(
    ctx: Context, section: Section, where: str, values: dict[str, Any], check: dict[str, Any]
) -> None:
    """Reports options that do not fit together; `values` and `check` are the parsed options."""
    given = section.options

    def error(option: str, message: str) -> None:
        value = given.get(option)
        _, file, line = value or ("", section.file, section.line)
        ctx.error(file, line, option, f"{where} {message}")

    for prefix in ("healthcheck_", "readiness_"):
        kind = check.get(f"{prefix}type", HealthCheckType.NONE)
        needed = CHECK_NEEDS.get(kind)
        if needed is not None and f"{prefix}{needed}" not in given:
            error(f"{prefix}type", f"{prefix}type = {kind.value} needs {prefix}{needed}; add it")
        if kind is HealthCheckType.NONE and f"{prefix}type" not in given:
            # the option also says what a missed ping leads to
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
    if "memory_limit_action" in given and values.get("memory_limit") is None:
        error("memory_limit_action", "memory_limit_action has no effect without memory_limit; add it")
    if "memory_limit" in given and (values.get("type") == "oneshot" or values.get("schedule")):
        error(
            "memory_limit",
            "memory_limit has no effect for a oneshot, which is never RUNNING; write rlimit_as",
        )
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
