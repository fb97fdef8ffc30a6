"""Stops everything in order: levels in reverse, within one budget of time, then whatever is left.

A program that takes too long is killed early enough that those after it, the leftovers and the last output
still fit the budget. The kill is never what the budget leaves out.
"""

from __future__ import annotations

from supervice import logger
from supervice.lean.loop import paced, running_loop
from supervice.lifecycle.graph import levels
from supervice.lifecycle.states import BACKOFF, RESTING, spell
from supervice.lifecycle.stop_shares import fill_up, reserve
from supervice.pid1.leftovers import Hunt
from supervice.pid1.signals import AFTER_KILL, AFTER_KILL_AT_SHUTDOWN, LEFTOVERS_GRACE
from supervice.runner.waiting import Until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from supervice.lean.loop import EventLoop
    from supervice.pid1.leftovers import Stat
    from supervice.process import Process
    from supervice.runner.waiting import StartQueue, Waitable

    Settle = Callable[[list[Process], float], Awaitable[object]]

# The share of the remaining budget in which a level may finish its work before its stop.
SETTLE_SHARE = 0.1
# Outside of a shutdown, in seconds.
LONGEST_SETTLE = 1.0
# Between two lines that say which processes are waited for.
PROGRESS = 2.0
SLOW = 5.0  # outside of a shutdown


class Shutdown:
    def __init__(
        self,
        loop: EventLoop,
        processes: Iterable[Process],
        timeout: float,
        find_leftovers: Callable[[], list[Stat]] | None,
        settle: Settle | None = None,
        why: str = "",
        kill_all: Callable[[], object] | None = None,
    ) -> None:
        """`why` is the reason of the end.

        `settle(level, seconds)` may let the processes that are stopped next finish their work; `kill_all()`
        sends SIGKILL to all leftovers in one step, where that is possible.
        """
        self._loop = loop
        self._kill_all = kill_all
        self._processes = list(processes)
        self._deadline = loop.time() + timeout
        self._timeout = timeout
        self._reserve = reserve(timeout)
        self._find_leftovers = find_leftovers
        self._settle = settle
        self._trigger = f"shutdown: {why}"
        self._hunt: Hunt | None = None
        self._forced = False

    @property
    def time_left(self) -> float:
        return max(0.0, self._deadline - self._loop.time())

    def force(self) -> None:
        """Stops waiting: sends SIGKILL to everything now."""
        self._forced = True
        self._loop.create_task(self._kill())
        if self._hunt is not None:
            self._hunt.kill()

    async def _kill(self) -> None:
        async for process in paced(self._loop, self._processes):
            if process.state not in RESTING:
                process.request_stop(force=True, trigger=self._trigger)

    async def run(self) -> None:
        async for process in paced(self._loop, self._processes):
            if process.state == BACKOFF or (process.state in RESTING and process.beside is not None):
                process.request_stop(trigger=self._trigger)
        to_stop = stop_levels(self._processes)
        while to_stop:
            level = [p for p in to_stop.pop(0) if p.state not in RESTING]
            if level:
                await self._stop_level(level, to_stop)
        await self._stop_leftovers()

    async def _stop_level(self, level: list[Process], later: list[list[Process]]) -> None:
        if self._settle is not None and not self._forced:
            await self._settle(level, self.time_left * SETTLE_SHARE)
        needs = [_slowest(level), *map(_slowest, later)]
        within = fill_up(needs, self.time_left - self._reserve)[0]
        gone = Until(level, RESTING)
        async for process in paced(self._loop, level):
            process.request_stop(force=self._forced, within=within, trigger=self._trigger)
        if within < needs[0] and not self._forced:
            self._say_cut(level, within)
        progress = Progress(self._loop, gone, PROGRESS)
        try:
            if not await gone.wait(within + AFTER_KILL_AT_SHUTDOWN):
                names = ", ".join(p.config.name for p in gone.missing)
                logger.error(f"cannot be stopped, not even with SIGKILL: {names}")
        finally:
            progress.stop()

    def _say_cut(self, level: list[Process], within: float) -> None:
        cut = [f"{p.config.name} ({p.stop_time():g} s)" for p in level if p.stop_time() > within]
        logger.warning(
            f"the stop of {', '.join(cut)} is cut to {spell(within)}, so that everything fits"
            f" shutdown_timeout = {self._timeout:g} s; SIGKILL follows"
        )

    async def _stop_leftovers(self) -> None:
        if self._find_leftovers is None:
            return
        done = self._loop.create_future()
        grace = 0.0 if self._forced else min(LEFTOVERS_GRACE, self.time_left - self._reserve / 2)
        said = LeftoversSaid()
        self._hunt = Hunt(
            self._loop,
            self._find_leftovers,
            done.set_result,
            grace=max(0.0, grace),
            notify=said,
            kill_all=self._kill_all,
            thorough=self._kill_all is None,
        )
        left = await done
        self._hunt = None
        if said.more:
            logger.info(f"{said.more} more like them came while they were stopped")
        if left:
            logger.error(f"still there after SIGKILL: {_words(left)}")


class Progress:
    """Logs every `pause` seconds which processes are still awaited, and how long that may take."""

    def __init__(
        self, loop: EventLoop, until: Until, pause: float = SLOW, queue: StartQueue | None = None
    ) -> None:
        self._loop, self._until, self._pause, self._queue = loop, until, pause, queue
        self._timer = loop.call_later(pause, self._say)

    def _say(self) -> None:
        from supervice.supervision.next_step import waiting_line

        logger.info(waiting_line(self._until.missing, self._queue))  # type: ignore[arg-type]
        self._timer = self._loop.call_later(self._pause, self._say)

    def stop(self) -> None:
        self._timer.cancel()


def stop_levels(processes: Iterable[Process]) -> list[list[Process]]:
    """Returns the processes that stop together, level by level: the exact reverse of the start."""
    by_name = {process.config.name: process for process in processes}
    if len(by_name) < 2:  # most containers; and each microsecond here is one before the stop signal
        return [list(by_name.values())]
    order = levels(process.config for process in by_name.values())
    return [[by_name[name] for name in level] for level in reversed(order)]


async def stop_in_order(
    every: Iterable[Process],
    chosen: Iterable[Process],
    wanted: Callable[[Process], bool],
    trigger: Callable[[Process], str],
    settle: Settle | None = None,
) -> list[Waitable]:
    """Stops `chosen` in the order of a shutdown of `every`; returns those that could not be stopped.

    `wanted` is asked before each level, since a start may have been requested meanwhile. `trigger` returns
    why a process is stopped. `settle` as in `Shutdown`.
    """
    these = {id(process) for process in chosen}
    stubborn: list[Waitable] = []
    for level in stop_levels(every):
        now = [p for p in level if id(p) in these and p.state not in RESTING and wanted(p)]
        if now and settle is not None:
            await settle(now, LONGEST_SETTLE)
            now = [p for p in now if p.state not in RESTING and wanted(p)]
        if now:
            gone = Until(now, RESTING)
            async for process in paced(running_loop(), now):
                process.request_stop(trigger=trigger(process))
            progress = Progress(running_loop(), gone)
            try:
                if not await gone.wait(_slowest(now) + AFTER_KILL):
                    stubborn += gone.missing
            finally:
                progress.stop()
        for process in level:
            if id(process) in these and process.has_left_any and process.state in RESTING and wanted(process):
                await process.stop_what_it_left()
    return stubborn


def longest_stop(every: Iterable[Process], chosen: Iterable[Process]) -> float:
    """Returns the seconds that `stop_in_order` may take."""
    these = {id(process) for process in chosen}
    of_level = [[p for p in level if id(p) in these] for level in stop_levels(every)]
    return sum(_slowest(processes) + AFTER_KILL for processes in of_level if processes)


def _slowest(processes: list[Process]) -> float:
    return max((p.stop_time() for p in processes if p.state not in RESTING), default=0.0)


class LeftoversSaid:
    """Logs which leftovers are stopped: each name once; later ones of that name are only counted.

    A shell that ignores its signal and goes on with its loop has a new child each moment.
    """

    __slots__ = ("_names", "more")

    def __init__(self) -> None:
        self.more = 0  # those that were not said
        self._names: set[tuple[str, int]] = set()

    def __call__(self, found: list[Stat], signum: int) -> None:
        fresh = [stat for stat in found if (stat.name, signum) not in self._names]
        self.more += len(found) - len(fresh)
        self._names.update((stat.name, signum) for stat in fresh)
        how = "killing" if signum == 9 else "stopping"
        # A process without a parent in this namespace came from outside, by `docker exec`.
        for what, stats in (
            ("the programs left behind", [stat for stat in fresh if stat.ppid]),
            ("was started beside the programs (docker exec)", [stat for stat in fresh if not stat.ppid]),
        ):
            if stats:
                logger.info(f"{how} what {what}: {_words(stats)}")


def _words(stats: list[Stat]) -> str:
    words = [f"{stat.name} (pid {stat.pid})" for stat in stats[:10]]
    if len(stats) > 10:
        words.append(f"and {len(stats) - 10} more")
    return ", ".join(words)
