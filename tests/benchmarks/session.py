"""One run of one supervisor, in a directory of its own, and what its children report."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests import procfs
from tests.benchmarks.peers import Peer, Program

CHILD = "bench-child"
HERE = Path(__file__).parent
F_SETPIPE_SZ = 1031


class Failed(Exception):
    """The peer did not do what it was measured for; the row stays empty and says so."""


@dataclass(frozen=True)
class Report:
    kind: str
    name: str
    pid: int
    when: int  # ns of CLOCK_MONOTONIC
    values: tuple[int, ...]


class Bench:
    """The directory of a whole measurement, with the compiled child."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bn"))
        self.child = build_child(self.folder)
        self.compiled = self.child[0].endswith(CHILD)
        self.namespaces = can_have_namespaces()
        self._count = 0
        procfs.become_subreaper()

    def scratch(self) -> Path:
        self._count += 1
        folder = self.folder / str(self._count)
        folder.mkdir()
        return folder

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def build_child(folder: Path) -> list[str]:
    """The command of the child: compiled where there is a compiler, else its Python form, which costs more to start."""
    target = folder / CHILD
    for compiler in ("cc", "gcc", "clang"):
        if shutil.which(compiler):
            done = subprocess.run(
                [compiler, "-O2", "-static", "-o", target, HERE / "child.c"], capture_output=True, check=False
            )
            if done.returncode == 0:
                return [str(target)]
    script = folder / f"{CHILD}.py"
    shutil.copy(HERE / "child.py", script)
    return [sys.executable, "-IS", str(script)]


def can_have_namespaces() -> bool:
    """Whether a process here can be the PID 1 of a namespace of its own."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    return (
        subprocess.run(
            [unshare, "--pid", "--fork", "--mount-proc", "true"], capture_output=True, check=False
        ).returncode
        == 0
    )


class Reports:
    """The FIFO that children write to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.fcntl(self._fd, F_SETPIPE_SZ, 1 << 20)
        except OSError:
            pass  # the default will do
        self._rest = b""
        self.all: list[Report] = []

    def take(self, seconds: float) -> bool:
        """Reads what is there, after at most this wait; whether anything was."""
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            return False
        *lines, self._rest = (self._rest + os.read(self._fd, 1 << 20)).split(b"\n")
        for line in lines:
            kind, name, pid, when, *values = line.decode().split()
            self.all.append(Report(kind, name, int(pid), int(when), tuple(map(int, values))))
        return True

    def of(self, kind: str) -> list[Report]:
        return [one for one in self.all if one.kind == kind]

    def wait(
        self, kind: str, count: int, seconds: float, alive: Callable[[], bool] = lambda: True
    ) -> list[Report]:
        """`count` reports of the kind; Failed when they do not come in time."""
        until = time.monotonic() + seconds
        have = sum(one.kind == kind for one in self.all)
        while have < count:
            seen = len(self.all)
            if not self.take(min(0.5, until - time.monotonic())) and (
                time.monotonic() >= until or not alive()
            ):
                raise Failed(f"{have} of {count} '{kind}' came")
            have += sum(one.kind == kind for one in self.all[seen:])
        return self.of(kind)

    def close(self) -> None:
        os.close(self._fd)


class Session:
    """`with Session(bench, peer, make) as run:` — `make(run)` returns the programs."""

    def __init__(
        self,
        bench: Bench,
        peer: Peer,
        make: Callable[[Session], list[Program]],
        pid1: bool = False,
        count_stdout: int = 0,
    ) -> None:
        self.bench = bench
        self.peer = peer
        self.folder = bench.scratch()
        self.reports = Reports(self.folder / "f")
        self.programs = make(self)
        self.pid1 = pid1
        self._count_stdout = count_stdout
        self._counter: subprocess.Popen[bytes] | None = None
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        self.environment |= peer.environment()

    def child(self, mode: str, name: str, *values: int) -> tuple[str, ...]:
        return (*self.bench.child, mode, str(self.reports.path), name, *map(str, values))

    def __enter__(self) -> Session:
        command = [*self.child("exec", "it"), *self.peer.configure(self.folder, self.programs)]
        if self.pid1:
            command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *command]
        with open(self.folder / "out", "ab") as out:
            stdout: int | None = None
            if self._count_stdout:
                self._counter = subprocess.Popen(
                    self.child("count", "stdout", self._count_stdout),
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=out,
                )
                assert self._counter.stdin is not None
                stdout = self._counter.stdin.fileno()
            self._top = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=out,
                env=self.environment,
                cwd=self.folder,
                start_new_session=True,
            )
        if self._counter is not None and self._counter.stdin is not None:
            self._counter.stdin.close()
        try:
            self.began = self.reports.wait("exec", 1, 10)[0].when
            self.pid = procfs.descendants(self._top.pid)[0] if self.pid1 else self._top.pid
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end()

    def _end(self) -> None:
        self._top.kill()
        self._top.wait()
        end_everything()
        if self._counter is not None:
            self._counter.wait()
        self.reports.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def alive(self) -> bool:
        return self._top.poll() is None

    def up(self, count: int, seconds: float = 60) -> list[Report]:
        """The first `count` reports of children that run."""
        try:
            return self.reports.wait("up", count, seconds, self.alive)
        except Failed as error:
            said = procfs.read(str(self.folder / "out"))[-300:].strip()
            raise Failed(f"{error}; it said: {said}" if said else str(error)) from None

    def own(self) -> list[int]:
        """The supervisor's own processes: those below it too, unless they run the measured child."""
        return [self.pid, *(pid for pid in procfs.descendants(self.pid) if not is_child(pid))]

    def cpu(self) -> float:
        return sum(map(procfs.cpu_seconds, self.own()))

    def settle(self, most: float = 30.0) -> None:
        """Until it is quiet: under 5 % of a CPU for half a second."""
        until = time.monotonic() + most
        while time.monotonic() < until:
            before = self.cpu()
            time.sleep(0.5)
            if self.cpu() - before < 0.025:
                return

    def time_command(self, argv: list[str]) -> tuple[float, str]:
        """Milliseconds that it takes, and what it printed; Failed when there is nothing."""
        before = time.monotonic()
        done = subprocess.run(
            argv,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        took = 1000 * (time.monotonic() - before)
        if not done.stdout:
            raise Failed(f"{argv[-1]} says nothing (exit {done.returncode}): {done.stderr[-200:]}")
        return took, done.stdout

    def stop(self, seconds: float = 30) -> tuple[int, int]:
        """Sends its stop signal; when that was and when it was gone, in ns."""
        handle = os.pidfd_open(self.pid)
        try:
            sent = time.monotonic_ns()
            os.kill(self.pid, self.peer.stop_signal)
            if not select.select([handle], [], [], seconds)[0]:
                raise Failed(f"not gone {seconds:g} s after its stop signal")
            return sent, time.monotonic_ns()
        finally:
            os.close(handle)


def is_child(pid: int) -> bool:
    """Whether it runs the measured child (or is gone, or a zombie: no part of the supervisor either way)."""
    words = [
        word for word in procfs.read(f"/proc/{pid}/cmdline").split("\0") if word and not word.startswith("-")
    ]
    if not words:
        return True
    first = words[1] if os.path.basename(words[0]).startswith("python") and len(words) > 1 else words[0]
    return os.path.basename(first).startswith(CHILD)


def end_everything() -> None:
    """SIGKILL for all that is below this process, until nothing is (the counter of stdout ends by itself)."""
    for _ in range(1000):
        left = procfs.descendants(os.getpid())
        for pid in left:
            if executable_is_counter(pid):
                continue
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        _collect(left)
        if all(executable_is_counter(pid) for pid in procfs.descendants(os.getpid())):
            return
        time.sleep(0.01)


def executable_is_counter(pid: int) -> bool:
    words = procfs.read(f"/proc/{pid}/cmdline").split("\0")
    return "count" in words and any(CHILD in word for word in words)


def _collect(pids: list[int]) -> None:
    for pid in pids:
        if executable_is_counter(pid):
            continue
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def many(
    run: Session, mode: str, count: int, output: str = "none", startsecs: int = 1, hot: bool = False
) -> list[Program]:
    """`count` programs of the same kind."""
    return [
        Program(f"p{number}", run.child(mode, f"p{number}"), output, startsecs, hot)
        for number in range(count)
    ]
