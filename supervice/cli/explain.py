"""Explains a configuration for `supervice check`: values and their origins, order, what differs.

It hides values that may be secrets: those of `environment`, and variables that are expanded in a command.
"""

from __future__ import annotations

import os

from supervice.config.build import section_of
from supervice.config.effective import plain, program_values, supervisor_values
from supervice.config.expand import ExpandError, Names, expand
from supervice.config.options import KIND, NAME
from supervice.config.stop_budget import cut_stops, stop_seconds, worst_stop
from supervice.lifecycle.graph import levels
from supervice.models import ProgramConfig, group_of, program_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from supervice.config import Loaded
    from supervice.config.options import Row
    from supervice.config.reader import Section

    Option = tuple[str, str, Any, str]  # name, kind, value, origin

DEFAULT = "default"
# Options that are shown only when set: otherwise they are many lines that say nothing.
_OFTEN_UNSET = ("rlimit_", "schedule_", "watch_")
_DEVICES = ("/dev/", "/proc/")
# What an option without a value means, where "nothing" would be unclear.
_UNSET = {
    "logfile": "(the container's stdout)",
    "stdout_logfile": "(the container's stdout)",
    "stderr_logfile": "(the container's stderr)",
    "socket": "(the first default path that can be written)",
    "pass_environment": "(all of it)",
}


class _Hidden(dict[str, str]):
    """An environment that hides its values: each variable expands to its own name."""

    def get(self, name: str, default: Any = None) -> Any:
        return f"%(ENV_{name})s" if name in self else default


def programs(loaded: Loaded) -> Iterator[tuple[ProgramConfig, list[ProgramConfig]]]:
    """Returns each program with its processes."""
    of: dict[tuple[str, str | None], list[ProgramConfig]] = {}
    for process in loaded.processes:
        of.setdefault((program_of(process), process.group), []).append(process)
    for template in loaded.config.programs:
        yield template, of.get((template.name, template.group), [])


def program_options(loaded: Loaded, config: ProgramConfig) -> Iterator[Option]:
    """Returns every option of the program that has an effect, with its value."""
    assert loaded.reading is not None
    sections = loaded.reading.sections
    section = sections[section_of(config)]
    stock = loaded.dialect == "supervisord"
    for row, value in program_values(config, stock):
        name = row[NAME]
        origin = _origin([section], name)
        if name == "user" and origin == DEFAULT and stock and value is not None:
            origin = _origin([sections["supervisord"]], "user")
        elif row[KIND] in ("command", "text", "url", "ready") and value is not None:
            value = _without_secrets(loaded, section, row, config, value)
        yield name, row[KIND], plain(row[KIND], value), origin
    if config.group is not None:
        group = [sections[f"group:{config.group}"]]
        yield "group", "text", config.group, _origin(group, "programs")
        yield "group_priority", "int", config.group_priority, _origin(group, "priority")


def supervisor_options(loaded: Loaded) -> Iterator[Option]:
    assert loaded.reading is not None
    kind = loaded.dialect
    # several files may have a [supervice], and a variable beats them
    sections = [one for one in loaded.reading.sections.values() if one.name == kind]
    for row, value in supervisor_values(loaded.config, kind):
        name = row[NAME]
        if (
            name == "user" and kind == "supervisord"
        ):  # that of its programs; the daemon's own is not set there
            value = next((one.options["user"][0] for one in sections if "user" in one.options), None)
        yield name, row[KIND], plain(row[KIND], value), loaded.variables.get(name) or _origin(sections, name)


def _origin(sections: list[Section], name: str) -> str:
    given = next((one.options[name] for one in sections if name in one.options), None)
    return DEFAULT if given is None else f"{given[1]}:{given[2]}"


def _without_secrets(loaded: Loaded, section: Section, row: Row, config: ProgramConfig, value: str) -> str:
    """Returns the text with variables of the environment left as names."""
    raw = section.options.get(row[NAME], ("",))[0]
    if "%(ENV_" not in raw:
        return value
    environ = _Hidden({**os.environ, **loaded.config.environment, **config.environment})
    here: dict[str, str | int] = {
        "here": section.here,
        "program_name": config.name,
        "group_name": group_of(config),
        "numprocs": config.numprocs,
        "process_num": config.numprocs_start,
    }
    names = Names(environ, here, padded=loaded.dialect == "supervice")
    names.deferred = config.numprocs > 1
    try:
        return expand(raw, names)[0]
    except ExpandError:
        return raw


def _written(name: str, value: Any) -> str:
    """Returns a value as it is written in a configuration."""
    if value is None or value == "":
        return _UNSET.get(name, "(none)")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        value = ", ".join(f"{key}={text}" for key, text in value.items()) or "(none)"
    if isinstance(value, list) and name == "schedule":
        value = "\n".join(value)
    if isinstance(value, list):
        value = ", ".join(map(str, value)) or "(none)"
    lines = str(value).split("\n")
    return "\n      ".join(line if line.isprintable() else ascii(line)[1:-1] for line in lines)


def report(loaded: Loaded, path: str) -> Iterator[str]:
    """Returns the lines of `check --explain`."""
    dialect = "a stock supervisord file" if loaded.dialect == "supervisord" else "supervice's dialect"
    yield f"{path}: {dialect}"
    yield f"\n[{loaded.dialect}]"
    yield from _table(list(supervisor_options(loaded)))
    for config, processes in programs(loaded):
        yield f"\n[{section_of(config)}]"
        if [p.name for p in processes] != [config.name]:
            yield f"  processes: {', '.join(p.name for p in processes)}"
        yield from _table(list(program_options(loaded, config)))
    yield from _order(loaded)
    if any(config.schedule for config in loaded.config.programs):
        from supervice.cli.explain_times import explained

        yield from explained(loaded)
    yield from _stop(loaded)
    yield from _memory()
    if loaded.dialect == "supervisord":
        yield "\nwhat differs from supervisord for this file:"
        for line in differences(loaded):
            yield f"  - {line}"


def _table(options: list[Option]) -> Iterator[str]:
    width = max((len(name) for name, *_ in options), default=0)
    for name, _, value, origin in options:
        if value is None and name.startswith(_OFTEN_UNSET):
            continue
        yield f"  {name:{width}} = {_written(name, value)}  [{origin}]"


def table_of(options: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Returns the lines of options that have a value and an origin."""
    yield from _table([(name, "", one["value"], one["origin"]) for name, one in options.items()])


def start_order(loaded: Loaded) -> list[list[str]]:
    """Returns the processes that start by themselves, level by level."""
    by_itself = {p.name for p in loaded.processes if p.autostart and p.schedule is None}
    order = [[n for n in level if n in by_itself] for level in levels(loaded.processes)]
    return [level for level in order if level]


def by_hand(loaded: Loaded) -> list[str]:
    return [p.name for p in loaded.processes if not p.autostart]


def at_times(loaded: Loaded) -> list[str]:
    return [p.name for p in loaded.processes if p.autostart and p.schedule is not None]


def _order(loaded: Loaded) -> Iterator[str]:
    yield "\nstart order (those of a line at once; only depends_on waits):"
    order = start_order(loaded)
    for number, names in enumerate(order, 1):
        yield f"  {number}. {', '.join(names)}"
    if not order:
        yield "  (nothing is started by itself)"
    for what, names in (("by hand", by_hand(loaded)), ("at their times", at_times(loaded))):
        if names:
            yield f"  {what}: {', '.join(names)}"


def _stop(loaded: Loaded) -> Iterator[str]:
    need, have = worst_stop(loaded.processes), loaded.config.shutdown_timeout
    cut = cut_stops(loaded.processes, have)
    fits = "it does not fit, waits are cut" if cut else "it fits"
    drain = loaded.config.drain_delay
    yield f"\nworst-case stop: {need:g} s, shutdown_timeout = {have:g} s: {fits}"
    for name, (wanted, got) in cut.items():
        yield f"  {name} gets {got:.3g} s of its {wanted:g} s; more, where earlier levels are quicker"
    if drain:
        yield f"  drain_delay = {drain:g} s comes before that"
    yield f"  a container needs a grace period above {drain + min(need, have):g} s"
    slowest = max(loaded.processes, key=stop_seconds, default=None)
    if slowest is not None:
        yield f"  the slowest is {slowest.name}: {stop_seconds(slowest):g} s from its stop signal to KILL"


def _memory() -> Iterator[str]:
    """Returns the lines about memory; they hold where the check runs, as in the container it explains."""
    from supervice.pid1 import cgroup, container_memory

    ours = cgroup.find()
    if ours is not None and container_memory.kills_whole_container(ours):
        yield f"\n{container_memory.WHOLE_CONTAINER}"


def differences(loaded: Loaded) -> Iterator[str]:
    """Returns what supervisord would do differently with this very file."""
    assert loaded.reading is not None
    sections = loaded.reading.sections
    daemon = sections["supervisord"].options
    if daemon.get("nodaemon", ("false",))[0].lower() not in ("true", "yes", "on", "1"):
        yield "nodaemon is not true: supervice stays in the foreground all the same"
    if "logfile" not in daemon:
        yield "the daemon's log goes to the container's stdout, not to supervisord.log"
    found: dict[str, list[str]] = {}

    def note(what: str, name: str) -> None:
        found.setdefault(what, []).append(name)

    for config in loaded.config.programs:
        given, name = sections[section_of(config)].options, config.name
        for stream in ("stdout", "stderr"):
            written = given.get(f"{stream}_logfile", ("AUTO",))[0]
            if written.upper() == "AUTO" and not (stream == "stderr" and config.redirect_stderr):
                where = f"goes to the container's {stream}"
                if stream == "stdout" and config.listener is not None:
                    where = "is the protocol and logged nowhere"
                note(f"{stream} {where}, where supervisord writes AUTO files", name)
            limit = given.get(f"{stream}_logfile_maxbytes", ("50MB",))[0]
            if written.startswith(_DEVICES) and limit.strip() != "0":
                note(f"{stream}_logfile is a device and never rotated; supervisord needs maxbytes = 0", name)
        if "stopasgroup" not in given:
            note("a stop reaches the whole process group, as with stopasgroup = true", name)
        if config.user is not None:
            note("HOME, USER and LOGNAME are those of its user", name)
        if config.autorestart is not False:
            note(
                "failed starts are retried after 1, 2, 4, 8 s and so on up to 30 s (supervisord: 1, 2, 3 s)",
                name,
            )
    for what, names in found.items():
        yield f"{', '.join(dict.fromkeys(names))}: {what}"
    if "user" in daemon and daemon["user"][0] not in ("root", "0"):
        yield "the daemon itself does not switch to its user, programs that set none do"
    if "umask" not in daemon:
        yield "the umask stays what the container has, supervisord sets 022"
    yield "the container ends with the code of a program that is FATAL then, not always with 0"
    if loaded.problems:
        yield "what the warnings above say"
