"""Decides about processes that a program leaves when its leader ends, logs it, and stops them on request.

A leader that ends and leaves processes has gone into the background. If the program is started again, its
group is stopped first; if not, the processes live on, belong to the program, and a stop of the program
reaches them.
"""

from __future__ import annotations

from supervice import logger
from supervice.lifecycle.states import BACKOFF, STARTING, ChildExited, describe
from supervice.lifecycle.transition import transition
from supervice.models import group_of, member_of
from supervice.pid1.belongings import Belongings, names_of
from supervice.pid1.child import CLEAR_ALL, CLEAR_GROUP, CLEAR_LATER, LEAVE
from supervice.pid1.leftovers import Hunt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lean.loop import AnyFuture
    from supervice.lifecycle.states import Policy, Snapshot
    from supervice.models import ProgramConfig
    from supervice.pid1.child import Child
    from supervice.pid1.leftovers import Stat
    from supervice.pid1.runtime import Runtime

# Seconds between two log lines about what a program in a restart loop leaves behind.
SAY_AGAIN = 60.0


class LeftBehind:
    """What one program has left; made when a leader first leaves processes, or by a stop that looks."""

    __slots__ = ("_hunt", "_runtime", "_said", "belongings", "stopped")

    def __init__(self, runtime: Runtime, config: ProgramConfig) -> None:
        marks = (
            f"SUPERVISOR_PROCESS_NAME={member_of(config)}",
            f"SUPERVISOR_GROUP_NAME={group_of(config)}",
        )
        self._runtime = runtime
        self.belongings = Belongings(runtime.reaper, marks)
        self._hunt: Hunt | None = None
        self.stopped: AnyFuture | None = None  # while a stop of what was left is under way
        self._said = float("-inf")

    def judge(
        self, config: ProgramConfig, now: Snapshot, policy: Policy, child: Child, left: list[Stat]
    ) -> int:
        """Decides what becomes of `left`, and logs it; see `child.Owner`."""
        if now.stop is not None:
            # while the container ends, processes that called setsid are stopped with all other leftovers
            return CLEAR_GROUP if now.stop.bounded else CLEAR_ALL
        loop_time = self._runtime.loop.time()
        status = child.returncode or 0
        event = ChildExited(child.pid, status, loop_time - child.spawned_at, loop_time)
        replaced = transition(now, event, policy)[0].state in (STARTING, BACKOFF)
        fresh = self.belongings.fresh
        if fresh and (not replaced or loop_time - self._said > SAY_AGAIN):
            self._said = loop_time
            logger.warning(_what_was_left(config, status, fresh, replaced))
        if not replaced:
            return LEAVE
        # a leader that crashed did not go into the background
        return CLEAR_LATER if status in policy.exitcodes else CLEAR_GROUP

    async def stopped_all(self, grace: float, *, force: bool = False) -> bool:
        """Does the same, and returns whether all of it is gone."""
        over = self.stop(grace, force=force)
        if not over.done():
            done = self._runtime.loop.create_future()
            over.add_done_callback(lambda _: None if done.done() else done.set_result(None))
            await done
        return not over.result()

    def stop(self, grace: float, *, force: bool = False) -> AnyFuture:
        """Stops what earlier runs have left; returns a future that is done once all is gone."""
        if self.stopped is None or self.stopped.done():
            done = self.stopped = self._runtime.loop.create_future()
            self._hunt = Hunt(
                self._runtime.loop,
                self.belongings.find,
                lambda left: None if done.done() else done.set_result(left),
                grace=0.0 if force else grace,
                kill_all=self.belongings.kill_orphans,
                certain=lambda: self.belongings.certain,
            )
        elif force and self._hunt is not None:
            self._hunt.kill()
        return self.stopped


def _what_was_left(config: ProgramConfig, status: int, left: list[Stat], replaced: bool) -> str:
    from supervice.config.background import foreground_form
    from supervice.config.quoting import split_command

    next_step = (
        "what is left of its group is stopped before the next start"
        if replaced
        else f"that lives on until {config.name} is stopped or the container ends"
    )
    if status not in config.exitcodes:
        return f"{config.name}: {describe(status)}, and left {names_of(left)} running; {next_step}"
    try:
        form = foreground_form(split_command(config.command))
    except ValueError:
        form = ""
    advice = f"; to supervise it, run it in the foreground: {form}" if form else ""
    return (
        f"{config.name}: ended with {describe(status)} and left {names_of(left)} running: it went into the"
        f" background; {next_step}{advice}"
    )
