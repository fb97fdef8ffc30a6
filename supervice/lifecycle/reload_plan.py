"""What a reload has to do: a comparison of two configurations, as values."""

from __future__ import annotations

from supervice.lean import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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
    "stdout_logfile_maxbytes",
    "stdout_logfile_backups",
    "stdout_logfile_compress",
    "stderr_logfile_maxbytes",
    "stderr_logfile_backups",
    "stderr_logfile_compress",
)
# [supervice] settings that are looked at only when the daemon starts.
_AT_START = (
    "logfile",
    "pidfile",
    "socket_path",
    "socket_mode",
    "socket_group",
    "log_maxbytes",
    "log_backups",
    "log_compress",
    "umask",
    "log_format",
    "log_overflow",
    "log_buffer",
    "environment",
    "env_file",
)


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
    changed = [n for n in both if n in stale or (n in different and needs_restart(before[n], after[n]))]
    return ReloadPlan(
        added=sorted(after.keys() - before.keys()),
        removed=sorted(before.keys() - after.keys()),
        changed=changed,
        adjusted=[name for name in different if name not in changed],
        restart_required=[n for n in _AT_START if getattr(old_settings, n) != getattr(new_settings, n)],
    )


def needs_restart(old: ProgramConfig, new: ProgramConfig) -> bool:
    """Whether the running process has to be replaced to become what `new` says."""
    return replace(old, **{name: getattr(new, name) for name in _LIVE}) != new
