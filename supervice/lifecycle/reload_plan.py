"""Compares two configurations: returns what a reload has to do to get from one to the other."""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass, replace
from supervice.models import Limits, ProgramConfig, SupervisorConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

_NOWHERE = ("NONE", "OFF")
# Reasons to replace a program other than its own options.
FILES = "content of its env_file or secrets"
AROUND = "environment, env_file or umask of all programs"
# Fields with several options: the option named like the field, and the prefix of the others.
_PARTS = {
    "healthcheck": ("", "healthcheck_"),
    "readiness": ("", "readiness_"),
    "schedule": ("lines", "schedule_"),
    "watch": ("paths", "watch_"),
    "listener": ("", ""),
    "socket": ("address", "socket_"),
}
# Fields whose option has another name.
_NAMES = {
    "group_priority": "priority of the group",
    "program": "process_name",
    "listener": "events",
    "log_on_stdout_too": "silent",
}


@dataclass(frozen=True)
class ReloadPlan:
    """What a reload does; names of processes, sorted."""

    added: list[str]
    removed: list[str]
    changed: list[str]  # are stopped, and started with the new settings
    adjusted: list[str]  # take the new settings while they run
    restart_required: list[str]  # [supervice] options that count from the daemon's next start
    settings: list[str]  # [supervice] options that count from now on
    reasons: dict[str, list[str]]  # of `changed` and `adjusted`: the options that differ, and what else does


def plan_reload(
    old: Iterable[ProgramConfig],
    new: Iterable[ProgramConfig],
    old_settings: SupervisorConfig,
    new_settings: SupervisorConfig,
    *,
    live: Collection[str],
    at_start: Mapping[str, str],
    stale: Collection[str] = (),
) -> ReloadPlan:
    """Returns the plan of a reload; `old` and `new` have one `ProgramConfig` for each process.

    `live`: the fields of `ProgramConfig` that a running process takes over. `at_start`: the fields of
    `SupervisorConfig` that are read at the start only, with their options' names. `stale`: the processes
    whose environment has changed because a file of it has.
    """
    before = {config.name: config for config in old}
    after = {config.name: config for config in new}
    both = sorted(before.keys() & after.keys())
    different = [name for name in both if before[name] != after[name]]
    planned = {name for name in both if before[name].schedule and after[name].schedule}
    around = _surroundings(old_settings, new_settings)
    changed = [
        n
        for n in both
        if n not in planned  # a run ends as it began, the next one has what is new
        and (n in stale or around(after[n]) or (n in different and _needs_restart(before[n], after[n], live)))
    ]
    adjusted = [name for name in different if name not in changed]
    reasons = {}
    for name in (*changed, *adjusted):
        reasons[name] = differences(before[name], after[name])
        if name in stale:
            reasons[name].append(FILES)
        if name in changed and around(after[name]):
            reasons[name].append(AROUND)
    return ReloadPlan(
        added=sorted(after.keys() - before.keys()),
        removed=sorted(before.keys() - after.keys()),
        changed=changed,
        adjusted=adjusted,
        restart_required=[
            option
            for field, option in at_start.items()
            if getattr(old_settings, field) != getattr(new_settings, field)
        ],
        settings=[
            _NAMES.get(field, field)
            for field in SupervisorConfig.__annotations__
            if field != "programs"
            and field not in at_start
            and getattr(old_settings, field) != getattr(new_settings, field)
        ],
        reasons=reasons,
    )


def differences(old: ProgramConfig, new: ProgramConfig) -> list[str]:
    """Returns the names of the options that differ, as a configuration has them."""
    found: dict[str, None] = {}
    for field in ProgramConfig.__annotations__:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            found.update(dict.fromkeys(_options(field, before, after)))
    return list(found)


def _options(field: str, before: object, after: object) -> Iterator[str]:
    if field == "limits":
        yield from _limits(before or Limits(), after or Limits())
    elif field in _PARTS and before is not None and after is not None:
        named, prefix = _PARTS[field]
        for part in type(after).__annotations__:
            if getattr(before, part) != getattr(after, part):
                yield field if part == named else f"{prefix}{part}"
    else:
        yield _NAMES.get(field, field)


def _limits(before: object, after: object) -> Iterator[str]:
    for part in Limits.__annotations__:
        old, new = getattr(before, part), getattr(after, part)
        if part != "rlimits":
            if old != new:
                yield part
            continue
        for name, *_ in sorted({*old} ^ {*new}):
            yield f"rlimit_{name}"


def _surroundings(old: SupervisorConfig, new: SupervisorConfig) -> Callable[[ProgramConfig], bool]:
    """Returns the values by which a setting for all programs shows as changed for the given one."""
    names = old.environment.keys() | new.environment.keys()
    differ = {name for name in names if old.environment.get(name) != new.environment.get(name)}
    for_all = old.env_file != new.env_file

    def changed(config: ProgramConfig) -> bool:
        return (
            for_all
            or not differ <= config.environment.keys() | config.secrets.keys()
            or (config.umask is None and old.umask != new.umask)
        )

    return changed


def _needs_restart(old: ProgramConfig, new: ProgramConfig, live: Collection[str]) -> bool:
    """Returns whether the running process has to be replaced to become what `new` says."""
    for field in ("stdout_logfile", "stderr_logfile"):
        path = getattr(old, field)
        # Without a pipe to us its output cannot be sent elsewhere.
        if path is not None and path.upper() in _NOWHERE and path != getattr(new, field):
            return True
    return replace(old, **{field: getattr(new, field) for field in live}) != new
