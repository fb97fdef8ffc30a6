"""Returns the values in effect, option by option, as JSON has them, wherever they come from.

`check --explain` shows those of a file, the daemon those that it runs with. Loaded when one of them is asked
for. Values that may be secrets are left out, except for variables that were expanded in a command.
"""

from __future__ import annotations

from supervice.config.build import section_of
from supervice.config.options import DIALECTS, EFFECT, FIELDS, NAME, OURS_ONLY, rows
from supervice.config.values import signal_name
from supervice.models import HealthCheckConfig, Limits, ListenerConfig, SupervisorConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from supervice.config.options import Row
    from supervice.models import ProgramConfig

HIDDEN = "***"
_CHECKS = ("healthcheck", "readiness")
# Options that fill fields of another class, and its field for the option without a suffix.
_OWNERS = {"schedule": "lines", "watch": "paths", "listen": "sockets"}


def program_values(config: ProgramConfig, stock: bool) -> Iterator[tuple[Row, Any]]:
    """Returns every option of the program that has an effect, with its value."""
    limits = config.limits or Limits()
    for row in rows(section_of(config).partition(":")[0]).values():
        name = row[NAME]
        if row[EFFECT] or (stock and row[DIALECTS] == OURS_ONLY):
            continue
        check, _, field = name.partition("_")
        if check in _CHECKS and field in HealthCheckConfig.__annotations__:
            value = getattr(getattr(config, check), field)
        elif name.startswith("rlimit_"):
            value = next((pair for limit, *pair in limits.rlimits if f"rlimit_{limit}" == name), None)
        elif name in Limits.__annotations__:
            value = getattr(limits, name)
        elif check in _OWNERS:
            owner = getattr(config, check)
            value = None if owner is None else getattr(owner, field or _OWNERS[check])
        elif name in ListenerConfig.__annotations__:
            value = getattr(config.listener, name)
        elif check == "socket":
            value = getattr(config.socket, field or "address")
        else:
            value = getattr(config, name)
        yield row, (value or config.name) if name == "process_name" else value


def supervisor_values(config: SupervisorConfig, dialect: str) -> Iterator[tuple[Row, Any]]:
    """Returns the same for `[supervice]` or `[supervisord]`."""
    table = dict(rows(dialect))
    for name in ("shutdown_timeout", "exit_when_idle"):  # they count in both dialects
        table[name] = rows("supervice")[name]
    for row in table.values():
        field = FIELDS.get(row[NAME], row[NAME])
        if not row[EFFECT] and field in SupervisorConfig.__annotations__:
            yield row, getattr(config, field)


def plain(kind: str, value: Any) -> Any:
    """Returns the value as JSON has it: lists, texts, numbers."""
    if value is None:
        return None
    if kind == "environment":
        return dict.fromkeys(value, HIDDEN)
    if kind == "password":
        return HIDDEN
    if kind in ("octal", "umask"):
        return f"{value:04o}"
    if kind == "listen":
        return [f"{name}={address}" for name, address in value]
    if kind == "forward":
        return [signal_name(a) + (f":{signal_name(b)}" if a != b else "") for a, b in value]
    if kind == "memory" and isinstance(value, float):
        return f"{value:.0%}"
    if kind == "signal":
        return signal_name(value)
    if kind.startswith("limit"):
        soft, hard = ("unlimited" if number == -1 else number for number in value)
        return f"{soft}:{hard}"
    if kind == "depends":
        return [f"{name}:{condition}" for name, condition in value]
    if kind == "health":
        return value.value
    if kind == "headers":  # they may be secrets
        return [f"{name}: {HIDDEN}" for name, _ in value]
    if kind == "status":
        return [f"{low}-{high}" if low != high else str(low) for low, high in value]
    if kind == "restarts":
        return f"{value[0]}/{value[1]}s"
    return list(value) if isinstance(value, tuple) else value
