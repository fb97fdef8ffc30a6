"""Writes the schedules of a configuration in words, with their next times, for `supervice check`."""

from __future__ import annotations

import os
import time

from supervice.models import program_of
from supervice.schedules import zones
from supervice.schedules.description import say
from supervice.schedules.expression import parse
from supervice.schedules.timeline import Timeline, seed_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervice.config import Loaded
    from supervice.models import ProgramConfig

NEXT = 3


def in_words(loaded: Loaded) -> Iterator[str]:
    """Returns a line for each schedule of each program."""
    for config in loaded.config.programs:
        for line in config.schedule.lines if config.schedule is not None else ():
            yield f"{config.name} runs {say(parse(line))} ({line})"


def explained(loaded: Loaded, now: float | None = None) -> Iterator[str]:
    """Returns the same with the time zone and the next times, for `--explain`."""
    if not any(config.schedule for config in loaded.config.programs):
        return
    yield "\nschedules:"
    for config in loaded.config.programs:
        schedule = config.schedule
        if schedule is None:
            continue
        timeline = _timeline(config)
        later = f", {timeline.offset:g} s later on this host (schedule_jitter)" if timeline.offset else ""
        for line in schedule.lines:
            yield f"  {config.name}: {say(parse(line))} ({line})"
        times: list[str] = []
        at = time.time() if now is None else now
        while len(times) < NEXT and (found := timeline.next_after(at)) is not None:
            times.append(timeline.zone.shown(found))
            at = found
        zone = timeline.zone.name
        yield f"    zone {zone}{later}" + (f"; next {', '.join(times)}" if times else "")


def _timeline(config: ProgramConfig) -> Timeline:
    schedule = config.schedule
    assert schedule is not None
    lines = [parse(line) for line in schedule.lines]
    zone = zones.find(schedule.timezone, os.environ)
    return Timeline(lines, zone, schedule.jitter, seed_of(program_of(config), os.uname().nodename))
