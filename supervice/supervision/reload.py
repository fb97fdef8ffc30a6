"""Applies a changed configuration to running processes, one reload at a time.

The new configuration is read and checked whole before anything is touched. Removed and changed processes are
stopped first, so that a program can be renamed and keep its port; then the new settings start.
"""

from __future__ import annotations

from supervice import logger
from supervice.config.options import live_fields, start_fields
from supervice.lean.loop import running_loop
from supervice.lifecycle.reload_plan import ReloadPlan, plan_reload
from supervice.supervision.shutdown import stop_in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervice.config import Loaded
    from supervice.core import Supervisor
    from supervice.lean.loop import AnyFuture
    from supervice.process import Process


TOO_LATE = "supervice is shutting down; the new configuration was not applied"


class Overtaken(ValueError):
    """A shutdown came in between."""


class Reloader:
    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._queue: list[AnyFuture] = []
        self.busy = False
        self.outgoing: frozenset[str] = frozenset()  # on their way out: nobody may start them now

    async def reload(self, *, dry_run: bool) -> dict[str, list[str]]:
        """What `Supervisor.reload_config` promises. Waits for a reload that is under way."""
        if self.busy:
            turn = running_loop().create_future()
            self._queue.append(turn)
            await turn
        self.busy = True
        try:
            if self._supervisor.stopping and not dry_run:
                raise Overtaken(TOO_LATE)  # before anything is stopped: programs work on while they drain
            loaded = self._supervisor.read()
            plan = self._plan(loaded)
            if not dry_run:
                await self._apply(loaded, plan)
        finally:
            self.busy = False
            while self._queue:
                turn = self._queue.pop(0)
                if not turn.done():
                    self.busy = True  # handed on, so that nobody slips in between
                    turn.set_result(None)
                    break
            self._supervisor.judge()
        return {
            "added": plan.added,
            "removed": plan.removed,
            "changed": plan.changed,
            "restart_required": plan.restart_required,
        }

    def _plan(self, loaded: Loaded) -> ReloadPlan:
        supervisor = self._supervisor
        # CMD stands in no file
        old = [p.config for p in supervisor.processes.values() if p.foreground is None]
        if len(old) < len(supervisor.processes):
            taken = next(
                (
                    c.name
                    for c in loaded.processes
                    if c.main
                    or (
                        c.name in supervisor.processes and supervisor.processes[c.name].foreground is not None
                    )
                ),
                None,
            )
            if taken is not None:
                raise ValueError(f"[program:{taken}] cannot be main beside the command")
        launcher = supervisor.launcher
        stale = [config.name for config in old if launcher is not None and launcher.is_stale(config)]
        return plan_reload(
            old,
            loaded.processes,
            supervisor.config,
            loaded.config,
            live=live_fields(),
            at_start=start_fields(),
            stale=stale,
        )

    async def _apply(self, loaded: Loaded, plan: ReloadPlan) -> None:
        supervisor = self._supervisor
        configs = {config.name: config for config in loaded.processes}
        startup = supervisor.startup
        old = supervisor.processes
        active = {n for n in plan.changed if old[n].should_run or startup.is_waiting(old[n])}
        self.outgoing = frozenset((*plan.removed, *plan.changed))
        for name in self.outgoing:
            startup.cancel(old[name])
        try:
            await _stop(old.values(), [old[name] for name in self.outgoing])
        finally:
            self.outgoing = frozenset()
        if supervisor.stopping:
            raise Overtaken(TOO_LATE)
        if supervisor.launcher is not None:
            for name in (*plan.removed, *plan.changed):
                supervisor.launcher.forget(name)
        for name in plan.removed:
            supervisor.processes.pop(name).close()
            supervisor.held.discard(name)
        supervisor.use_settings(loaded.config)
        for name in (*plan.changed, *plan.adjusted):
            supervisor.processes[name].reconfigure(configs[name])
        for name in plan.added:
            supervisor.add(configs[name])
        # in the order of the file, as a fresh start would have it
        commands = {name: p for name, p in supervisor.processes.items() if p.foreground is not None}
        supervisor.processes = {**{name: supervisor.processes[name] for name in configs}, **commands}
        supervisor.available = loaded.processes
        supervisor.serve(loaded.servers)
        fresh = [
            supervisor.processes[name]
            for name in configs
            if name in active
            or (
                (name in plan.added or name in plan.changed)
                and configs[name].autostart
                and name not in supervisor.held
            )
        ]
        supervisor.processes_changed()
        if plan.added or plan.changed or plan.adjusted:  # what was left stopped may have its chance again
            fresh += [supervisor.processes[name] for name in startup.left() if configs[name].autostart]
        startup.request(fresh)
        _log(plan)


async def _stop(every: Iterable[Process], processes: list[Process]) -> None:
    stubborn = await stop_in_order(every, processes, lambda _: True)
    if stubborn:
        names = ", ".join(p.config.name for p in stubborn)
        raise ValueError(f"cannot be stopped, not even with SIGKILL: {names}")


def _log(plan: ReloadPlan) -> None:
    words = [
        f"{what} {', '.join(names)}"
        for what, names in (
            ("added", plan.added),
            ("removed", plan.removed),
            ("changed", plan.changed),
            ("adjusted", plan.adjusted),
        )
        if names
    ]
    logger.info(f"reloaded: {'; '.join(words) or 'nothing changed'}")
    if plan.restart_required:
        logger.warning(f"these settings need a new start: {', '.join(plan.restart_required)}")
