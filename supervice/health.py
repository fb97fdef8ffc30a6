"""Health checks: one question to one process, and the pace at which it is asked.

A check only reports. It never kills and never sets a state: `HealthChecked` goes to the process it was made
for, with the pid it speaks of, and the law (`lifecycle.transition`) decides.
"""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod

from supervice.config.text import split_command
from supervice.lean import dataclass
from supervice.loop import running_loop, sleep, wait_for
from supervice.models import HealthCheckConfig, HealthCheckType
from supervice.pid1.runtime import Runtime, guest_runtime
from supervice.pid1.signals import signal_group
from supervice.pid1.spawn import Order, SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.loop import AnyFuture, EventLoop

KILL = 9
# With an option (-c, -e) already a shell with a script of its own.
SHELLS = frozenset({"sh", "bash", "dash", "ash", "busybox", "zsh"})
# The end of a script's output that is kept for the message.
KEPT_OUTPUT = 2048


@dataclass
class HealthCheckResult:
    """`message` says why, in words for people."""

    healthy: bool
    message: str = ""


class HealthChecker(ABC):
    """One way to ask. `check` may take `timeout` seconds and never raises for a sick program."""

    @abstractmethod
    async def check(self) -> HealthCheckResult:
        """Asks once."""


class TCPHealthChecker(HealthChecker):
    """Healthy when a TCP connection to host:port is accepted within the timeout."""

    def __init__(self, config: HealthCheckConfig) -> None:
        self._config = config

    async def check(self) -> HealthCheckResult:
        config = self._config
        where = f"{config.host}:{config.port}"
        if config.port is None:
            return HealthCheckResult(False, "healthcheck_port is not set")
        loop = running_loop()
        try:
            await wait_for(loop, _connect(loop, config.host, config.port), config.timeout)
        except TimeoutError:
            return HealthCheckResult(False, f"no answer from {where} within {config.timeout:g} s")
        except OSError as error:
            return HealthCheckResult(False, f"cannot connect to {where}: {error.strerror or error}")
        return HealthCheckResult(True, f"{where} accepts connections")


async def _connect(loop: EventLoop, host: str, port: int) -> None:
    import socket

    last: OSError = OSError(errno.EADDRNOTAVAIL, "no address")
    for family, kind, proto, _, address in await _addresses(loop, host, port):
        with socket.socket(family, kind, proto) as sock:
            sock.setblocking(False)
            number = sock.connect_ex(address)
            if number == errno.EINPROGRESS:
                future = loop.create_future()
                loop.add_writer(sock.fileno(), _resolve, future)
                try:
                    await future
                finally:
                    loop.remove_writer(sock.fileno())
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number == 0:
                return
            last = OSError(number, os.strerror(number))
    raise last


async def _addresses(loop: EventLoop, host: str, port: int) -> list[Any]:
    """getaddrinfo; a name is looked up in a thread, because a name server may not answer for minutes."""
    import socket

    try:
        return socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )
    except OSError:
        pass
    import threading

    read, write = os.pipe2(os.O_CLOEXEC)
    answer: list[Any] = []

    def look_up() -> None:
        try:
            answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answer.append(error)
        os.close(write)

    future = loop.create_future()
    threading.Thread(target=look_up, daemon=True, name="resolver").start()
    loop.add_reader(read, _resolve, future)
    try:
        await future
    finally:
        loop.remove_reader(read)
        os.close(read)
    if isinstance(answer[0], OSError):
        raise answer[0]
    return list(answer[0])


class ScriptHealthChecker(HealthChecker):
    """Healthy when the command exits with 0 within the timeout; then its whole group is killed.

    `prepare` makes the order to spawn (user, environment, directory) from argv and output descriptor; without
    it the command runs as we do.
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
            run = _Run(runtime, check_words(config.command), self._prepare)
        except (SpawnError, OSError, ValueError, LookupError) as error:
            return HealthCheckResult(False, f"the check could not be run: {error}")
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
    """The arguments of a check. One that uses a shell's operators gets a shell, as Docker's HEALTHCHECK does
    (`curl -f localhost || exit 1`); everything else is run as it is, also where there is no shell."""
    words = split_command(command)
    is_shell = words[0].rpartition("/")[2] in SHELLS and any(word.startswith("-") for word in words[1:2])
    if any(c in command for c in "|&;<>$`") and not is_shell:
        return ["/bin/sh", "-c", command]
    return words


class _Run:
    """One run of a check script: its group and the end of what it said."""

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
        # Still a zombie: the group's number cannot be anybody else's. A check leaves nothing behind.
        signal_group(self.pid, KILL)

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

    def said(self) -> str:
        return f": {self.output()}" if self.output() else ""

    def end(self) -> None:
        if self._alive:
            signal_group(self.pid, KILL)
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


def _resolve(future: AnyFuture) -> None:
    if not future.done():
        future.set_result(None)


def create_health_checker(
    config: HealthCheckConfig,
    runtime: Runtime | None = None,
    prepare: Callable[[list[str], int, int], Order] | None = None,
) -> HealthChecker | None:
    """The checker that `config` asks for; None for the type `none`."""
    if config.type is HealthCheckType.TCP:
        return TCPHealthChecker(config)
    if config.type is HealthCheckType.SCRIPT:
        return ScriptHealthChecker(config, runtime, prepare)
    if config.type is HealthCheckType.NONE:
        return None
    raise ValueError(f"health checks of the type {config.type.value} are not there yet")


class HealthMonitor:
    """Asks one process again and again: the first time at once, then every `interval` seconds.

    Failures in the first `start_period` seconds do not count, until a check has passed (Docker's rule).
    `report(healthy, message, counts)` is called after each check.
    """

    def __init__(
        self,
        loop: EventLoop,
        checker: HealthChecker,
        config: HealthCheckConfig,
        report: Callable[[bool, str, bool], object],
    ) -> None:
        self._loop = loop
        self._checker = checker
        self._config = config
        self._report = report
        self._lenient_until = loop.time() + config.start_period
        self._stopped = False
        self._task = loop.create_task(self._run())

    async def _run(self) -> None:
        while not self._stopped:
            try:
                result = await self._checker.check()
            except Exception as error:
                result = HealthCheckResult(False, f"the check failed: {type(error).__name__}: {error}")
            if self._stopped:
                return
            if result.healthy:
                self._lenient_until = 0.0
            self._report(result.healthy, result.message, self._loop.time() >= self._lenient_until)
            await sleep(self._loop, self._config.interval)

    def stop(self) -> None:
        """No report comes after this; a check that is under way is given up and its script killed."""
        self._stopped = True
        self._task.cancel()
