"""One container with limits whose PID 1 is the daemon, a storm in it, and its end: `Chaos.round`.

The container is started anew for each round, so a round begins with what the one before has left. It is removed, with
everything in it, when a round takes too long, and by a process of its own when this one is no more.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import tarfile
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos import scene
from tests.paths import ROOT

LIMITS = (
    "--cpus",
    "1",
    "--memory",
    "384m",
    "--memory-swap",
    "384m",
    "--pids-limit",
    "400",
    "--network",
    "none",
)
PIDS = 400
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
FAKED = "/srv/libfaketime.so.1"
ENDS = ("TERM", "TERM TERM", "KILL", "OOM")
CODES = {"TERM": (0,), "TERM TERM": (0, 128 + signal.SIGTERM), "KILL": (137,), "OOM": (137,)}
# Seconds beyond those of the storm after which a round is broken off: its start, its quiet and its end.
SLACK = 300.0
END = scene.SHUTDOWN_TIMEOUT + 40.0  # on a machine that has much else to do


def docker(*argv: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["docker", *argv], capture_output=True, check=check, **options)


class Chaos:
    """A container of `image`, made when it is entered and removed when it is left."""

    def __init__(self, image: str, seed: int, clients: int, deadline: float, *, clock: bool = False) -> None:
        """`deadline`: seconds for all rounds, after which it is removed, whatever becomes of us. `clock`: the wall
        clock is libfaketime's and is set in the storm, which takes an image with a daemon that loads libraries."""
        self.seed = seed
        self.clients = clients
        self.clock = clock
        self.name = f"supervice-chaos-{uuid.uuid4().hex[:12]}"
        self.failures: list[str] = []
        self._image = image
        self._deadline = deadline
        self._phase = "start"
        self._phases = threading.Condition()

    def __enter__(self) -> Chaos:
        self._guard = subprocess.Popen(
            ["sh", "-c", f"sleep {self._deadline:g}; exec docker rm --force {self.name}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        faked = {
            "LD_PRELOAD": FAKED,
            "FAKETIME_TIMESTAMP_FILE": scene.CLOCK,
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        docker(
            *(
                "create",
                "--name",
                self.name,
                *LIMITS,
                "--no-healthcheck",
                "--tmpfs",
                f"{scene.SMALL}:{scene.SMALL_OPTIONS}",
            ),
            *("--log-opt", "max-size=20m", "--log-opt", "max-file=2"),
            *("--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"),  # to mount and unmount
            *(part for name, value in faked.items() if self.clock for part in ("--env", f"{name}={value}")),
            *(self._image, "-c", scene.CONFIG),
        )
        for path in (ROOT / "tests/chaos").glob("*.py"):
            self._put(f"/srv/tests/chaos/{path.name}", path.read_bytes())
        self._put("/srv/tests/paths.py", (ROOT / "tests/paths.py").read_bytes())
        if self.clock and LIBRARY:
            self._put(FAKED, LIBRARY.read_bytes())
        return self

    def __exit__(self, *_exception: object) -> None:
        docker("rm", "--force", "--volumes", self.name, check=False)
        os.killpg(self._guard.pid, signal.SIGKILL)
        self._guard.wait()

    def _put(self, path: str, data: bytes) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
        docker("cp", "-", f"{self.name}:/", input=archive.getvalue())

    def round(self, number: int, seconds: float, end: str, *, amid: bool) -> str:
        """A storm, and an end: in its midst, or when it is quiet again. Returns how it went in a line."""
        random = Random(f"{self.seed} {number}")
        self.failures.clear()
        self._put(scene.CONFIG, scene.configuration(random, self.clients).encode())
        if self.clock:
            self._put(scene.CLOCK, b"+0\n")
        # Refused of a container that is about to end, so what the last round has taken may be missing still.
        docker("update", "--pids-limit", str(PIDS), self.name)
        begun = time.time()
        docker("start", self.name)
        done = self._storm(f"{self.seed} {number}", seconds, end, amid, random)
        ending = time.monotonic()
        if self._phase != "end":  # at rest, or broken
            for word in ("KILL" if end == "OOM" else end).split():
                docker("kill", "--signal", word, self.name, check=False)
        code = self._code()
        took = time.monotonic() - ending
        if code not in CODES[end]:
            self.failures.append(f"{end}: code {code} and not {CODES[end]}")
        self._look_for_doubles(begun)
        where = "amid the storm" if amid else "at rest"
        befell = ", ".join(f"{count} {what}" for what, count in sorted(done.items()))
        return f"round {number}: {befell or 'no figures'}; {end} {where}, code {code} after {took:.1f} s"

    def _storm(self, seed: str, seconds: float, end: str, amid: bool, random: Random) -> dict[str, int]:
        order = {"seed": seed, "clients": self.clients, "seconds": seconds, "end": end, "amid": amid}
        command = ["docker", "exec", "--workdir", "/srv", "--env", "LD_PRELOAD=", self.name]
        done: dict[str, int] = {}
        self._phase = "start"
        inside = subprocess.Popen(
            [*command, "python3", "-m", "tests.chaos.storm", json.dumps(order)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        late = threading.Timer(seconds + SLACK, self._break_off)
        outside = threading.Thread(target=self._trouble, args=(random,))
        late.start()
        outside.start()
        assert inside.stdout
        with inside.stdout:
            for line in inside.stdout:
                try:
                    said = json.loads(line)
                except ValueError:
                    if self._phase != "end":  # the client of the engine says that the container has ended
                        self.failures.append(line.rstrip())
                    continue
                if "failed" in said:
                    self.failures.append(said["failed"])
                done.update(said.get("done", {}))
                self._enter(said.get("phase", self._phase))
                if said.get("phase") == "end" and end == "KILL":
                    docker("kill", self.name, check=False)
        inside.wait()
        if self._phase not in ("rest", "end"):
            self.failures.append(f"the storm ended in the phase '{self._phase}', with {inside.returncode}")
        self._enter("over" if self._phase != "end" else "end")
        outside.join()
        late.cancel()
        return done

    def _enter(self, phase: str) -> None:
        with self._phases:
            self._phase = phase
            self._phases.notify_all()

    def _wait(self, seconds: float) -> bool:
        """Until the storm is over, at most `seconds`; whether it still goes on."""
        with self._phases:
            self._phases.wait_for(lambda: self._phase not in ("start", "storm"), seconds)
            return self._phase in ("start", "storm")

    def _break_off(self) -> None:
        self.failures.append("it takes too long")
        docker("kill", self.name, check=False)

    def _trouble(self, random: Random) -> None:
        """What comes from outside: pauses of all, of PID 1 alone, and a container that may have no more pids."""
        while self._wait(random.uniform(1, 4)):
            kind, seconds = random.choice(["pause", "stop", "pids"]), random.uniform(0.05, 2.5)
            if self._phase != "storm":
                continue
            if kind == "pause":
                self._between(["pause", self.name], ["unpause", self.name], seconds)
            elif kind == "pids":
                now = docker("top", self.name, "-eo", "pid", check=False).stdout.count(b"\n")
                update = ["update", "--pids-limit"]
                self._between(
                    [*update, str(max(20, now)), self.name], [*update, str(PIDS), self.name], seconds
                )
            elif pid := self._pid():
                os.kill(pid, signal.SIGSTOP)
                try:
                    self._wait(seconds)
                finally:
                    os.kill(pid, signal.SIGCONT)

    def _between(self, begin: Sequence[str], end: Sequence[str], seconds: float) -> None:
        if docker(*begin, check=False).returncode == 0:
            self._wait(seconds)
            docker(*end, check=False)

    def _pid(self) -> int:
        """PID 1 as this machine numbers it, 0 when the engine runs elsewhere."""
        pid = int(self._state("Pid"))
        try:
            return pid if b"supervice" in Path(f"/proc/{pid}/cmdline").read_bytes() else 0
        except OSError:
            return 0

    def _state(self, key: str) -> str:
        return docker("inspect", "--format", f"{{{{.State.{key}}}}}", self.name).stdout.decode().strip()

    def _code(self) -> int:
        """The exit code of the container, which ends within its time."""
        try:
            docker("wait", self.name, timeout=END)
        except subprocess.TimeoutExpired:
            self.failures.append(f"it does not end within {END:g} s")
            docker("kill", self.name, check=False)
            docker("wait", self.name)
        return int(self._state("ExitCode"))

    def _look_for_doubles(self, since: float) -> None:
        """A program that found its lock taken has said so with its exit code."""
        log = self.log(since)
        for number, line in enumerate(log):
            if f"exit code {scene.DOUBLE}" in line:
                name = line.partition(": ended")[0].split()[-1]
                around = [one for one in log[:number] if f" {name}: " in one or one.startswith(f"{name}: ")]
                self.failures += ["two copies at once:", *around[-8:], line]
                return

    def log(self, since: float = 0) -> list[str]:
        done = docker("logs", "--since", f"{since:.3f}", self.name, check=False)
        return (done.stdout + done.stderr).decode(errors="replace").splitlines()
