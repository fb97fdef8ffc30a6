"""One supervisor as the PID 1 of a namespace of its own, and what can be seen of it from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests import procfs

Value = TypeVar("Value")
PATIENCE = 10.0
STEP = 0.02


class Wrong(Exception):
    """The supervisor does not do it; the message says what was seen."""


class Cannot(Exception):
    """The supervisor has no way to be told so; the message says what it lacks."""


@dataclass(frozen=True)
class Program:
    """What a user wants to have run, for every supervisor in its own words."""

    name: str
    script: str  # of /bin/sh; the folder of the scenario is its working directory
    restart: bool = True
    main: bool = False  # its end is the end of the container, with its exit code
    needs: str = ""  # the program that has to have started before, and to stop after
    needs_ready: str = ""  # the program that has to be ready before: its file ready-NAME is there
    command: str = ""  # instead of a script


@dataclass
class World:
    folder: Path
    start_command: Callable[[Path, list[Program]], list[str]]
    stop_signal: int = signal.SIGTERM
    environment: dict[str, str] = field(default_factory=dict)
    _top: subprocess.Popen[bytes] | None = None

    def start(self, *programs: Program) -> None:
        """Starts the supervisor with these programs; `Cannot` when they cannot be said to it."""
        command = self.start_command(self.folder, list(programs))
        with (self.folder / "output").open("wb") as out:
            self._top = subprocess.Popen(
                ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder),
                    "LANG": "C.UTF-8",
                    **self.environment,
                },
                start_new_session=True,
            )

    def end(self) -> None:
        if self._top is not None:
            self._top.kill()
            self._top.wait()

    @property
    def top(self) -> subprocess.Popen[bytes]:
        assert self._top is not None
        return self._top

    def processes(self) -> list[int]:
        """All of the namespace, PID 1 first."""
        return procfs.descendants(self.top.pid)

    def pid1(self) -> int:
        return self.until(self._pid1, "it does not start")

    def _pid1(self) -> int:
        """0 until it runs the supervisor: a signal that comes before that reaches nothing of it."""
        first = self.processes()[:1]
        return first[0] if first and _name(first[0]) not in ("", "unshare") else 0

    def signal(self, number: int) -> None:
        os.kill(self.pid1(), number)

    def until(self, look: Callable[[], Value], otherwise: str, seconds: float = PATIENCE) -> Value:
        """The first true value of `look`; `Wrong` when there is none in time."""
        end = time.monotonic() + seconds
        while True:
            value = look()
            if value:
                return value
            if time.monotonic() > end:
                raise Wrong(otherwise)
            time.sleep(STEP)

    def file(self, name: str) -> str:
        """The text of a file that a program wrote; empty when it is not there."""
        try:
            return (self.folder / name).read_text()
        except FileNotFoundError:
            return ""

    def wait_file(self, name: str, otherwise: str, seconds: float = PATIENCE) -> str:
        return self.until(lambda: self.file(name), otherwise, seconds)

    def exit_code(self, otherwise: str, seconds: float = PATIENCE) -> int:
        """That of the container; `Wrong` when it does not end in time."""
        self.until(lambda: self.top.poll() is not None, otherwise, seconds)
        code = self.top.returncode
        return code if code >= 0 else 128 - code

    def zombies(self) -> int:
        return sum(_state(pid) == "Z" for pid in self.processes())

    def cpu(self) -> float:
        """Seconds of CPU time that PID 1 and its children that ended have used."""
        words = Path(f"/proc/{self.pid1()}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> int:
        """The stop of a container: its stop signal, and the exit code."""
        self.signal(self.stop_signal)
        return self.exit_code("it does not end within 10 s of its stop signal")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
