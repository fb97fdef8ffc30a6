"""Checks that the options of `schedule` and `watch` fit together, and turns them into their fields.

Loaded where one of them is set.
"""

from __future__ import annotations

from supervice.models import ScheduleConfig, WatchConfig
from supervice.schedules import advice, zones
from supervice.schedules.expression import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.reader import Section

ENV_FILES = "@env"
# Options that a schedule takes the place of.
_DECIDED = {
    "autorestart": "remove it",
    "startretries": "write schedule_retries",
    "startsecs": "remove it",
    "restart_limit": "remove it",
}


def time_problems(ctx: Context, section: Section, where: str, values: dict[str, Any], numprocs: int) -> None:
    """Reports what does not fit, and sets what follows from a schedule in `values`."""
    _Rules(ctx, section, where, values, numprocs).look()


class _Rules:
    def __init__(
        self, ctx: Context, section: Section, where: str, values: dict[str, Any], numprocs: int
    ) -> None:
        self._ctx = ctx
        self._section = section
        self._given = section.options
        self._where = where
        self._values = values
        self._numprocs = numprocs

    def look(self) -> None:
        for owner in ("schedule", "watch"):
            if owner not in self._given:
                for option in self._given:
                    if option.startswith(f"{owner}_"):
                        self._error(option, f"{option} does nothing without {owner}; add it")
        if self._values.get("schedule"):
            self._schedule()
        if self._values.get("watch"):
            self._watch()

    def _schedule(self) -> None:
        values, given = self._values, self._given
        if given.get("type") and values.get("type") == "simple":
            self._error("type", "type = simple does not go with schedule: it is a oneshot; remove it")
        values["type"] = "oneshot"
        for option, instead in _DECIDED.items():
            if option in given:
                self._error(option, f"{option} does nothing with schedule; {instead}")
        if values.get("main"):
            self._error("main", "main = true does not go with schedule: the container would end with a run")
        for line in values["schedule"]:
            for doubt in advice.doubts(parse(line)):
                self._warning("schedule", f"schedule = {line}: {doubt}")
        try:
            zones.find(values.get("schedule_timezone"), self._ctx.environ)
        except ValueError as error:
            option = "schedule_timezone" if "schedule_timezone" in given else "schedule"
            written = f" = {values['schedule_timezone']}" if option == "schedule_timezone" else ""
            self._error(option, f"{option}{written}: {error}")
        stamp = given.get("schedule_stamp")
        if stamp is not None and self._numprocs > 1 and "%(process_num)" not in stamp[0]:
            self._error(
                "schedule_stamp",
                f"schedule_stamp: {self._numprocs} processes would write this file; "
                "write %(process_num)02d into its name",
            )

    def _watch(self) -> None:
        values = self._values
        if ENV_FILES in values["watch"] and not (values.get("env_file") or values.get("secrets")):
            self._error("watch", "watch = @env: it has no env_file and no secrets; add one or name the files")
        unknown = next((path for path in values["watch"] if path[:1] == "@" and path != ENV_FILES), None)
        if unknown is not None:
            self._error("watch", f"watch = {unknown}: no such list; write @env or ./{unknown}")

    def _error(self, option: str, message: str) -> None:
        _, file, line = self._given.get(option) or ("", self._section.file, self._section.line)
        self._ctx.error(file, line, option, f"{self._where} {message}")

    def _warning(self, option: str, message: str) -> None:
        _, file, line = self._given[option]
        self._ctx.warning(file, line, option, f"{self._where} {message}")


def nest(fields: dict[str, Any]) -> None:
    """Moves the options of `schedule` and `watch` among a program's fields to where they belong."""
    lines, paths = fields["schedule"], fields["watch"]
    of_schedule = {name[9:]: fields.pop(name) for name in list(fields) if name.startswith("schedule_")}
    of_watch = {name[6:]: fields.pop(name) for name in list(fields) if name.startswith("watch_")}
    if lines:
        fields["schedule"] = ScheduleConfig(lines, **of_schedule)
    if paths:
        fields["watch"] = WatchConfig(paths, **of_watch)
