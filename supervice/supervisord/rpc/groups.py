"""reread, add, remove, update: supervisord's way to a new configuration, in steps that a client takes.

`reread` remembers the configuration and says which groups differ from those that are supervised; `remove` and
`add` then change one group at a time. What is in the file beside groups is taken by a reload of ours only.
"""

from __future__ import annotations

from supervice import logger
from supervice.lifecycle.states import RESTING
from supervice.models import group_of, group_priority
from supervice.supervisord.rpc.codec import Fault
from supervice.supervisord.rpc.info import config_info, group_members, is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.core import Supervisor
    from supervice.models import ProgramConfig


class Groups:
    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def reread(self) -> list[list[list[str]]]:
        """[[added, changed, removed]]; changes nothing. CANT_REREAD with all errors of the file."""
        supervisor = self._supervisor
        try:
            loaded = supervisor.read()
        except (OSError, ValueError) as error:
            raise Fault("CANT_REREAD", str(error)) from None
        supervisor.available = loaded.processes
        now = self._active()
        then = _by_group(supervisor.available)
        launcher = supervisor.launcher
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
        # CMD stands in no file
        return _by_group([p.config for p in self._supervisor.processes.values() if p.foreground is None])

    def configs(self) -> list[dict[str, Any]]:
        active = {group_of(process.config) for process in self._supervisor.processes.values()}
        infos = [config_info(c, group_of(c) in active) for c in self._supervisor.available]
        return sorted(infos, key=lambda info: str(info["name"]))

    def add(self, name: str) -> bool:
        """Takes a group of the remembered configuration into supervision and starts it."""
        self._refuse_while_reloading()
        supervisor = self._supervisor
        configs = _by_group(supervisor.available).get(name)
        if configs is None:
            raise Fault("BAD_NAME", name)
        if group_members(supervisor, name):
            raise Fault("ALREADY_ADDED", name)
        for config in configs:
            other = supervisor.processes.get(config.name)
            if other is not None:  # it has moved in the file; update all, or where it was first
                raise Fault("FAILED", f"{config.name} is in group {group_of(other.config)} still")
        made = [supervisor.add(config) for config in configs]
        self._in_the_order_of_the_file()
        supervisor.processes_changed()
        supervisor.startup.request([p for p in made if p.config.autostart])
        logger.info(f"added group {name}")
        return True

    def _in_the_order_of_the_file(self) -> None:
        supervisor = self._supervisor
        order = {config.name: number for number, config in enumerate(supervisor.available)}
        last = len(order)
        supervisor.processes = dict(
            sorted(supervisor.processes.items(), key=lambda item: order.get(item[0], last))
        )

    def remove(self, name: str) -> bool:
        """Ends the supervision of a group at rest."""
        self._refuse_while_reloading()
        supervisor = self._supervisor
        members = group_members(supervisor, name)
        if not members:
            raise Fault("BAD_NAME", name)
        if any(
            p.state not in RESTING or is_running(supervisor, p) or p.foreground is not None for p in members
        ):
            raise Fault("STILL_RUNNING", name)
        for process in members:
            one = process.config.name
            supervisor.startup.cancel(process)
            supervisor.processes.pop(one).close()
            supervisor.held.discard(one)
            if supervisor.launcher is not None:
                supervisor.launcher.forget(one)
        supervisor.processes_changed()
        supervisor.judge()
        logger.info(f"removed group {name}")
        return True

    def _refuse_while_reloading(self) -> None:
        if self._supervisor.reloading:
            raise Fault("FAILED", "a reload is under way; ask again after it")


def _by_group(configs: list[ProgramConfig]) -> dict[str, list[ProgramConfig]]:
    """By priority and name, the order in which supervisord has them."""
    groups: dict[str, list[ProgramConfig]] = {}
    for config in configs:
        groups.setdefault(group_of(config), []).append(config)
    return dict(sorted(groups.items(), key=lambda item: (group_priority(item[1][0]), item[0])))
