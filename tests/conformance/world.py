"""One supervisor as the PID 1 of a namespace of its own, and what can be seen of it from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from tests import procfs

Value = TypeVar("Value")
PATIENCE = 10.0
STEP = 0.02
# After this the namespace is killed whole, whatever a scenario waits for.
DEADLINE = 60.0
NAMESPACE = ("--pid", "--fork", "--mount-proc", "--kill-child")


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
    critical: bool = False  # its failure is the end of the container; its good end is not
    needs: str = ""  # the program that has to have started before, and to stop after
    needs_ready: str = ""  # the program that has to be ready before: its file ready-NAME is there
    needs_done: str = ""  # the program that has to have ended well before
    command: str = ""  # instead of a script
    tries: int = 0  # given up after so many starts in a row that fail
    flaps: int = 0  # given up after so many restarts in a minute, however long each run was
    stop_wait: int = 0  # seconds from the stop signal to SIGKILL; 0: the supervisor's default
    stop_signal: str = ""  # instead of TERM
    environment: tuple[tuple[str, str], ...] = ()
    user: str = ""
    log: str = ""  # the file that its output goes to, kept below log_max
    log_max: int = 0  # bytes
    named: bool = False  # each of its lines says whose it is
    check: str = ""  # the script of a health check, every second, for one second at most; once is enough
    every: int = 0  # runs at this distance, seconds


class Told(Protocol):
    """A supervisor, as the world needs it."""

    stop_signal: int

    def tell(self, folder: Path, programs: list[Program]) -> list[str]: ...
    def surroundings(self, folder: Path) -> dict[str, str]: ...
    def control(self, folder: Path, verb: str, name: str) -> list[str]: ...
    def own(self, executable: str) -> bool: ...


@dataclass
class World:
    folder: Path
    supervisor: Told
    environment: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()  # a command that runs the supervisor's
    _top: subprocess.Popen[bytes] | None = None
    _watch: threading.Timer | None = None
    _mounted: Path | None = None

    def tell(self, *programs: Program) -> list[str]:
        """Writes the configuration; the command that starts it. `Cannot`."""
        return self.supervisor.tell(self.folder, list(programs))

    def start(self, *programs: Program) -> None:
        """Starts the supervisor with these programs; `Cannot` when they cannot be said to it."""
        self.run(self.tell(*programs))

    def run(self, command: list[str]) -> None:
        with (self.folder / "output").open("wb") as out, (self.folder / "errors").open("wb") as errors:
            for file in (out, errors):  # as container runtimes do it: the user of the container may open them
                os.fchmod(file.fileno(), 0o666)
            self._top = subprocess.Popen(
                # As a container runtime does it: nothing that our own caller ignores (nohup, &) is ignored.
                ["env", "--default-signal", "unshare", *NAMESPACE, *self.before, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                cwd=self.folder,
                env=self._surroundings(),
                start_new_session=True,
            )
        self._watch = threading.Timer(DEADLINE, self._kill)
        self._watch.daemon = True
        self._watch.start()

    def _surroundings(self) -> dict[str, str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return {**own, **self.supervisor.surroundings(self.folder), **self.environment}

    def kill(self) -> None:
        """Kills the container whole, as `docker kill` does; `run` starts it again with the files that it left."""
        if self._watch is not None:
            self._watch.cancel()
        if self._top is not None:
            self._kill()
            self._top.wait()

    def pause(self, seconds: float) -> None:
        """Stops every process of the container for a time, as `docker pause` and a snapshot of the machine do."""
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            if number == signal.SIGSTOP:
                time.sleep(seconds)

    def end(self) -> None:
        self.kill()
        if self._mounted is not None:
            subprocess.run(["umount", "--lazy", self._mounted], check=False)

    def _kill(self) -> None:
        """PID 1 of the namespace itself too: what changes its user loses the signal of --kill-child (prctl(2))."""
        first = self.processes()[:1]
        self.top.kill()
        for pid in first:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def top(self) -> subprocess.Popen[bytes]:
        assert self._top is not None
        return self._top

    def small_disk(self, size: int) -> Path:
        """A file system of its own with so many bytes, before the start."""
        place = self.folder / "small"
        place.mkdir()
        options = f"size={size},mode=0777"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
        self._mounted = place
        return place

    def control(
        self, verb: str, name: str = "", seconds: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """What an operator says: start, stop, restart, status, reload. `Cannot`, `Wrong` when no answer comes."""
        command = self.supervisor.control(self.folder, verb, name)
        try:
            return subprocess.run(
                command,
                cwd=self.folder,
                env=self._surroundings(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Wrong(f"{verb} does not answer within {seconds:g} s") from None

    def background(self, verb: str, name: str) -> subprocess.Popen[bytes]:
        """The same, without waiting for its end."""
        command = self.supervisor.control(self.folder, verb, name)
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._surroundings(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def processes(self) -> list[int]:
        """All of the namespace, PID 1 first."""
        return procfs.descendants(self.top.pid)

    def pid1(self) -> int:
        found = self.until(
            lambda: self._pid1() or (-1 if self.top.poll() is not None else 0), "it does not start"
        )
        if found < 0:
            raise Wrong("the container ended by itself")
        return found

    def _pid1(self) -> int:
        """0 until it runs the supervisor: a signal that comes before that reaches nothing of it."""
        first = self.processes()[:1]
        return (
            first[0] if first and _name(first[0]) not in ("", "unshare", "setpriv", "prlimit", "env") else 0
        )

    def signal(self, number: int) -> None:
        try:
            os.kill(self.pid1(), number)
        except ProcessLookupError:
            raise Wrong("it ended by itself") from None

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

    def passes(self, seconds: float, holds: Callable[[], object], otherwise: str) -> None:
        """`Wrong` when it does not hold all of this time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not holds():
                raise Wrong(otherwise)
            time.sleep(STEP)

    def file(self, name: str) -> str:
        """The text of a file that a program wrote; empty when it is not there."""
        try:
            return (self.folder / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def said(self) -> str:
        """All that came out of the container."""
        return self.file("output") + self.file("errors")

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

    def memory(self) -> float:
        """MiB (PSS) of the supervisor's own processes: those that run none of the programs' commands."""
        own = [pid for pid in self.processes() if self.supervisor.own(procfs.executable(pid))]
        return sum(procfs.memory_kib(pid)["pss"] for pid in own) / 1024

    def stop(self) -> int:
        """The stop of a container: its stop signal, and the exit code."""
        self.signal(self.supervisor.stop_signal)
        return self.exit_code("it does not end within 10 s of its stop signal")


def alive(pid: int) -> bool:
    return _state(pid) not in ("", "Z")


def _state(pid: int) -> str:
    return procfs.state(pid)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
