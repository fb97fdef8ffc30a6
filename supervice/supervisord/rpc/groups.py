"""reread, add, remove, update: supervisord's way to a new configuration, in steps that a client takes.

`reread` remembers the configuration and says which groups differ from those that are supervised; `remove` and
`add` then change one group at a time. Only a reload of ours takes over what else is in the file.
"""

from __future__ import annotations

from supervice import logger
from supervice.lifecycle.states import RESTING
from supervice.models import group_of, group_priority
from supervice.supervisord.rpc.codec import Fault
from supervice.supervisord.rpc.info import config_info, group_members, is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from supervice.models import ProgramConfig
    from supervice.supervisord.interface import Daemon


class Groups:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._table = daemon.table

    def reread(self) -> list[list[list[str]]]:
        """Returns [[added, changed, removed]]; changes nothing. CANT_REREAD with all errors of the file."""
        try:
            loaded = self._daemon.source.read()
        except (OSError, ValueError) as error:
            raise Fault("CANT_REREAD", str(error)) from None
        self._table.offer(loaded.processes)
        now = self._active()
        then = _by_group(loaded.processes)
        launcher = self._table.launcher
        changed = [
            name
            for name, configs in then.items()
            if name in now
            and (
                now[name] != configs
                or (launcher is not None and any(launcher.is_stale(config) for config in now[name]))
            )
        ]
        added = [name for name in then if name not in now]
        removed = [name for name in now if name not in then]
        return [[added, changed, removed]]

    def _active(self) -> dict[str, list[ProgramConfig]]:
        # the foreground command is in no file
        return _by_group([p.config for p in self._table.processes.values() if p.foreground is None])

    def configs(self) -> list[dict[str, Any]]:
        active = self._table.groups
        infos = [config_info(c, group_of(c) in active) for c in self._table.available]
        return sorted(infos, key=lambda info: str(info["name"]))

    def add(self, name: str) -> bool:
        """Takes a group of the remembered configuration under supervision and starts it."""
        self._refuse_while_reloading()
        table = self._table
        configs = _by_group(table.available).get(name)
        if configs is None:
            raise Fault("BAD_NAME", name)
        if group_members(table, name):
            raise Fault("ALREADY_ADDED", name)
        for config in configs:
            other = table.processes.get(config.name)
            if other is not None:  # it has moved in the file; update all, or where it was first
                raise Fault("FAILED", f"{config.name} is still in group {group_of(other.config)}")
        made = [table.add(config) for config in configs]
        table.reorder(config.name for config in table.available)  # as the file has them
        table.rebuild()
        self._daemon.startup.request(
            [p for p in made if p.config.autostart], "operator: addProcessGroup (XML-RPC)"
        )
        logger.info(f"added group {name}")
        return True

    def remove(self, name: str) -> bool:
        """Ends the supervision of a group at rest."""
        self._refuse_while_reloading()
        table, startup = self._table, self._daemon.startup
        members = group_members(table, name)
        if not members:
            raise Fault("BAD_NAME", name)
        if any(p.state not in RESTING or is_running(startup, p) or p.foreground is not None for p in members):
            raise Fault("STILL_RUNNING", name)
        for process in members:
            startup.cancel(process)
            table.remove(process.config.name)
        table.rebuild()
        self._daemon.termination.judge()
        logger.info(f"removed group {name}")
        return True

    def _refuse_while_reloading(self) -> None:
        if self._table.leaving:
            raise Fault("FAILED", "a reload is under way; ask again after it")


def _by_group(configs: Iterable[ProgramConfig]) -> dict[str, list[ProgramConfig]]:
    """Returns the groups by priority and name, the order in which supervisord has them."""
    groups: dict[str, list[ProgramConfig]] = {}
    for config in configs:
        groups.setdefault(group_of(config), []).append(config)
    return dict(sorted(groups.items(), key=lambda item: (group_priority(item[1][0]), item[0])))
