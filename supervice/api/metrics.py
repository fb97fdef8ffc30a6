"""Writes the numbers of all processes and of the daemon as OpenMetrics text.

https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md; the daemon's own numbers
have the names that Prometheus' client libraries agree on. Loaded with the first request for them.
"""

from __future__ import annotations

import os

from supervice import __version__
from supervice.lifecycle.states import STATES, UP
from supervice.models import group_of
from supervice.supervision.status import readiness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from supervice.process import Process
    from supervice.runner.waiting import Plans
    from supervice.supervision.probes import Probes

    Number = int | float | None
    Used = Mapping[str, Number] | None  # of a process that does not run: None

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Own:
    """The daemon's own numbers; None for what cannot be read."""

    def __init__(self) -> None:
        self.cpu_seconds = sum(os.times()[:2])  # user and kernel
        self.resident_bytes: int | None = None
        self.open_fds: int | None = None
        try:
            with open("/proc/self/statm", "rb") as file:
                self.resident_bytes = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            self.open_fds = len(os.listdir("/proc/self/fd")) - 1  # without the one that reads
        except (OSError, ValueError, IndexError):
            pass


# name, type, unit ("" for none), help, value of one process (None: no sample)
_OF_PROCESSES: tuple[tuple[str, str, str, str, Callable[[Process], Number]], ...] = (
    ("up", "gauge", "", "Whether it is RUNNING or UNHEALTHY.", lambda p: p.state in UP),
    ("ready", "gauge", "", "Whether it is ready or done; absent if it is not meant to run.", readiness),
    ("healthy", "gauge", "", "What its health check says; absent while unknown.", lambda p: p.is_healthy),
    ("uptime_seconds", "gauge", "seconds", "Seconds since it was spawned.", lambda p: p.uptime),
    ("restarts", "counter", "", "Automatic restarts.", lambda p: p.restarts),
    (
        "last_exit_code",
        "gauge",
        "",
        "How it ended last: the exit code, or 128 and the signal that killed it.",
        lambda p: _shell_code(p.exits[-1].status) if p.exits else None,
    ),
    (
        "dropped_lines",
        "counter",
        "",
        "Lines of its output that were lost.",
        lambda p: p.output.dropped_lines if p.output is not None else 0,
    ),
    (
        "lost_bytes",
        "counter",
        "bytes",
        "Bytes of its output that were lost.",
        lambda p: p.output.lost_bytes if p.output is not None else 0,
    ),
    (
        "oom_kills",
        "counter",
        "",
        "How often its main process was killed for want of memory.",
        lambda p: p.oom_kills,
    ),
)


# name, type, unit, help, key of what `usage` says of a process
_OF_USAGE = (
    (
        "cpu_seconds",
        "counter",
        "seconds",
        "CPU time of it and all that it started, since its spawn.",
        "cpu_seconds",
    ),
    ("memory_bytes", "gauge", "bytes", "Memory of it and all that it started.", "memory"),
    (
        "memory_estimated",
        "gauge",
        "",
        "Whether the memory is an estimate, because the kernel shows no more.",
        "memory_estimated",
    ),
    ("processes", "gauge", "", "Number of its processes: it and all that it started.", "processes"),
    ("open_fds", "gauge", "", "Open descriptors of these processes.", "open_files"),
)

# name, type, unit, help, key of what `usage` says of the container
_OF_CONTAINER = (
    (
        "memory_bytes",
        "gauge",
        "bytes",
        "Memory of the container, without what the kernel can drop.",
        "memory",
    ),
    ("memory_limit_bytes", "gauge", "bytes", "Its limit; absent where there is none.", "limit"),
    (
        "oom_kills",
        "counter",
        "",
        "Processes killed for want of memory since supervice began.",
        "oom_kills",
    ),
)


def _shell_code(status: int) -> int:
    return status if status >= 0 else 128 - status


# name, type, unit, help, key of the row of a schedule
_OF_SCHEDULES = (
    ("last_success_timestamp_seconds", "gauge", "seconds", "When a run last succeeded.", "last_success_at"),
    ("last_failure_timestamp_seconds", "gauge", "seconds", "When a run last failed.", "last_failure_at"),
    ("next_timestamp_seconds", "gauge", "seconds", "When it runs next; absent while held.", "next_at"),
    ("last_run_seconds", "gauge", "seconds", "How long its last run took.", "last_seconds"),
    ("failing", "gauge", "", "Whether its last run failed.", "failed"),
    ("running", "gauge", "", "Whether it runs now.", "running"),
    ("succeeded_runs", "counter", "", "Runs that succeeded.", "succeeded"),
    ("failed_runs", "counter", "", "Runs that failed, after all attempts.", "failures"),
    ("skipped_times", "counter", "", "Times that came during a run.", "skipped"),
    ("missed_times", "counter", "", "Times at which nothing could run.", "missed"),
)


def metrics_text(
    processes: Collection[Process],
    probes: Probes,
    own: Own,
    plans: Plans | None = None,
    *,
    used: Mapping[str, Used] | None = None,
    container: Used = None,
) -> str:
    """Returns a whole exposition with its end mark. `used` and `container` are what `usage` returns."""
    lines = [
        *_head("supervice", "info", "", "The version of supervice."),
        f'supervice_info{{version="{escape(__version__)}"}} 1',
    ]
    for name, what, value in (
        ("live", "Whether /livez says 200.", probes.live()),
        ("ready", "Whether /readyz says 200.", probes.ready()),
        ("started", "Whether /startupz says 200.", probes.started()),
    ):
        lines += [*_head(f"supervice_{name}", "gauge", "", what), f"supervice_{name} {_number(value)}"]
    labels = [(process, _labels(process)) for process in processes]
    family = "supervice_process_state"
    lines += _head(family, "stateset", "", "The state of each process.")
    for process, label in labels:
        state = process.state
        lines += [f'{family}{{{label},{family}="{one}"}} {int(one == state)}' for one in STATES]
    for short, kind, unit, what, value_of in _OF_PROCESSES:
        family = f"supervice_process_{short}"
        lines += _head(family, kind, unit, what)
        suffix = "_total" if kind == "counter" else ""
        for process, label in labels:
            number = value_of(process)
            if number is not None:
                lines.append(f"{family}{suffix}{{{label}}} {_number(number)}")
    for short, kind, unit, what, key in _OF_USAGE:
        family = f"supervice_process_{short}"
        lines += _head(family, kind, unit, what)
        for process, label in labels:
            lines += _sample(family, kind, f"{{{label}}}", (used or {}).get(process.config.name), key)
    for short, kind, unit, what, key in _OF_CONTAINER:
        family = f"supervice_container_{short}"
        lines += [*_head(family, kind, unit, what), *_sample(family, kind, "", container, key)]
    if plans is not None:
        lines += _schedules([(p, label) for p, label in labels if p.config.name in plans], plans)
    lines += _own(own)
    return "\n".join([*lines, "# EOF", ""])


def _sample(family: str, kind: str, labels: str, facts: Used, key: str) -> list[str]:
    """Returns one sample; nothing for a value that is not known."""
    number = None if facts is None else facts[key]
    suffix = "_total" if kind == "counter" else ""
    return [] if number is None else [f"{family}{suffix}{labels} {_number(number)}"]


def _schedules(labels: list[tuple[Process, str]], plans: Plans) -> list[str]:
    rows = [(label, plans.row(process.config.name)) for process, label in labels]
    lines = []
    for short, kind, unit, what, key in _OF_SCHEDULES:
        family = f"supervice_schedule_{short}"
        lines += _head(family, kind, unit, what)
        suffix = "_total" if kind == "counter" else ""
        lines += [
            f"{family}{suffix}{{{label}}} {_number(row[key])}" for label, row in rows if row[key] is not None
        ]
    return lines


def _own(own: Own) -> list[str]:
    rows: tuple[tuple[str, str, str, str, Number], ...] = (
        ("process_cpu_seconds", "counter", "seconds", "CPU time of supervice.", own.cpu_seconds),
        (
            "process_resident_memory_bytes",
            "gauge",
            "bytes",
            "Memory of supervice.",
            own.resident_bytes,
        ),
        ("process_open_fds", "gauge", "", "Open descriptors of supervice.", own.open_fds),
    )
    lines = []
    for family, kind, unit, what, number in rows:
        if number is not None:
            suffix = "_total" if kind == "counter" else ""
            lines += [*_head(family, kind, unit, what), f"{family}{suffix} {_number(number)}"]
    return lines


def _head(family: str, kind: str, unit: str, what: str) -> list[str]:
    lines = [f"# TYPE {family} {kind}"]
    if unit:
        lines.append(f"# UNIT {family} {unit}")
    return [*lines, f"# HELP {family} {what}"]


def _labels(process: Process) -> str:
    return f'name="{escape(process.config.name)}",group="{escape(group_of(process.config))}"'


def escape(value: str) -> str:
    """Returns the value as it stands between the quotes of a label."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if isinstance(value, bool | int) else repr(round(value, 3))
