"""Checks a configuration that was built in Python: each error names the program and the field.

Loaded for a `Supervisor` of an application, and when a value did not work. Values that a parser of the option
table takes as text are given to it; all others are checked by type.
"""

from __future__ import annotations

from supervice.config.kinds import KINDS
from supervice.config.options import KIND, NAME, PROGRAM, SUPERVICE
from supervice.config.problems import shown
from supervice.models import CHECK_NEEDS, HealthCheckConfig, HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from supervice.config.options import Row
    from supervice.models import ProgramConfig, SupervisorConfig

# Kinds whose value is the text of a file, or its number.
_TEXTS = frozenset(
    ("command", "stopsignal", "ready", "overflow", "format", "fatal", "type", "loglevel", "restart", "url")
)
_NUMBERS = frozenset(
    ("int", "count", "positive", "retries", "port", "factor", "seconds", "interval", "size", "backups")
)
_PATHS = frozenset(("text", "path", "logfile", "user", "timezone"))
_TUPLES = frozenset(("words", "paths", "names", "globs", "watched", "exitcodes", "depends", "forward"))
_SECRET = frozenset(("environment", "secrets"))
_MOST_SHOWN = 40  # characters of a value


def problems_of(config: SupervisorConfig) -> list[str]:
    """Returns what is wrong with the settings and the programs, each with the program and the field."""
    found = [f"SupervisorConfig: {problem}" for problem in _of(config, SUPERVICE, {"socket": "socket_path"})]
    names: set[str] = set()
    for program in config.programs:
        found += problems_of_program(program)
        if program.name in names:
            found.append(f"{shown(str(program.name))}: name: two programs have this name; rename one")
        names.add(program.name)
    return found


def problems_of_program(config: ProgramConfig) -> list[str]:
    """Returns what is wrong with one program."""
    name = config.name
    if not isinstance(name, str) or not name or any(c in name for c in " /*,\t\n"):
        return [f"name = {_seen(name)}: not a name; write letters, digits, - and _"]
    found = [f"{shown(name)}: {problem}" for problem in _of(config, PROGRAM, {})]
    for prefix, check in (("healthcheck", config.healthcheck), ("readiness", config.readiness)):
        found += [f"{shown(name)}: {problem}" for problem in _of_check(prefix, check)]
    return found


def _of(config: object, table: Iterable[Row], fields: dict[str, str]) -> Iterator[str]:
    known = type(config).__annotations__
    for row in table:
        field = fields.get(row[NAME], row[NAME])
        if field in known:
            problem = _wrong(row[KIND], getattr(config, field), row[NAME])
            if problem:
                yield f"{field}{'' if field in _SECRET else f' = {_seen(getattr(config, field))}'}: {problem}"


def _of_check(prefix: str, check: HealthCheckConfig) -> Iterator[str]:
    if not isinstance(check, HealthCheckConfig):
        yield f"{prefix} = {_seen(check)}: not a check; write HealthCheckConfig(...)"
        return
    if not isinstance(check.type, HealthCheckType):
        yield f"{prefix}.type = {_seen(check.type)}: not a type; write HealthCheckType.NAME"
        return
    rows = {row[NAME]: row for row in PROGRAM}
    for field in HealthCheckConfig.__annotations__:
        row = rows.get(f"{prefix}_{field}")
        if row is None or field in ("type", "headers", "status"):
            continue
        value = getattr(check, field)
        problem = "" if value is None else _wrong(row[KIND], value, row[NAME])
        if problem:
            yield f"{prefix}.{field} = {_seen(value)}: {problem}"
    field = CHECK_NEEDS.get(check.type, "")
    if field and getattr(check, field) is None:
        yield f"{prefix}.{field} = None: a check of type {check.type.name} needs it; write a {field}"


def _wrong(kind: str, value: Any, name: str) -> str:
    """Returns what is wrong with a value, and what to write; "" when nothing is."""
    if value is None:
        return "" if name not in ("command",) else "there is none; write PROGRAM ARGUMENTS"
    if kind == "bool":
        return "" if isinstance(value, bool) else "not a bool; write True or False"
    if kind in _SECRET:
        fits = isinstance(value, dict) and all(
            isinstance(word, str) for pair in value.items() for word in pair
        )
        return "" if fits else "not a dict of texts; write {'NAME': 'value'}"
    if kind in _TUPLES:
        return "" if isinstance(value, tuple | list) else "not a tuple; write (VALUE, ...)"
    if kind in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"not a number; write {KINDS[kind][1]}"
        return _parsed(kind, f"{value:g}" if isinstance(value, float) else str(value))
    if kind == "restart" and isinstance(value, bool):
        return ""
    if kind in _TEXTS or kind in _PATHS:
        if not isinstance(value, str):
            return f"not a text; write {KINDS[kind][1]}"
        if "\0" in value:
            return "it holds a NUL byte, which no option can; remove it"
        return _parsed(kind, value) if kind in _TEXTS else ""
    return ""


def _parsed(kind: str, text: str) -> str:
    try:
        KINDS[kind][0](text)
        if kind == "command":
            from supervice.config.quoting import split_command

            split_command(text)
    except ValueError as error:
        return str(error)
    return ""


def _seen(value: object) -> str:
    return shown(repr(value), _MOST_SHOWN)
