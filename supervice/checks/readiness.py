"""The ways in which a program becomes ready: `fd:`, `log:`, `tcp:`, `unix:`, `http:` and `file:`.

Each is a `Way` of one run: `prepare` before the spawn, `begin` with it, `end` in any case. It calls `ready()`
once and then stops looking. `notify` and `check` need none of this: the program or its readiness check says
so.
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

    # Called before the program starts; the function that it returns is called until it returns True.
    Look = Callable[[], Callable[[], bool]]
    # Has a separate process answer a question; returns a function that ends it.
    Begin = Callable[[Callable[[], str], Callable[[str], object]], Callable[[], object]]
    from supervice.output.process_output import ProgramOutput

# Seconds between two looks, growing from the first to the longest: cheap, and never late by much.
FIRST_PAUSE = 0.05
GROWTH = 1.5
LONGEST_PAUSE = 1.0
# A look that takes longer counts as a failure.
LOOK = 5.0
# Seconds per turn of the loop for searching lines, and the bytes of output that may wait.
LOOK_TURN = 0.01
BACKLOG = 4 * 1024 * 1024
# The answer of a process that has looked.
READY = "ready"
# linux/time.h; file systems stamp with this clock, which is up to 10 ms behind the exact one.
CLOCK_REALTIME_COARSE = 5


class Way:
    """Watches one run; calls `ready()` at most once, between `begin` and `end`."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object]) -> None:
        self._loop = loop
        self._ready = ready

    def prepare(self) -> tuple[tuple[int, int], ...]:
        """Returns descriptors for the child: (ours, its number); they stay ours until `begin` or `end`."""
        return ()

    def begin(self, pid: int) -> None:
        """Starts watching: the child runs."""

    def end(self) -> None:
        """Stops watching and lets go of everything."""


class Line(Way):
    """`fd:N`: the child writes a newline to its descriptor N, as with s6."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object], number: int) -> None:
        super().__init__(loop, ready)
        self._number = number
        self._read = self._write = -1

    def prepare(self) -> tuple[tuple[int, int], ...]:
        import fcntl

        from supervice.config.check_values import LAST_FD

        self._read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            # Above every number that a child can ask for, or it would be overwritten on its way there.
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
    """`log:REGEX`: the expression matches a line of its output, on either stream.

    Lines are searched for LOOK_TURN seconds per turn; when more than BACKLOG bytes wait, further output is
    passed over.
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
        """Searches the waiting lines, as long as one turn of the loop allows."""
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
    """Looks again and again, with growing pauses, until the condition holds."""

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
            # One turn later, so that an exit of the child that has come meanwhile is handled first.
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
    """`tcp:HOST:PORT`: a connection is accepted."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object], where: str) -> None:
        super().__init__(loop, ready)
        self._where = host_and_port(where)

    async def look(self) -> bool:
        from supervice.checks.connect import connect

        (await connect(*self._where)).close()
        return True


class Unix(Looking):
    """`unix:PATH`: a process listens at the path."""

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
    """`file:PATH`: the file was made or changed since the start, whatever the clock says."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object], path: str) -> None:
        super().__init__(loop, ready)
        self._path = path
        self._before: tuple[int, ...] | None = None

    def prepare(self) -> tuple[tuple[int, int], ...]:
        self._before = _mark(self._path)
        return ()

    async def look(self) -> bool:
        return _mark(self._path) not in (None, self._before)


class Beside(Way):
    """`file:PATH` and `unix:PATH` on a mount that may never answer: a separate process looks."""

    def __init__(self, loop: EventLoop, ready: Callable[[], object], look: Look, beside: Begin) -> None:
        super().__init__(loop, ready)
        self._look = look
        self._beside = beside
        self._stop: Callable[[], object] | None = None

    def prepare(self) -> tuple[tuple[int, int], ...]:
        look = self._look

        def ask() -> str:
            there, pause = look(), FIRST_PAUSE
            while not there():
                time.sleep(pause)
                pause = min(pause * GROWTH, LONGEST_PAUSE)
            return READY

        self._stop = self._beside(ask, self._answered)
        return ()

    def _answered(self, words: str) -> None:
        self._stop = None
        if words == READY:
            self._ready()

    def end(self) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None


def _file_beside(path: str) -> Callable[[], bool]:
    before = _mark(path)

    def there() -> bool:
        return _mark(path) not in (None, before)

    return there


def _unix_beside(path: str) -> Callable[[], bool]:
    import socket

    def there() -> bool:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            with socket.socket(socket.AF_UNIX, kind) as sock:
                if sock.connect_ex(path) == 0:
                    return True
        return False

    return there


def _mark(path: str) -> tuple[int, ...] | None:
    """Returns a value that differs once the file is made or changed; None without a file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def way_to_be_ready(
    text: str,
    loop: EventLoop,
    ready: Callable[[], object],
    output: ProgramOutput | None,
    beside: Callable[[str], Begin | None] | None = None,
) -> Way | None:
    """Returns the way; None for one that needs no looking.

    `beside` has a separate process look at a path that may never answer.
    """
    way, argument = split_ready(text)
    if beside is not None and way in ("file", "unix"):
        begin = beside(argument)
        if begin is not None:
            look = _file_beside if way == "file" else _unix_beside
            return Beside(loop, ready, lambda: look(argument), begin)
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
