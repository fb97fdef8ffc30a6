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
from supervice.supervision.termination import Overtaken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    from supervice.config import Loaded
    from supervice.lean.loop import AnyFuture
    from supervice.models import SupervisorConfig
    from supervice.supervision.startup import Startup
    from supervice.supervision.table import ProcessTable
    from supervice.supervision.termination import Termination

    class Host(Protocol):
        """The supervisor, as far as a reload changes more of it than its processes."""

        @property
        def config(self) -> SupervisorConfig: ...
        def read(self) -> Loaded:
            """Returns the configuration as it reads now. OSError or ValueError when it cannot be used."""
            ...

        def apply(self, loaded: Loaded) -> None:
            """Takes over the settings and the servers."""
            ...


EMPTY = (
    "the configuration has no programs any more, which would stop and remove all of them; "
    "if that is meant: supervicectl reload --force"
)
TOO_LATE = "supervice is shutting down; the new configuration was not applied"


class Reloader:
    def __init__(self, table: ProcessTable, startup: Startup, termination: Termination, host: Host) -> None:
        self._table = table
        self._startup = startup
        self._termination = termination
        self._host = host
        self._queue: list[AnyFuture] = []
        self._busy = False

    async def reload(self, *, dry_run: bool, force: bool = False) -> ReloadPlan:
        """Does what `Daemon.reload` promises, after a reload that is under way."""
        if self._busy:
            turn = running_loop().create_future()
            self._queue.append(turn)
            await turn
        self._busy = True
        try:
            if self._termination.stopping and not dry_run:
                raise Overtaken(TOO_LATE)  # before anything is stopped: programs work on while they drain
            loaded = self._host.read()
            if self._table.launcher is not None:
                await self._table.launcher.ask_files(
                    process.config for process in self._table.processes.values()
                )
            plan = self._plan(loaded)
            if not (dry_run or force or loaded.processes) and plan.removed:
                raise ValueError(EMPTY)
            if not dry_run:
                await self._apply(loaded, plan)
        finally:
            self._busy = False
            while self._queue:
                turn = self._queue.pop(0)
                if not turn.done():
                    self._busy = True  # handed on, so that no other slips in between
                    turn.set_result(None)
                    break
            self._termination.judge()
        return plan

    def _plan(self, loaded: Loaded) -> ReloadPlan:
        table = self._table
        # the foreground command stands in no file
        commands = {name for name, process in table.processes.items() if process.foreground is not None}
        old = [table.configured(name) for name in table.processes if name not in commands]
        taken = next((c.name for c in loaded.processes if c.main or c.name in commands), None)
        if commands and taken is not None:
            raise ValueError(f"[program:{taken}] cannot be main beside the command")
        launcher = table.launcher
        stale = [config.name for config in old if launcher is not None and launcher.is_stale(config)]
        return plan_reload(
            old,
            loaded.processes,
            self._host.config,
            loaded.config,
            live=live_fields(),
            at_start=start_fields(),
            stale=stale,
        )

    async def _apply(self, loaded: Loaded, plan: ReloadPlan) -> None:
        table, startup = self._table, self._startup
        configs = {config.name: config for config in loaded.processes}
        old = table.processes
        active = {n for n in plan.changed if old[n].should_run or startup.is_waiting(old[n])}
        why = {name: f"reload: {', '.join(plan.reasons[name])} changed" for name in plan.changed}
        await self._stop((*plan.removed, *plan.changed), why)
        if self._termination.stopping:
            raise Overtaken(TOO_LATE)
        if table.launcher is not None:
            for name in plan.changed:
                table.launcher.forget(name)
        for name in plan.removed:
            table.remove(name)
        self._host.apply(loaded)
        for name in (*plan.changed, *plan.adjusted):
            table.adjust(name, configs[name])
        for name in plan.added:
            table.add(configs[name])
        table.reorder(configs)  # as a fresh start would have it
        table.offer(loaded.processes)
        table.rebuild()
        new = {*plan.added, *plan.changed}
        by_itself = {name for name, config in configs.items() if config.autostart and not config.schedule}
        fresh = [
            table.processes[name]
            for name, config in configs.items()
            if (name in active and not config.schedule)
            or (name in new and name in by_itself and name not in table.held)
        ]
        if plan.added or plan.changed or plan.adjusted:  # what was left stopped may have its chance again
            fresh += [table.processes[name] for name in startup.left() if name in by_itself]
        for process in fresh:
            name = process.config.name
            startup.request([process], why.get(name, "reload: added" if name in new else "reload"))
        _log(plan)

    async def _stop(self, names: tuple[str, ...], why: Mapping[str, str]) -> None:
        """Stops what is to be removed or changed; meanwhile nothing else may start it."""
        table = self._table
        leaving = [table.processes[name] for name in names]
        table.leave(names)
        for process in leaving:
            self._startup.cancel(process)
        try:
            stubborn = await stop_in_order(
                table.processes.values(),
                leaving,
                lambda _: True,
                lambda process: why.get(process.config.name, "reload: removed"),
            )
        finally:
            table.leave(())
        if stubborn:
            words = ", ".join(process.config.name for process in stubborn)
            raise ValueError(f"cannot be stopped, not even with SIGKILL: {words}")


def described(plan: ReloadPlan, names: Iterable[str]) -> str:
    """Returns the names, each with the options that differ."""
    reasons = {name: ", ".join(plan.reasons.get(name, ())) for name in names}
    return ", ".join(f"{name} ({why})" if why else name for name, why in reasons.items())


def _log(plan: ReloadPlan) -> None:
    parts = [
        f"{what} {described(plan, names)}"
        for what, names in (
            ("added", plan.added),
            ("removed", plan.removed),
            ("changed", plan.changed),
            ("adjusted", plan.adjusted),
        )
        if names
    ]
    if plan.settings:
        parts.append(f"settings {', '.join(plan.settings)}")
    logger.info(f"reloaded: {'; '.join(parts) or 'nothing changed'}")
    if plan.restart_required:
        logger.warning(f"restart the container to apply: {', '.join(plan.restart_required)}")
