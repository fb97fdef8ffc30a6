"""The schedule of one process: its plan and its state."""

from __future__ import annotations

import os

from supervice.models import program_of
from supervice.schedules import states as s
from supervice.schedules import zones
from supervice.schedules.expression import parse
from supervice.schedules.timeline import Timeline, seed_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.models import ProgramConfig
    from supervice.process import Process
    from supervice.schedules.records import Cron, Every, Reboot
    from supervice.supervision.schedule_notify import Notifications


class Entry:
    """The schedule of one process."""

    __slots__ = (
        "config",
        "due",
        "lines",
        "name",
        "notifications",
        "plan",
        "process",
        "stamp_failed",
        "state",
    )

    def __init__(self, process: Process, config: ProgramConfig) -> None:
        assert config.schedule is not None
        self.process = process
        self.name = config.name
        self.config = config.schedule
        self.lines, self.plan = plan_of(config)
        self.state = s.State(0.0, 0.0, 0.0, 0.0)
        self.due: float | None = None  # on the loop's clock
        self.notifications: Notifications | None = None
        self.stamp_failed = False


def plan_of(config: ProgramConfig) -> tuple[tuple[Cron | Every | Reboot, ...], s.Plan]:
    """Returns the plan that the options describe. ValueError if the time zone has disappeared."""
    schedule = config.schedule
    assert schedule is not None
    lines = tuple(parse(line) for line in schedule.lines)
    zone = zones.find(schedule.timezone, os.environ)
    timeline = Timeline(lines, zone, schedule.jitter, seed_of(program_of(config), os.uname().nodename))
    settings = s.Settings(
        schedule.overlap,
        schedule.timeout,
        schedule.retries,
        config.backoff,
        config.backoff_factor,
        config.backoff_max,
        schedule.deadline,
        schedule.stamp is not None,
    )
    return lines, s.Plan(timeline, settings)
