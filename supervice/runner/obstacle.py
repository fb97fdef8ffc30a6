"""Waits before a start for what may never answer: a mount or a name server.

Loaded when a program's directory, command or files are on a mount that another machine or process serves, or
its socket has the name of a host. It holds up that one program; everything else goes on.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.config.quoting import split_command
from supervice.lean.loop import wait_for
from supervice.pid1.forked_call import ForkedCall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from supervice.lean.loop import Cancellable, EventLoop
    from supervice.models import ProgramConfig
    from supervice.pid1.mounts import Mounts
    from supervice.pid1.runtime import Runtime

    # Begins to ask; calls back with what is wrong, or "", and returns a function that cancels.
    Ask = Callable[[Callable[[str], object]], Callable[[], object]]
    Question = tuple[str, Ask]  # what is asked for, in words

# Seconds without an answer after which a log line says so.
SAY_AFTER = 2.0


class Obstacle:
    """Asks one question after the other; calls `over(problem)` once, in a later turn or from `cancel`."""

    def __init__(
        self, loop: EventLoop, name: str, questions: list[Question], over: Callable[[str], object]
    ) -> None:
        self._loop = loop
        self._name = name
        self._questions = questions
        self._over = over
        self._timer: Cancellable | None = None
        self._stop: Callable[[], object] | None = None
        self._is_over = False
        self.words = ""  # what is waited for
        self._next()

    def _next(self) -> None:
        self.words, ask = self._questions.pop(0)
        self._timer = self._loop.call_later(SAY_AFTER, self._say)
        try:
            self._stop = ask(self._answered)
        except OSError as error:  # no process or thread to ask with
            self._loop.call_soon(self._answered, f"{self.words} cannot be asked: {error.strerror or error}")

    def _say(self) -> None:
        self._timer = None
        logger.warning(f"{self._name}: {self.words} does not answer; the start waits for it")

    def _answered(self, problem: str) -> None:
        if self._is_over:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._stop = None
        if self._questions and not problem:
            self._next()
            return
        self._is_over = True
        self._over(problem)

    def cancel(self, problem: str) -> None:
        """Stops waiting; `problem` is why the start has failed."""
        if self._stop is not None:
            self._stop()
        self._answered(problem)


def question_of_mounts(
    runtime: Runtime, pids: set[int], mounts: Mounts, config: ProgramConfig, directory: str | None, path: str
) -> Question | None:
    """Returns a question whether all mounts that the start touches answer; None when all surely do."""
    silent: dict[str, str] = {}
    for what, one in _touched(config, directory, path):
        mount = mounts.silent(one)
        if mount:
            silent.setdefault(one, f"{what} {one} on {mount}")
    if not silent:
        return None

    def ask(answered: Callable[[str], object]) -> Callable[[], object]:
        return ForkedCall(runtime, pids, _touch(list(silent)), answered).cancel

    return ", ".join(silent.values()), ask


def _touched(config: ProgramConfig, directory: str | None, path: str) -> Iterator[tuple[str, str]]:
    """Returns the paths, and what each of them is."""
    here = config.directory or directory or "/"
    yield "directory", here
    try:
        command = split_command(config.command)[0]
    except (ValueError, IndexError):
        command = ""
    if "/" in command:
        yield "command", os.path.join(here, command)
    else:
        for place in path.split(":"):
            yield "a directory of PATH,", os.path.join(here, place)
    for file in config.env_file:
        yield "env_file", file
    for file in config.secrets.values():
        yield "secret", file
    for log in (config.stdout_logfile, config.stderr_logfile):
        if log and log.startswith("/"):
            yield "log file", log


def _touch(paths: list[str]) -> Callable[[], str]:
    def ask() -> str:
        for path in paths:
            try:
                os.stat(path)
            except OSError:
                pass  # the start itself says what is wrong with it
        return ""

    return ask


async def unanswered(
    runtime: Runtime, pids: set[int], mounts: Mounts, files: Mapping[str, Iterable[str]]
) -> frozenset[str]:
    """Returns the names in `files` one of whose paths does not answer within SAY_AFTER seconds."""
    loop = runtime.loop
    where: dict[str, str] = {}  # path -> its mount
    for paths in files.values():
        for path in paths:
            mount = mounts.silent(path)
            if mount:
                where[path] = mount
    late = set(where.values())
    if not late:
        return frozenset()
    done = loop.create_future()

    def ask(mount: str) -> ForkedCall:
        def answered(_words: str) -> None:
            late.discard(mount)
            if not late and not done.done():
                done.set_result(None)

        return ForkedCall(
            runtime, pids, _touch([path for path, its in where.items() if its == mount]), answered
        )

    probes = []
    try:
        for mount in tuple(late):
            probes.append(ask(mount))
        await wait_for(loop, done, SAY_AFTER)
    except (TimeoutError, OSError):
        pass  # without a process to ask with, nothing has answered
    finally:
        for probe in probes:
            probe.cancel()
    for mount in late:
        logger.warning(f"{mount} does not answer; files there are not compared")
    return frozenset(name for name, paths in files.items() if any(where.get(path) in late for path in paths))


def path_of(environments: tuple[Mapping[str, str], ...]) -> str:
    """Returns PATH from the first of these environments that has it."""
    return next((one["PATH"] for one in environments if "PATH" in one), os.defpath)
