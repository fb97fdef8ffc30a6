"""What a reload has to do: a comparison of two configurations, as values."""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from supervice.models import ProgramConfig, SupervisorConfig

# Applied to the running process: they are ours to follow, the child never sees them.
_LIVE = (
    "group",
    "priority",
    "group_priority",
    "autostart",
    "numprocs",
    "critical",
    "depends_on",
    "restart_limit",
    "ready_timeout",
    "stdout_logfile_maxbytes",
    "stdout_logfile_backups",
    "stdout_logfile_compress",
    "stderr_logfile_maxbytes",
    "stderr_logfile_backups",
    "stderr_logfile_compress",
    "log_format",
    "watch",
    "stdout_logfile",
    "stderr_logfile",
)
# [supervice] settings that count only when the daemon starts, with the option where it is not called so.
_AT_START = {
    "pidfile": "",
    "socket_path": "socket",
    "socket_mode": "",
    "socket_group": "",
    "user": "",
    "minfds": "",
    "minprocs": "",
    "http": "",
    "strip_ansi": "",
}
_NOWHERE = ("NONE", "OFF")


@dataclass(frozen=True)
class ReloadPlan:
    """Process names, sorted."""

    added: list[str]
    removed: list[str]
    changed: list[str]  # have to be stopped and started with the new settings
    adjusted: list[str]  # take the new settings while they run
    restart_required: list[str]  # [supervice] options that need a new start of the daemon


def plan_reload(
    old: Iterable[ProgramConfig],
    new: Iterable[ProgramConfig],
    old_settings: SupervisorConfig,
    new_settings: SupervisorConfig,
    stale: Collection[str] = (),
) -> ReloadPlan:
    """The arguments are one configuration per process, before and after.

    `stale`: the processes whose environment would be another now, because a file of it has changed.
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
        and (n in stale or around(after[n]) or (n in different and needs_restart(before[n], after[n])))
    ]
    return ReloadPlan(
        added=sorted(after.keys() - before.keys()),
        removed=sorted(before.keys() - after.keys()),
        changed=changed,
        adjusted=[name for name in different if name not in changed],
        restart_required=[
            option or name
            for name, option in _AT_START.items()
            if getattr(old_settings, name) != getattr(new_settings, name)
        ],
    )


def _surroundings(old: SupervisorConfig, new: SupervisorConfig) -> Callable[[ProgramConfig], bool]:
    """Tells whether what all programs are started with is another for this one now."""
    names = old.environment.keys() | new.environment.keys()
    differ = {name for name in names if old.environment.get(name) != new.environment.get(name)}
    everybody = old.env_file != new.env_file

    def changed(config: ProgramConfig) -> bool:
        return (
            everybody
            or not differ <= config.environment.keys() | config.secrets.keys()
            or (config.umask is None and old.umask != new.umask)
        )

    return changed


def needs_restart(old: ProgramConfig, new: ProgramConfig) -> bool:
    """Whether the running process has to be replaced to become what `new` says."""
    for name in ("stdout_logfile", "stderr_logfile"):
        path = getattr(old, name)
        # Without a pipe to us there is nothing that could be led elsewhere.
        if path is not None and path.upper() in _NOWHERE and path != getattr(new, name):
            return True
    return replace(old, **{name: getattr(new, name) for name in _LIVE}) != new
