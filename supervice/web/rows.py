"""The processes as the page shows them, and what has changed since a client was last told. Pure.

A row is a list: name, look (one of `pictures.svg.class_of`'s five), state, pid, the second it was started,
restarts, health, detail, CPU, memory. The script has the same order.
"""

from __future__ import annotations

from supervice.control.render import detail, health_cell
from supervice.lean.text import clean
from supervice.pictures.svg import class_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Row = list[Any]

NAME, LOOK, STATE, PID, SINCE, RESTARTS, HEALTH, DETAIL, CPU, MEMORY = range(10)
SAME_START = 2  # seconds: two looks at one uptime differ by less
UNKNOWN = "\u2013"  # no name: the interpreter of the bundle has no table of them


def row_of(process: dict[str, Any], now: float) -> Row:
    """Returns the page's row for a row of `status`; `now` in seconds since the epoch."""
    uptime = process.get("uptime")
    since = round(now - uptime) if isinstance(uptime, int | float) and process.get("pid") else 0
    healthy, words = process.get("healthy"), detail(process)
    message = process.get("health_message")
    if healthy is False and message and not process.get("reason"):
        words = "; ".join(filter(None, (words, clean(message))))
    return [
        str(process.get("name", "?")),
        class_of(process),
        clean(process.get("state", "?")),
        process.get("pid") or 0,
        since,
        process.get("restarts") or 0,
        "" if healthy is None else health_cell(healthy),
        words,
        *usage(process.get("resources")),
    ]


def usage(resources: object) -> tuple[str, str]:
    """Returns CPU and memory as text; "" when the daemon was not asked, a dash for unknown."""
    if not isinstance(resources, dict):
        return "", ""
    share, memory = resources.get("cpu_percent"), resources.get("memory")
    about = "~" if resources.get("memory_estimated") else ""
    return (
        f"{share:.1f} %" if isinstance(share, int | float) else UNKNOWN,
        f"{about}{size(memory)}" if isinstance(memory, int) else UNKNOWN,
    )


def size(number: float) -> str:
    """Returns bytes in the largest unit of 1024 that keeps them above 1."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            break
        number /= 1024
    return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"


def container_text(said: object) -> str:
    """Returns what the container uses and which processes it has lost; "" when that is unknown."""
    if not isinstance(said, dict) or not isinstance(said.get("memory"), int):
        return ""
    limit, kills = said.get("limit"), said.get("oom_kills")
    of = f" of {size(limit)}" if isinstance(limit, int) and limit > 0 else ""
    killed = f", {kills} killed for want of it" if isinstance(kills, int) and kills > 0 else ""
    return f"memory {size(said['memory'])}{of}{killed}"


class Model:
    """What clients have been told. `epoch` names this run of the daemon, in which versions count up."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.version = 1
        self.container = ""
        self._whole = 1  # a client with an older version is told everything: the set has changed
        self._rows: dict[str, tuple[int, Row]] = {}

    @property
    def rows(self) -> list[Row]:
        """Returns the rows in the order of the configuration."""
        return [row for _, row in self._rows.values()]

    @property
    def unsettled(self) -> list[str]:
        """Returns processes that wait or are changing: what they wait for changes without an event."""
        return [name for name, (_, row) in self._rows.items() if row[LOOK] == "busy"]

    def update(
        self, processes: Iterable[dict[str, Any]], now: float, *, whole: bool, container: str = ""
    ) -> None:
        """Takes over rows of `status`; `whole`: these are all processes, in their order."""
        version = self.version + 1
        changed = False
        rows: dict[str, tuple[int, Row]] = {} if whole else self._rows
        for process in processes:
            row = row_of(process, now)
            name = row[NAME]
            known = self._rows.get(name)
            if known is not None:
                before = known[1]
                if before[PID] == row[PID] and abs(before[SINCE] - row[SINCE]) <= SAME_START:
                    row[SINCE] = before[SINCE]
                if row[CPU] == row[MEMORY] == "" and before[PID] == row[PID]:
                    row[CPU], row[MEMORY] = before[CPU], before[MEMORY]
            if known is not None and known[1] == row:
                rows[name] = known
            else:
                rows[name] = version, row
                changed = True
        if whole and list(rows) != list(self._rows):
            self._whole = version
            changed = True
        if container and container != self.container:
            self.container = container
            changed = True
        self._rows = rows
        if changed:
            self.version = version

    def forget_usage(self) -> None:
        """Forgets CPU and memory, which are too old to be shown again."""
        version = self.version + 1
        for name, (_, row) in self._rows.items():
            if row[CPU] or row[MEMORY]:
                self._rows[name] = version, [*row[:CPU], "", ""]
                self.version = version

    def since(self, epoch: str, version: int) -> dict[str, Any] | None:
        """Returns what a client lacks that knows `version` of that epoch; None for nothing."""
        if epoch == self.epoch and version == self.version:
            return None
        everything = epoch != self.epoch or not self._whole <= version <= self.version
        rows = [row for number, row in self._rows.values() if everything or number > version]
        mood, words = self.headline()
        told = {"from": self.position, "all": everything, "mood": mood, "sum": words, "rows": rows}
        return {**told, "container": self.container}

    @property
    def position(self) -> str:
        return f"{self.epoch}-{self.version}"

    def headline(self) -> tuple[str, str]:
        """Returns the mood (a look) and one sentence about all processes."""
        counts = {"up": 0, "busy": 0, "bad": 0, "done": 0, "off": 0}
        wrong = []
        for _, row in self._rows.values():
            counts[row[LOOK]] += 1
            if row[LOOK] == "bad":
                wrong.append(
                    f"{clean(row[NAME])} is {'unhealthy' if row[STATE] == 'RUNNING' else row[STATE]}"
                )
        if not self._rows:
            return "off", "No programs"
        words = (
            ("running", counts["up"]),
            ("on the way", counts["busy"]),
            ("done", counts["done"]),
            ("stopped", counts["off"]),
        )
        text = ", ".join(f"{count} {word}" for word, count in words if count)
        if wrong:
            more = f" and {len(wrong) - 2} more" if len(wrong) > 2 else ""
            text = "; ".join(filter(None, (", ".join(wrong[:2]) + more, text)))
            return "bad", text
        return ("busy" if counts["busy"] else "up" if counts["up"] else "off"), text


def position_of(text: str) -> tuple[str, int]:
    """Returns (epoch, version) of a `position`; an invalid one is before everything."""
    epoch, _, version = text.rpartition("-")
    return (epoch, int(version)) if version.isascii() and version.isdigit() and len(version) < 16 else ("", 0)
