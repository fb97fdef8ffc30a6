"""Runs in the container, beside PID 1: `python -m tests.chaos.storm '{"seed": ..., ...}'`. A storm, and what must hold.

Never two copies of a process; true replies; no zombie, descriptor, thread or directory more once it is quiet. What it
finds goes out as lines of JSON, at once, since the container may end under it; the end itself is judged outside.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos import actors, disasters, facts
from tests.chaos.actors import World, ask, rows, say

QUIET = 60.0  # seconds within which it is quiet after a storm; a deadline of the test, as `actors.ANSWER`
MORE_DESCRIPTORS = (
    4  # the socket for notifications, a log that is rotated, a connection that is about to close
)


def until(condition: Callable[[], object], seconds: float = QUIET) -> bool:
    over = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > over:
            return False
        time.sleep(0.05)
    return True


def is_up() -> bool:
    try:
        return bool(rows()["steady"]["pid"])
    except (actors.Gone, KeyError):
        return False


def at_rest(world: World) -> dict[str, int]:
    """Stops everything and returns what PID 1 has then; says what should not be there."""
    reply = ask("stop", name="all", timeout=90)
    if not until(lambda: all(row["pid"] is None for row in rows().values())):
        world.fail(f"stop all: {reply}; {[row for row in rows().values() if row['pid']]}")
    if not until(lambda: not facts.zombies()):
        world.fail(f"zombies stay: {facts.zombies()}")
    if not until(lambda: not facts.others()):
        left = [(pid, facts.named(pid)) for pid in facts.others()]
        world.fail(f"after stop all these live: {left[:20]}")
    return {
        "descriptors": facts.descriptors(),
        "threads": facts.threads(),
        "directories": len(facts.directories()),
    }


def compare(world: World, before: dict[str, int]) -> None:
    """Whether PID 1 has no more than before the storm."""
    more = {"descriptors": MORE_DESCRIPTORS, "threads": 0, "directories": 1 - min(1, before["directories"])}
    after = at_rest(world)

    def grown() -> list[str]:
        now = {"descriptors": facts.descriptors(), "threads": facts.threads()}
        now["directories"] = len(facts.directories())
        return [
            f"{what}: {before[what]}, then {now[what]}"
            for what in now
            if now[what] > before[what] + more[what]
        ]

    if not until(lambda: not grown()):
        world.fail(f"more than before the storm: {grown()}: {open_files()}")
    if after["directories"] > 1:
        world.fail(f"directories of other runs: {facts.directories()}")


def open_files() -> list[str]:
    found = []
    for name in os.listdir("/proc/1/fd"):
        try:
            found.append(f"{name}={os.readlink(f'/proc/1/fd/{name}')}")
        except OSError:
            continue
    return found


def storm(world: World, seconds: float, ender: Callable[[World], None] | None) -> None:
    acts: dict[str, Callable[..., object]] = {}
    for i in range(world.clients):
        acts[f"client {i}"] = partial(actors.client, i)
    for act in (actors.stranger, actors.crasher):
        for i in range(3):
            acts[f"{act.__name__} {i}"] = act
    acts["reloader"] = actors.reloader
    acts["auditor"] = actors.auditor
    for i in range(2):
        acts[f"disaster {i}"] = disasters.disaster
    all_there = threading.Event()

    def begin(act: Callable[..., object], what: str) -> None:
        all_there.wait()  # with a disaster under way no more threads may be had
        actors.again_and_again(act, world, what)

    threads = [threading.Thread(target=begin, args=(act, what)) for what, act in acts.items()]
    for thread in threads:
        thread.start()
    ask(
        "start", name="all", timeout=5
    )  # only now: the program that forks without end may take what pids there are
    world.over = time.monotonic() + seconds
    say(phase="storm")
    all_there.set()
    while ender and not world.is_over():
        time.sleep(0.1)
    if ender and time.monotonic() > world.over:
        ender(world)
    for thread in threads:
        thread.join()


def told(how: str) -> Callable[[World], None]:
    """Ends PID 1 in the middle of it all. This process ends with the container."""

    def end(world: World) -> None:
        world.ending.set()
        say(phase="end", done=disasters.done)
        for word in how.replace(
            "KILL", ""
        ).split():  # that one takes another namespace: it comes from outside
            os.kill(facts.PID1, getattr(signal, f"SIG{word}"))
            time.sleep(0.2)

    return end


def lack_memory() -> None:
    """Has the kernel kill PID 1. Nothing is started meanwhile: that would put its score back."""
    say(phase="end")
    Path(f"/proc/{facts.PID1}/oom_score_adj").write_text("1000")
    taken = []
    while True:
        taken.append(b"x" * (8 << 20))


def main() -> None:
    order: dict[str, Any] = json.loads(sys.argv[1])
    world = World(order["seed"], order["clients"], 0)
    if not until(is_up):
        world.fail("it does not come up")
        return
    before = at_rest(world)
    storm(world, order["seconds"], told(order["end"]) if order["amid"] else None)
    say(done=disasters.done)
    if not world.ending.is_set():
        say(phase="quiet")
        compare(world, before)
        if order["end"] == "OOM":
            lack_memory()
        ask("start", name="all", timeout=5)
        say(phase="rest")


if __name__ == "__main__":
    main()
