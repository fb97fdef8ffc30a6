"""Waits until a process is in a state that an application names. Loaded with the first such wait."""

from __future__ import annotations

from supervice.lean.loop import running_loop
from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    UNHEALTHY,
)
from supervice.runner.waiting import NotReached, Until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from supervice.lifecycle.states import Snapshot
    from supervice.runner.waiting import Waitable

    class Awaited(Waitable, Protocol):
        """A process that also says why it is where it is."""

        @property
        def snapshot(self) -> Snapshot: ...


STATES = (STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL, UNHEALTHY)
FOREVER = 1e9  # seconds


async def reach(process: Awaited, states: Iterable[str], timeout: float | None) -> str:
    """Returns the first of `states` that the process is in; see `Process.wait_for`."""
    wanted = frozenset(states)
    if not wanted:
        raise ValueError(f"no state to wait for; write one of {', '.join(STATES)}")
    for word in wanted.difference(STATES):
        raise ValueError(f"{word!r} is not a state; write one of {', '.join(STATES)}")
    over = {FATAL} if process.config.schedule is not None else {FATAL, EXITED}
    until = Until([process], wanted | over, passing=EXITED in wanted)
    name, began = process.config.name, running_loop().time()
    there = await until.wait(FOREVER if timeout is None else timeout)
    state = until.reached.get(name, process.state)
    if state in wanted:
        return state
    words = " or ".join(sorted(wanted))
    if not there:
        waited = running_loop().time() - began
        raise TimeoutError(f"{name} is {process.state} after {waited:.1f} s, not {words}")
    why = f" ({process.snapshot.reason})" if process.snapshot.reason else ""
    raise NotReached(f"{name} is {state}{why} and will not be {words} by itself; start it again")
