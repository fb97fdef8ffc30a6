"""`python -m tests.soak [--seconds N]`: one daemon, much trouble, and whether anything of it grows.

Runs crash loops, reloads with ever new programs, log rotation, health checks, schedules, watched files, orphans and
clients of every kind, pages with streams among them, against one daemon, looks at it from outside (/proc) and from inside (`tests.soak.daemon`), and compares what follows
the warm-up with itself. Exit 1 when something grows, when a zombie stays, or when a client was not answered.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests import procfs
from tests.eventually import eventually
from tests.ports import free_port
from tests.soak import scene
from tests.soak.actors import Actors
from tests.soak.box import boxed
from tests.soak.verdict import Limit, persisting, trend

# What a row may grow by over the run, at most by that share of itself: forty pages come and go. Memory breathes
# with the number of clients and with where the allocator puts things; anything that leaks with each of the hundreds
# of thousands of events of a long run is far above this.
LIMITS = {
    "anonymous KiB": Limit(512, 0.02),
    "descriptors": Limit(6, 0.1),
    "threads": Limit(0.5),
    "children": Limit(15),
    "timers": Limit(8),
    "handlers": Limit(6, 0.1),
    "tasks": Limit(4),
    "processes": Limit(4),
    "objects": Limit(600, 0.02),
    "directories": Limit(0.5),
}
CPU = "cpu ms/s"
PSS = "pss KiB"  # for information: it changes with who else runs the same interpreter
# In less than a minute a crowd of clients at one end and none at the other is all the difference.
SHORT, SHORT_LIMITS = 60.0, {"anonymous KiB": Limit(1536), "objects": Limit(2500)}
FEWEST = 12  # measurements; on a busy machine they take longer than the time that was given


@dataclass
class Record:
    """Everything that was seen."""

    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    zombies: list[set[int]] = field(default_factory=list)

    def add(self, name: str, when: float, value: float) -> None:
        self.series.setdefault(name, []).append((when, value))

    def sample(self, pid: int, when: float) -> None:
        memory = procfs.memory_kib(pid)
        if not memory["pss"]:
            raise RuntimeError("the daemon is gone")
        self.add(PSS, when, memory["pss"])
        self.add("anonymous KiB", when, memory["anonymous"])
        self.add("descriptors", when, procfs.descriptors(pid))
        self.add("threads", when, procfs.threads(pid))
        self.add("directories", when, len(notification_directories()))
        table = procfs.family()
        mine = [(one, state) for one, (parent, state) in table.items() if parent == pid]
        self.add("children", when, len(mine))
        self.zombies.append({one for one, state in mine if state == "Z"})

    def inner(self, lines: list[str], seconds: float) -> None:
        for number, line in enumerate(lines):
            for pair in line.split():
                name, _, value = pair.partition("=")
                self.add(name, (number + 1) * seconds, float(value))


def notification_directories() -> list[Path]:
    """Those of this daemon, and what it forgets to remove."""
    return [path for place in ("/run", "/tmp") for path in Path(place).glob("supervice-????????????")]


def soak(folder: Path, seconds: float, quiet: bool = False) -> int:
    """One soak in `folder`; the exit code."""
    interval = max(0.5, seconds / 120)
    port = free_port()
    (folder / "server.py").write_text(scene.SERVER)
    (folder / "ready.py").write_text(scene.READY)
    (folder / "c.conf").write_text(scene.configuration(str(folder), port, 0))
    counts = folder / "counts"
    with open(folder / "out", "ab") as out:
        daemon = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.soak.daemon",
                str(counts),
                str(interval),
                "-c",
                str(folder / "c.conf"),
            ],
            stdout=out,
            stderr=out,
            cwd=Path(__file__).parents[2],
        )
    try:
        eventually(lambda: (folder / "s.sock").exists(), timeout=20)
        actors = Actors(folder, daemon.pid, port)
        record = _run(daemon.pid, actors, seconds, interval, folder, quiet)
        actors.close()
        record.inner(counts.read_text().splitlines(), interval)
        problems = _judge(record, actors) + _end(daemon)
        _print(record, actors, seconds)
    finally:
        daemon.kill()
        daemon.wait()
    for problem in problems:
        print(f"FAILED: {problem}")
    if not problems:
        print("Nothing grows.")
    return 1 if problems else 0


def _run(pid: int, actors: Actors, seconds: float, interval: float, folder: Path, quiet: bool) -> Record:
    record = Record()
    begin = time.monotonic()
    next_sample, told, cpu, cpu_at = begin + interval, begin, procfs.cpu_seconds(pid), begin
    while (now := time.monotonic()) < begin + seconds or len(record.zombies) < FEWEST:
        busy = actors.turn()
        if now >= next_sample:
            record.sample(pid, now - begin)
            spent = procfs.cpu_seconds(pid)
            record.add(CPU, now - begin, 1000 * (spent - cpu) / (now - cpu_at))
            cpu, cpu_at = spent, now
            next_sample = now + interval  # a late sample is no reason for two at once
            os.truncate(folder / "out", 0)  # the soak is about the daemon, not about this disk
        if not quiet and now - told >= 60:
            told = now
            print(f"{now - begin:6.0f} s  {_last(record)}", flush=True)
        if not busy:
            time.sleep(0.02)
    return record


def _last(record: Record) -> str:
    return "  ".join(f"{name} {points[-1][1]:g}" for name, points in record.series.items() if name != CPU)


def _judge(record: Record, actors: Actors) -> list[str]:
    problems = [f"not answered: {one}" for one in actors.failed[:5]]
    short = record.series[CPU][-1][0] < SHORT
    for name, limit in LIMITS.items():
        found = trend(record.series[name], SHORT_LIMITS.get(name, limit) if short else limit)
        if found.grows:
            problems.append(f"{name} grew from {found.early:g} to {found.late:g} in {found.span:.0f} s")
    if stayed := persisting(record.zombies):
        problems.append(f"zombies that stayed: {sorted(stayed)}")
    return problems


def _end(daemon: subprocess.Popen[bytes]) -> list[str]:
    """It can still end, with nothing left behind."""
    mine = set(procfs.descendants(daemon.pid))
    daemon.send_signal(signal.SIGTERM)
    try:
        code = daemon.wait(40)
    except subprocess.TimeoutExpired:
        return ["it did not end within 40 s of SIGTERM"]
    left = sorted(pid for pid in mine if procfs.family().get(pid, (0, "Z"))[1] != "Z")
    problems = [f"left behind: {left}"] if left else []
    return problems + ([f"exit code {code}"] if code else [])


def _print(record: Record, actors: Actors, seconds: float) -> None:
    print(
        f"\n{seconds:.0f} s; done: "
        + ", ".join(f"{count} {name}" for name, count in sorted(actors.done.items()))
    )
    print(f"\n| {'what':<13} | after warm-up | at the end | slope an hour |")
    print(f"|{'-' * 15}|--------------:|-----------:|--------------:|")
    for name in [*LIMITS, PSS, CPU]:
        found = trend(record.series[name], LIMITS.get(name, Limit(0)))
        print(f"| {name:<13} | {found.early:13.1f} | {found.late:10.1f} | {found.slope * 3600:+13.1f} |")
    print()


def _seconds(text: str) -> float:
    for unit, factor in (("s", 1), ("m", 60), ("h", 3600)):
        if text.endswith(unit):
            return float(text[:-1]) * factor
    return float(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=_seconds, default=1800.0, help="90, 60s, 30m, 1h (default: 30m)")
    parser.add_argument("--box", action="store_true", help="in a container with limits")
    parser.add_argument("--keep", action="store_true", help="keep the working directory")
    args = parser.parse_args()
    if args.box:
        return boxed(args.seconds)
    folder = Path(tempfile.mkdtemp(prefix="soak"))
    try:
        return soak(folder, args.seconds)
    finally:
        if args.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
