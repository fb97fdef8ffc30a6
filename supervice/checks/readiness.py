"""The ways in which a program becomes ready: `fd:`, `log:`, `tcp:`, `unix:`, `http:` and `file:`.

Each is a `Way` of one run: `prepare` before the spawn, `begin` with it, `end` in any case. It calls `ready()`
once and stops looking. `notify` and `check` need nothing of this: the program, or its check, says so itself.
"""

from __future__ import annotations

import os
import time

from supervice.config.check_values import host_and_port, split_ready
from supervice.lean.loop import sleep, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.output.process_output import ProgramOutput

# Seconds between two looks, growing from the first to the longest: gentle, and never late by much.
FIRST_PAUSE = 0.05
GROWTH = 1.5
LONGEST_PAUSE = 1.0
# One look that takes longer has found nothing.
LOOK = 5.0
# Seconds that lines are looked at in one turn of the loop, and bytes of them that may wait.
LOOK_TURN = 0.01
BACKLOG = 4 * 1024 * 1024
# linux/time.h; file systems stamp with this clock, which is up to 10 ms behind the exact one.
CLOCK_REALTIME_COARSE = 5


class Way:
    """`ready()` is called at most once, between `begin` and `end`."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object]) -> None:
        self._loop = loop
        self._ready = ready

    def prepare(self) -> tuple[tuple[int, int], ...]:
        """Descriptors for the child: (ours, its number there); they stay ours until `begin` or `end`."""
        return ()

    def begin(self, pid: int) -> None:
        """The child runs."""

    def end(self) -> None:
        """Looks no more and lets go of everything."""


class Line(Way):
    """`fd:N`: the child writes a newline to its descriptor N, as s6 has it."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object], number: int) -> None:
        super().__init__(loop, ready)
        self._number = number
        self._read = self._write = -1

    def prepare(self) -> tuple[tuple[int, int], ...]:
        import fcntl

        from supervice.config.check_values import LAST_FD

        self._read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            # Away from every number that a child can ask for, or it would be overwritten on its way there.
            self._write = fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, LAST_FD + 1)
        finally:
            os.close(write)
        os.set_blocking(self._write, True)
        return ((self._write, self._number),)

    def begin(self, pid: int) -> None:
        os.close(self._write)
        self._write = -1
        self._loop.add_reader(self._read, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._read, 4096)
        except BlockingIOError:
            return
        if b"\n" in data:
            self.end()
            self._ready()
        elif not data:  # closed without a word: it will never be said
            self.end()

    def end(self) -> None:
        if self._write >= 0:
            os.close(self._write)
        if self._read >= 0:
            self._loop.remove_reader(self._read)
            os.close(self._read)
        self._read = self._write = -1


class Log(Way):
    """`log:REGEX`: a line of its output, on either stream, in which the expression is found.

    Lines are looked at for LOOK_TURN seconds a turn; what a program prints while more than BACKLOG bytes wait
    is passed over.
    """

    def __init__(
        self, loop: EventLoop, ready: Callable[[], object], output: ProgramOutput, expression: str
    ) -> None:
        from supervice.checks.line_matcher import LineMatcher
        from supervice.config.expressions import expression as read

        super().__init__(loop, ready)
        self._output = output
        self._matcher = LineMatcher(read(expression))
        self._pid = 0
        self._lines: list[bytes] = []  # to be looked at, the first one last
        self._later: list[bytes] = []  # and then these
        self._waiting = 0  # bytes
        self._working = False

    def begin(self, pid: int) -> None:
        self._pid = pid
        self._output.spy = self._look

    def _look(self, pid: int, text: bytes) -> None:
        words = self._matcher.words
        if pid != self._pid or self._waiting > BACKLOG or (words and not any(w in text for w in words)):
            return
        self._later.append(text)
        self._waiting += len(text)
        if not self._working:
            self._work()

    def _work(self) -> None:
        """Looks at what waits, as far as a turn of the loop allows."""
        self._working = False
        matcher, give_up = self._matcher, time.monotonic() + LOOK_TURN
        while self._pid and (self._lines or self._later):
            if not self._lines:
                text = self._later.pop(0)
                self._waiting -= len(text)
                self._lines = text.removesuffix(b"\n").split(b"\n")[::-1]
            line = self._lines[-1]
            found: bool | None = False
            if not matcher.words or any(word in line for word in matcher.words):
                found = matcher.search(line, give_up)
            if found is not None:
                self._lines.pop()
            if found:
                self.end()
                self._loop.call_soon(self._ready)  # not in the middle of reading its output
            elif found is None or time.monotonic() > give_up:
                self._working = True
                self._loop.call_soon(self._work)
                return

    def end(self) -> None:
        if self._pid:
            self._output.spy = None
            self._pid = 0
            self._lines, self._later = [], []


class Looking(Way):
    """Looks again and again, gently, until it is so."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object]) -> None:
        super().__init__(loop, ready)
        self._task: AnyFuture | None = None

    async def look(self) -> bool:
        raise NotImplementedError

    def begin(self, pid: int) -> None:
        self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                found = await wait_for(self._loop, self.look(), LOOK)
            except (OSError, TimeoutError):
                found = False
            # One turn later: the end of the child, if it has come meanwhile, is dealt with before.
            await sleep(self._loop, 0 if found else pause)
            if found:
                break
            pause = min(pause * GROWTH, LONGEST_PAUSE)
        self._task = None
        self._ready()

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None


class Tcp(Looking):
    """`tcp:HOST:PORT`: connections are accepted."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object], where: str) -> None:
        super().__init__(loop, ready)
        self._where = host_and_port(where)

    async def look(self) -> bool:
        from supervice.checks.connect import connect

        (await connect(*self._where)).close()
        return True


class Unix(Looking):
    """`unix:PATH`: the socket is listened on."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object], path: str) -> None:
        super().__init__(loop, ready)
        self._path = path

    async def look(self) -> bool:
        from supervice.checks.connect import connect_unix

        await connect_unix(self._path)
        return True


class Http(Looking):
    """`http:URL`: a GET is answered with 200 to 399."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object], url: str) -> None:
        from supervice.checks.http import HTTPHealthChecker
        from supervice.models import HealthCheckConfig, HealthCheckType

        super().__init__(loop, ready)
        config = HealthCheckConfig(type=HealthCheckType.HTTP, url=url, timeout=LOOK)
        self._checker = HTTPHealthChecker(config)

    async def look(self) -> bool:
        return (await self._checker.check()).healthy


class File(Looking):
    """`file:PATH`: it is there and newer than the start."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object], path: str) -> None:
        super().__init__(loop, ready)
        self._path = path
        self._start = 0
        self._before: tuple[int, int] | None = None

    def prepare(self) -> tuple[tuple[int, int], ...]:
        self._start = time.clock_gettime_ns(CLOCK_REALTIME_COARSE)
        # One of the last run, touched in the same tick of that clock, is not mistaken for a new one.
        self._before = self._mark()
        return ()

    def _mark(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    async def look(self) -> bool:
        now = self._mark()
        return now is not None and now != self._before and now[1] >= self._start


def way_to_be_ready(
    text: str, loop: EventLoop, ready: Callable[[], object], output: ProgramOutput | None
) -> Way | None:
    """None for a way that needs no looking."""
    way, argument = split_ready(text)
    if way == "fd":
        return Line(loop, ready, int(argument))
    if way == "log":
        return None if output is None else Log(loop, ready, output, argument)
    looking: dict[str, Callable[[EventLoop, Callable[[], object], str], Way]] = {
        "tcp": Tcp,
        "unix": Unix,
        "http": Http,
        "file": File,
    }
    return looking[way](loop, ready, argument) if way in looking else None
