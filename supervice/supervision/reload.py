"""Applies a changed configuration to running processes, one reload at a time.

The new configuration is read and checked as a whole before anything changes. Removed processes are stopped
first, so that a program can be renamed and keep its port. Then changed ones are stopped, and each starts with
its new settings as soon as the processes it is related to have stopped. Programs with `rolling` come last,
one process after the other.
"""

from __future__ import annotations

from supervice import logger
from supervice.config.options import live_fields, start_fields
from supervice.lean.loop import paced, running_loop
from supervice.lifecycle.graph import related
from supervice.lifecycle.reload_plan import ReloadPlan, plan_reload
from supervice.lifecycle.states import RESTING, UP
from supervice.supervision.configuration_source import PartlyApplied
from supervice.supervision.shutdown import stop_in_order
from supervice.supervision.termination import Overtaken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Protocol

    from supervice.config import Loaded
    from supervice.lean.loop import AnyFuture
    from supervice.models import ProgramConfig, SupervisorConfig
    from supervice.process import Process
    from supervice.supervision.startup import Startup
    from supervice.supervision.table import ProcessTable
    from supervice.supervision.termination import Termination

    class Host(Protocol):
        """The supervisor, as far as a reload changes more of it than its processes."""

        @property
        def config(self) -> SupervisorConfig: ...
        def apply(self, loaded: Loaded) -> None:
            """Takes over the settings and the servers."""
            ...

    class Source(Protocol):
        def read(self) -> Loaded:
            """Returns the configuration as it reads now. OSError or ValueError when it cannot be used."""
            ...


EMPTY = (
    "the configuration has no programs any more, which would stop and remove all of them; "
    "if that is meant: supervicectl reload --force"
)
TOO_LATE = "supervice is shutting down; the new configuration was not applied"


class Reloader:
    def __init__(
        self, table: ProcessTable, startup: Startup, termination: Termination, source: Source, host: Host
    ) -> None:
        self._table = table
        self._startup = startup
        self._termination = termination
        self._source = source
        self._host = host
        self._queue: list[AnyFuture] = []
        self._busy = False

    async def reload(self, *, dry_run: bool, force: bool) -> ReloadPlan:
        """Does what `Daemon.reload` promises, after any reload in progress."""
        if self._busy:
            turn = running_loop().create_future()
            self._queue.append(turn)
            await turn
        self._busy = True
        try:
            if self._termination.stopping and not dry_run:
                raise Overtaken(TOO_LATE)  # before anything is stopped: programs work on while they drain
            loaded = self._source.read()
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
        # the foreground command is in no file
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
        before = [table.configured(name) for name in old]
        touched = (*plan.removed, *plan.changed)
        active = {n for n in touched if old[n].should_run or startup.is_waiting(old[n])}
        why = {name: f"reload: {', '.join(plan.reasons[name])} changed" for name in plan.changed}
        new = {*plan.added, *plan.changed}
        why |= dict.fromkeys(plan.added, "reload: added")
        parts = related((*plan.removed, *plan.changed, *plan.added), before, configs.values())
        rolled = [n for n in configs if n in active and configs[n].rolling and old[n].state not in RESTING]
        beside = [n for n in configs if n in active and _overlaps(old[n], configs[n]) and n not in rolled]
        at_once = [name for name in plan.changed if name not in {*rolled, *beside}]
        parts = [[name for name in part if name not in {*rolled, *beside}] for part in parts]
        first = [part for part in parts if not set(plan.removed).isdisjoint(part)]
        table.leave((*plan.removed, *at_once))
        try:
            for name in (*plan.removed, *at_once):
                startup.cancel(old[name])
            stubborn = await self._stop([name for part in first for name in part if name in old], why)
            if stubborn:
                self._start_again(name for name in (*plan.removed, *at_once) if name in active)
                raise _cannot_stop(stubborn)
            self._go_on()
            for name in plan.removed:
                table.remove(name)
            table.leave(at_once)
            self._host.apply(loaded)
            for name in plan.adjusted:
                table.adjust(name, configs[name])
            for name in plan.added:
                table.add(configs[name])
            table.reorder(configs)  # as a fresh start would have it
            table.offer(loaded.processes)
            by_itself = {name for name, config in configs.items() if config.autostart and not config.schedule}
            wanted = {
                name
                for name, config in configs.items()
                if (name in active and not config.schedule)
                or (name in new and name in by_itself and name not in table.held)
            }
            renewal = _Renewal(self, configs, wanted, why)
            renewal.renew([name for part in first for name in part if name in new])
            rest = [part for part in parts if part not in first]
            await renewal.run(rest)
            await renewal.roll(rolled)
            await renewal.roll(beside, batch=len(beside))
        finally:
            table.leave(())
        if plan.added or plan.changed or plan.adjusted:  # what was left stopped may have its chance again
            for name in [name for name in startup.left() if name in by_itself]:
                startup.request([table.processes[name]], "reload")
        _log(plan)
        self._go_on()
        if renewal.stubborn:
            raise _cannot_stop(renewal.stubborn)
        if renewal.unready:
            raise PartlyApplied("; ".join(renewal.unready))

    def _start_again(self, names: Iterable[str]) -> None:
        """Starts again what ran, or was to start, with its old settings: nothing is reloaded."""
        table = self._table
        table.leave(())
        processes = [table.processes[name] for name in names if name not in table.held]
        self._startup.request([p for p in processes if p.state in RESTING], "reload: not applied")

    def _go_on(self) -> None:
        if self._termination.stopping:
            raise Overtaken(TOO_LATE)

    async def _stop(self, names: list[str], why: Mapping[str, str]) -> list[str]:
        """Stops processes that are removed or changed; returns those that could not be stopped."""
        processes = self._table.processes
        leaving = [processes[name] for name in names]
        if not leaving:
            return []
        stubborn = await stop_in_order(
            processes.values() if len(leaving) > 1 else leaving,
            leaving,
            lambda _: True,
            lambda process: why.get(process.config.name, "reload: removed"),
        )
        return [process.config.name for process in stubborn]


class _Renewal:
    """Stops the changed processes of one reload, and starts each again as soon as it has stopped."""

    def __init__(
        self,
        reloader: Reloader,
        configs: Mapping[str, ProgramConfig],
        wanted: Collection[str],
        why: Mapping[str, str],
    ) -> None:
        self._reloader = reloader
        self._table = reloader._table
        self._configs = configs
        self._wanted = wanted
        self._why = why
        self._stopped: list[str] = []  # and not renewed yet
        self.stubborn: list[str] = []
        self.unready: list[str] = []  # who did not become ready, and who was left as it was for that

    def renew(self, names: list[str]) -> None:
        """Gives stopped and new processes their settings and starts them."""
        self._stopped = names
        self._renew_stopped()

    def _renew_stopped(self) -> None:
        table, names, self._stopped = self._table, set(self._stopped), []
        startup, launcher = self._reloader._startup, table.launcher
        changed = [name for name in names if name in table.leaving]
        for name in changed:
            if launcher is not None:
                launcher.forget(name)
            table.adjust(name, self._configs[name])
        table.leave(table.leaving.difference(changed))
        table.rebuild()  # once for all that have stopped in this turn
        if not self._reloader._termination.stopping:
            for name in [name for name in self._configs if name in names and name in self._wanted]:
                startup.request([table.processes[name]], self._why[name])

    async def run(self, parts: list[list[str]]) -> None:
        """Renews `parts`, which are independent of each other."""
        loop = running_loop()
        tasks: list[AnyFuture] = []
        new = [name for part in parts if self._table.leaving.isdisjoint(part) for name in part]
        if new:
            self.renew(new)
        async for part in paced(loop, parts):
            if not self._table.leaving.isdisjoint(part):
                tasks.append(loop.create_task(self._one(part)))
        for task in tasks:
            await task
        if self._stopped:
            self._renew_stopped()

    async def roll(self, names: list[str], batch: int = 1) -> None:
        """Renews the processes, `batch` at a time; the first that does not become ready ends it."""
        if not names:
            return
        from supervice.supervision.rolling import Rolling

        table, termination = self._table, self._reloader._termination
        rolling = Rolling(
            table,
            self._reloader._startup,
            lambda: termination.stopping or bool(self.stubborn),
            trigger="reload",
            batch=batch,
            renew=self._again,
        )
        await rolling.run([table.processes[name] for name in names])
        # those that an operator had stopped when it was their turn, and may have started again
        left = [table.processes[name] for name in names if name not in rolling.ready]
        old = [process for process in left if process.config is not self._configs[process.config.name]]
        if rolling.failed:
            self.unready += [_unready(name, rolling.kept.get(name)) for name in rolling.failed]
            if old:
                names = [process.config.name for process in old]
                self.unready.append(f"{', '.join(names)} {'stays' if len(names) == 1 else 'stay'} as before")
        elif not (termination.stopping or self.stubborn):
            kept = await self._again(old)
            self.unready += [_unready(name, why) for name, why in kept.items()]

    async def _again(self, processes: Sequence[Process]) -> dict[str, str]:
        """Gives the processes their settings, in new processes beside them or after a stop.

        Returns which of them go on as before, and why. Nothing else may start them meanwhile.
        """
        table, startup, launcher = self._table, self._reloader._startup, self._table.launcher
        kept: dict[str, str] = {}
        beside = [p for p in processes if _overlaps(p, self._configs[p.config.name])]
        if beside:
            from supervice.supervision.replacing import replace

            kept = await replace(running_loop(), beside, self._configs, self._why)
            processes = [process for process in processes if process not in beside]
        names = [process.config.name for process in processes]
        table.leave(names)
        try:
            for process in processes:
                startup.cancel(process)
            stubborn = await self._reloader._stop(names, self._why)
            self.stubborn += stubborn
            stopped = [name for name in names if name not in stubborn]
            for name in stopped:
                if launcher is not None:
                    launcher.forget(name)
                table.adjust(name, self._configs[name])
        finally:
            table.leave(())
        table.rebuild()
        if not self._reloader._termination.stopping:
            for name in stopped:
                if name not in table.held:
                    startup.request([table.processes[name]], self._why[name])
        self._reloader._termination.judge()
        return kept

    async def _one(self, part: list[str]) -> None:
        stubborn = await self._reloader._stop(
            [name for name in part if name in self._table.leaving], self._why
        )
        self.stubborn += stubborn
        if not self._stopped:
            running_loop().call_soon(self._renew_stopped)
        self._stopped += [name for name in part if name not in stubborn]


def _overlaps(process: Process, new: ProgramConfig) -> bool:
    """Returns whether its new process can start beside it."""
    if not new.overlap or process.state not in UP:
        return False
    from supervice.lifecycle.overlap import fits

    return fits(process.config, new)


def _unready(name: str, why: str | None) -> str:
    went_on = f": {why}; it goes on as it was" if why else ""
    return f"{name} did not become ready with its new settings{went_on}"


def _cannot_stop(names: list[str]) -> ValueError:
    return ValueError(f"cannot be stopped, not even with SIGKILL: {', '.join(names)}")


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
