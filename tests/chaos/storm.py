"""Runs in the container: `storm.py SECONDS SEED CLIENTS`. Rounds of storm, quiet and an end, with what must hold.

Never two copies of a process; true replies; no zombie and no descriptor more once it is quiet; an end in time, with the
right code and nothing left; after a SIGKILL of the daemon the next one starts as the first did.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import actors  # type: ignore[import-not-found]  # beside it, in the container
import scene  # type: ignore[import-not-found]

ROUND = 15.0
QUIET = 15.0  # seconds within which it is quiet after a storm
MORE_DESCRIPTORS = 6  # a log that is rotated, a connection that is about to close


def until(condition: Callable[[], object], seconds: float) -> bool:
    over = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > over:
            return False
        time.sleep(0.05)
    return True


def others() -> list[int]:
    """Every process but PID 1 (the engine's init) and this one."""
    mine = {1, os.getpid()}
    found = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [pid for pid in found if pid not in mine and actors.is_alive(pid)]


def zombies_of(pid: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] == "Z" and int(fields[1]) == pid:
                found.append(int(name))
    return found


class Round:
    """One daemon from its start to its end."""

    def __init__(self, number: int, random: Random, clients: int) -> None:
        self.number = number
        self.random = random
        self.clients = clients
        self.failures: list[str] = []
        self.quiet = threading.Event()
        self.log = Path(f"{scene.FOLDER}/log.{number}")

    def fail(self, text: str) -> None:
        self.failures.append(f"round {self.number}: {text}")

    def run(self, seconds: float) -> None:
        Path(scene.CONFIG).write_text(scene.configuration(self.random, self.clients))
        with self.log.open("w") as log:
            daemon = subprocess.Popen(
                ["supervice", "-c", scene.CONFIG], stdout=log, stderr=subprocess.STDOUT, cwd="/"
            )
        if not until(self.is_up, 20):
            self.fail("it does not start")
        before = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        self.storm(daemon.pid, seconds)
        self.look(daemon.pid, before)
        self.end(daemon)

    def is_up(self) -> bool:
        try:
            return bool(actors.row("steady")["pid"])
        except actors.Gone:
            return False

    def storm(self, pid: int, seconds: float) -> None:
        over = time.monotonic() + seconds
        acts: dict[str, Callable[[], object]] = {}
        for i in range(self.clients):
            acts[f"client {i}"] = partial(actors.client, i, self.dice(i))
        for kind, act in (("stranger", actors.stranger), ("crasher", actors.crasher)):
            for i in range(3):
                acts[f"{kind} {i}"] = partial(act, self.dice(kind, i))
        acts["reloader"] = partial(actors.reloader, self.dice("reloader"), self.clients)
        acts["freezer"] = partial(actors.freezer, self.dice("freezer"), pid)
        threads = [
            threading.Thread(
                target=actors.again_and_again,
                args=(act, lambda: time.monotonic() > over, self.failures, f"round {self.number}: {what}"),
            )
            for what, act in acts.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def dice(self, *what: object) -> Random:
        return Random(f"{self.random.random()} {what}")

    def look(self, pid: int, before: int) -> None:
        """What must hold once nothing more is asked for."""
        if not until(lambda: not zombies_of(pid), QUIET):
            self.fail(f"zombies stay: {zombies_of(pid)}")
        actors.ask("stop", name="all", timeout=30)
        if not until(lambda: all(not r["pid"] for r in actors.ask("status")["processes"]), QUIET):
            self.fail("stop all leaves some running")
        # Each process has its pipes; at rest there are none of them.
        if not until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before + MORE_DESCRIPTORS, QUIET):
            self.fail(f"descriptors: {before} before, {len(os.listdir(f'/proc/{pid}/fd'))} after")
        actors.ask("start", name="all", timeout=5)

    def end(self, daemon: subprocess.Popen[bytes]) -> None:
        how = self.random.choice(["TERM", "TERM TERM", "KILL"])
        begun = time.monotonic()
        for word in how.split():
            daemon.send_signal(getattr(signal, f"SIG{word}"))
            time.sleep(0.2)
        try:
            code = daemon.wait(scene.SHUTDOWN_TIMEOUT + 5)
        except subprocess.TimeoutExpired:
            self.fail(f"{how}: it does not end")
            daemon.kill()
            code = daemon.wait()
        took = time.monotonic() - begun
        wanted = {"TERM": (0,), "TERM TERM": (0, 128 + signal.SIGTERM), "KILL": (-signal.SIGKILL,)}[how]
        if code not in wanted:
            self.fail(f"{how}: code {code} and not {wanted}")
        left = others()
        if how == "KILL":  # what a runtime does with the rest
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if not until(lambda: not others(), QUIET):
                self.fail(f"these do not end: {others()}")
        elif left:
            self.fail(f"{how}: left behind: {left}")
        if os.path.exists(scene.DOUBLES):
            doubles = Path(scene.DOUBLES).read_text().splitlines()
            os.remove(scene.DOUBLES)
            name, second, *_ = doubles[0].split()
            lines = [line for line in self.log.read_text().splitlines() if f" {name}: " in line]
            around = next((i for i, line in enumerate(lines) if line.endswith(f" pid {second}")), len(lines))
            self.fail(f"two copies at once: {doubles[:5]}")
            self.failures += lines[max(0, around - 8) : around + 2]
        print(f"round {self.number}: {how}, code {code} after {took:.1f} s", flush=True)


def main() -> int:
    seconds, seed, clients = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    random = Random(seed)
    shutil.rmtree(scene.FOLDER, ignore_errors=True)
    os.makedirs(scene.FOLDER)
    over = time.monotonic() + seconds
    number = 0
    while time.monotonic() < over:
        number += 1
        this = Round(number, random, clients)
        this.run(min(ROUND, max(3.0, over - time.monotonic())))
        if this.failures:
            print(*this.failures, *this.log.read_text().splitlines()[-40:], sep="\n")
            print(f"broken with seed {seed}: make chaos SECONDS={seconds:g} SEED={seed}", flush=True)
            return 1
    print(f"{number} rounds, all invariants kept (seed {seed})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
