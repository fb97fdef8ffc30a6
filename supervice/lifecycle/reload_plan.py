"""Compares two configurations: what a reload has to do to get from one to the other, as values."""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from supervice.models import ProgramConfig, SupervisorConfig

_NOWHERE = ("NONE", "OFF")


@dataclass(frozen=True)
class ReloadPlan:
    """What a reload does; names of processes, sorted."""

    added: list[str]
    removed: list[str]
    changed: list[str]  # are stopped, and started with the new settings
    adjusted: list[str]  # take the new settings while they run
    restart_required: list[str]  # [supervice] options that count from the daemon's next start


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
    """Plans a reload; `old` and `new` have one `ProgramConfig` for each process.

    `live`: the fields of `ProgramConfig` that a running process takes over. `at_start`: the fields of
    `SupervisorConfig` that count when the daemon starts, with the names of their options. `stale`: the
    processes whose environment has changed because a file of it has.
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
    return ReloadPlan(
        added=sorted(after.keys() - before.keys()),
        removed=sorted(before.keys() - after.keys()),
        changed=changed,
        adjusted=[name for name in different if name not in changed],
        restart_required=[
            option
            for field, option in at_start.items()
            if getattr(old_settings, field) != getattr(new_settings, field)
        ],
    )


def _surroundings(old: SupervisorConfig, new: SupervisorConfig) -> Callable[[ProgramConfig], bool]:
    """Returns what tells whether a setting for all programs has changed for the given one."""
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
