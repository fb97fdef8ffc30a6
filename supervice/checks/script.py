"""Checks by a command, in a process group of its own that is gone when the check is over."""

from __future__ import annotations

import os

from supervice.checks.base import HealthChecker, HealthCheckResult
from supervice.config.quoting import split_command
from supervice.lean.builtin import signal
from supervice.lean.loop import wait_for
from supervice.pid1.runtime import guest_runtime
from supervice.pid1.signals import signal_group
from supervice.pid1.spawn import Order, SpawnError
from supervice.pid1.spawn_errors import is_about_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.models import HealthCheckConfig
    from supervice.pid1.runtime import Runtime

# With an option (-c, -e) it is a shell with a script of its own already.
SHELLS = frozenset({"sh", "bash", "dash", "ash", "busybox", "zsh"})
# Bytes at the end of a script's output that are kept for the message.
KEPT_OUTPUT = 2048


class ScriptHealthChecker(HealthChecker):
    """Healthy when the command exits with 0 within the timeout. Its whole group is killed after that.

    `prepare` makes the order to spawn (user, environment, directory) from argv and descriptors; without it
    the command runs as we do.
    """

    def __init__(
        self,
        config: HealthCheckConfig,
        runtime: Runtime | None = None,
        prepare: Callable[[list[str], int, int], Order] | None = None,
    ) -> None:
        self._config = config
        self._runtime = runtime
        self._prepare = prepare or _plain_order

    async def check(self) -> HealthCheckResult:
        config = self._config
        if not config.command:
            return HealthCheckResult(False, "healthcheck_command is not set")
        runtime = self._runtime or guest_runtime()
        try:
            run = ScriptRun(runtime, check_words(config.command), self._prepare)
        except (SpawnError, OSError, ValueError, LookupError) as error:
            return HealthCheckResult(False, f"the check could not be run: {error}", is_about_us(error))
        try:
            status = await wait_for(runtime.loop, run.exited, config.timeout)
        except TimeoutError:
            return HealthCheckResult(
                False, f"the check took longer than {config.timeout:g} s and was killed{run.said()}"
            )
        finally:
            run.end()
        if status == 0:
            return HealthCheckResult(True, run.output() or "the check passed")
        how = f"exit code {status}" if status > 0 else f"signal {-status}"
        return HealthCheckResult(False, f"the check failed with {how}{run.said()}")


def check_words(command: str) -> list[str]:
    """Returns the arguments of a check.

    A command that uses a shell's operators gets a shell, as Docker's HEALTHCHECK does (`curl -f localhost ||
    exit 1`); any other is run as it is, so it needs no shell in the image.
    """
    words = split_command(command)
    is_shell = words[0].rpartition("/")[2] in SHELLS and any(word.startswith("-") for word in words[1:2])
    if any(c in command for c in "|&;<>$`") and not is_shell:
        return ["/bin/sh", "-c", command]
    return words


class ScriptRun:
    """One run of a script: its group, and the end of its output."""

    def __init__(
        self, runtime: Runtime, argv: list[str], prepare: Callable[[list[str], int, int], Order]
    ) -> None:
        self._runtime = runtime
        self._kept = b""
        self._alive = False
        self._read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.set_blocking(write, True)
            self.pid = runtime.spawner.spawn(prepare(argv, null, write))
        except BaseException:
            os.close(self._read)
            raise
        finally:
            os.close(null)
            os.close(write)
        self._alive = True
        self.exited = runtime.loop.create_future()
        runtime.reaper.register(self.pid, self._on_exit, self._clear_group)
        runtime.loop.add_reader(self._read, self._on_output)

    def _clear_group(self) -> None:
        # The leader is still a zombie, so no other group can have its number. A check leaves nothing behind.
        signal_group(self.pid, signal.SIGKILL)

    def _on_exit(self, status: int) -> None:
        self._alive = False
        if not self.exited.done():
            self.exited.set_result(status)

    def _on_output(self) -> None:
        try:
            data = os.read(self._read, 65536)
        except BlockingIOError:
            return
        if not data:
            self._runtime.loop.remove_reader(self._read)
        self._kept = (self._kept + data)[-KEPT_OUTPUT:]

    def output(self) -> str:
        text = self._kept.decode(errors="replace").strip()
        return text.splitlines()[-1].strip() if text else ""

    def last_lines(self, most: int) -> tuple[str, ...]:
        """Returns the end of its output, without empty lines."""
        lines = (line.strip() for line in self._kept.decode(errors="replace").splitlines())
        return tuple(line for line in lines if line)[-most:]

    def said(self) -> str:
        return f": {self.output()}" if self.output() else ""

    def end(self) -> None:
        if self._alive:
            signal_group(self.pid, signal.SIGKILL)
        self._runtime.loop.remove_reader(self._read)
        self._on_output_rest()
        os.close(self._read)

    def _on_output_rest(self) -> None:
        try:
            self._kept = (self._kept + os.read(self._read, 65536))[-KEPT_OUTPUT:]
        except BlockingIOError:
            pass


def _plain_order(argv: list[str], null: int, output: int) -> Order:
    return Order(argv=argv, env=dict(os.environ), stdin=null, stdout=output, stderr=output)
