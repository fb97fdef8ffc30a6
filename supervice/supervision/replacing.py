"""Replaces processes at a reload with `overlap`: new ones with other settings start beside them."""

from __future__ import annotations

from supervice.lifecycle.states import spell
from supervice.runner.overlap import overlap_of
from supervice.runner.overlap_attempts import failures, start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervice.lean.loop import EventLoop
    from supervice.models import ProgramConfig
    from supervice.process import Process


async def replace(
    loop: EventLoop,
    processes: Sequence[Process],
    configs: Mapping[str, ProgramConfig],
    why: Mapping[str, str],
) -> dict[str, str]:
    """Starts new processes that take over; returns the names of those that go on as before, and why."""
    overlaps = [(process.config.name, overlap_of(process)) for process in processes]
    attempts = [(name, overlap.ask(why[name], configs[name])) for name, overlap in overlaps]
    seconds = 0.0
    for process in processes:
        config = configs[process.config.name]
        longest = max(config.startsecs, config.ready_timeout or 0.0) + start_time(config)
        seconds = max(seconds, longest + process.stop_time())  # of the one before, which may not be gone yet
    await failures(loop, attempts, seconds)
    for (_, overlap), (_, attempt) in zip(overlaps, attempts, strict=True):
        if not attempt.is_settled:
            overlap.give_up(f"not ready within {spell(seconds)}")
    return await failures(loop, attempts, 0.0)
