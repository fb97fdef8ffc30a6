"""`attach`: streams the output of one process, and passes on what a client types.

Loaded with the first `attach`. Output and input are connections of their own, so a program that does not read
holds up only the client that types.
"""

from __future__ import annotations

from supervice import logger
from supervice.api.logs import LogFollower
from supervice.api.requests import Request
from supervice.control.protocol import FAILED, INVALID_REQUEST, NOT_FOUND, CommandError
from supervice.lean.loop import running_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.process import Process
    from supervice.supervision.interface import Daemon

    Reply = dict[str, Any]
    Send = Callable[[Reply], bool]

EVENT = "ATTACH"


class Attachment(LogFollower):
    """Sends a client the news that it is attached, the line that has not ended yet, then all new output."""

    def __init__(self, process: Process, send: Send) -> None:
        self._name = process.config.name
        output = process.open_output()
        unfinished = {} if output is None else dict(output.tail(2))
        frames = [
            {"status": "ok", "name": self._name, "stream": stream, "data": line.decode("utf-8", "replace")}
            for stream, line in unfinished.items()
            if output is not None and output.is_midline(stream)
        ]
        for frame in frames or [{"status": "ok", "name": self._name, "stream": "stdout", "data": ""}]:
            send(frame)
        super().__init__([process], Request("attach", lines=0), send)
        for subscription in self._subscriptions:
            subscription.on_end = self._over

    def _over(self) -> None:
        message = f"{self._name}: is not supervised any more"
        self._send({"status": "error", "code": NOT_FOUND, "message": message})


def attach(daemon: Daemon, processes: list[Process], send: Send) -> Callable[[], None]:
    """Begins the stream; returns a function that ends it."""
    process = _one(processes)
    name = process.config.name
    if daemon.table.launcher is None or process.foreground is not None:
        raise CommandError(INVALID_REQUEST, f"{name}: its standard input is that of the container")
    if process.config.stdin != "pipe" or name in daemon.table.launcher.inputs:
        raise CommandError(
            INVALID_REQUEST, f"{name}: its standard input is not a pipe; write stdin = pipe in its section"
        )
    logger.info(f"{name}: a client is attached (attach)")
    daemon.journal.note(EVENT, name, "")
    return Attachment(process, send).stop


async def send_input(daemon: Daemon, processes: list[Process], data: str, eof: bool) -> Reply:
    """Writes to the standard input; answers when all of it is in the pipe.

    `data` has one character per byte. With `eof` the input of the present run is closed after it.
    """
    process = _one(processes)
    name = process.config.name
    launcher = daemon.table.launcher
    pipe = None if launcher is None else launcher.pipes.get(name)
    try:
        text = data.encode("latin-1")
    except UnicodeEncodeError:
        raise CommandError(INVALID_REQUEST, f'{name}: "data" has characters above 255') from None
    taken = running_loop().create_future()
    try:
        if pipe is None:
            raise BrokenPipeError
        pipe.write(text, taken.set_result)
        if eof:
            pipe.close()
    except BrokenPipeError:
        why = "does not run" if process.pid is None else "has closed its standard input"
        raise CommandError(FAILED, f"{name}: {why}") from None
    except BlockingIOError:
        raise CommandError(FAILED, f"{name}: does not read its standard input") from None
    if not await taken:
        raise CommandError(FAILED, f"{name}: has ended, or closed its standard input, before it read this")
    return {"status": "ok", "name": name, "message": f"{name} has been sent {len(text)} bytes"}


def _one(processes: list[Process]) -> Process:
    if len(processes) != 1:
        names = ", ".join(process.config.name for process in processes)
        raise CommandError(INVALID_REQUEST, f"attach takes one process; name one of {names}")
    return processes[0]
