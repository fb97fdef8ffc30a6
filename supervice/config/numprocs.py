"""Makes `numprocs` configurations out of one `ProgramConfig` that was built in Python."""

from __future__ import annotations

from supervice.lean.dataclasses import replace
from supervice.models import group_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.models import HealthCheckConfig, ProgramConfig

_START = "%(process_num)"
_LOGS = ("stdout_logfile", "stderr_logfile")
_TEXTS = ("command", "directory", *_LOGS, "process_name", "user", "ready", "pre_stop")


def expanded(program: ProgramConfig) -> list[ProgramConfig]:
    """Returns one configuration for each process: `program` itself when there is nothing to expand."""
    if program.numprocs == 1 and program.process_name is None and _START not in repr(program):
        return [program]
    first = program.numprocs_start
    return [_one(program, number) for number in range(first, first + program.numprocs)]


def _one(program: ProgramConfig, number: int) -> ProgramConfig:
    changes: dict[str, Any] = {
        name: _number(text, number) for name in _TEXTS if isinstance(text := getattr(program, name), str)
    }
    label = changes.get("process_name")
    if label is not None:
        owner = group_of(program)
        name = program.name if label == program.name else f"{owner}:{label}"
    elif program.numprocs == 1:
        name = label = program.name
    else:
        label = f"{number:02}"
        name = f"{program.name}:{label}"
    changes.update(
        name=name,
        process_name=label,
        program=program.name,
        numprocs=1,
        numprocs_start=0,
        healthcheck=_check(program.healthcheck, number),
        readiness=_check(program.readiness, number),
        environment={key: _number(value, number) for key, value in program.environment.items()},
        env_file=tuple([_number(path, number) for path in program.env_file]),
        secrets={key: _number(path, number) for key, path in program.secrets.items()},
    )
    return replace(program, **changes)


def _check(check: HealthCheckConfig, number: int) -> HealthCheckConfig:
    changes: dict[str, Any] = {}
    for name in ("command", "url"):
        text = getattr(check, name)
        if text is not None:
            changes[name] = _number(text, number)
    return replace(check, **changes) if changes else check


def _number(text: str, number: int) -> str:
    """Expands `%(process_num)s` and its formats, and leaves every other `%` alone."""
    if _START not in text:
        return text
    parts = text.split(_START)
    out = [parts[0]]
    for part in parts[1:]:
        end = 0
        while end < len(part) and part[end] in "0123456789" and end < 3:
            end += 1
        flags, conversion = part[:end], part[end : end + 1]
        if conversion == "s" and not flags:
            out.append(f"{number:02}{part[1:]}")
        elif conversion and conversion in "sdi":
            out.append(f"%{flags}{conversion}" % number + part[end + 1 :])
        else:
            out.append(_START + part)
    return "".join(out)
