"""The output of programs for `logs`: the last lines from memory, and new output as it comes.

A follower that does not keep up loses its own frames only, and is told how many lines it missed.
"""

from __future__ import annotations

import time

from supervice.api.requests import DEFAULT_LINES
from supervice.lean.loop import running_loop, sleep
from supervice.supervision.journal import timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.api.requests import Request
    from supervice.lean.loop import Cancellable
    from supervice.output.ring import Subscription
    from supervice.process import Process

    Send = Callable[[dict[str, Any]], bool]
    Line = tuple[int, str, str, bytes]

# Seconds until a client that missed something is told, when there is no other frame for it.
REMIND = 1.0
EVERY = 1 << 40  # lines
TURN = 10_000  # lines of a turn of the loop: 20 ms


def last_lines(processes: list[Process], wanted: Request) -> list[dict[str, Any]]:
    """Returns the last lines of all processes in the order of time, as frames of `logs` without a status.

    In all about TURN at most: a client that follows would not be sent more at once.
    """
    most = max(DEFAULT_LINES, TURN // max(1, len(processes)))
    found = [line for process in processes for line in _lines_of(process, wanted, most)]
    found.sort(key=_when)
    return _frames(found)


def is_long(processes: int, wanted: Request) -> bool:
    """Returns whether the last lines may be too many for one turn."""
    return processes * (DEFAULT_LINES if wanted.lines is None else wanted.lines) > TURN


async def all_last_lines(processes: list[Process], wanted: Request) -> list[dict[str, Any]]:
    """Returns the same, however much there is: over as many turns of the loop as that takes."""
    found: list[Line] = []
    looked = 0
    for process in processes:
        found += _lines_of(process, wanted, EVERY)
        if len(found) - looked >= TURN:
            looked = len(found)
            await sleep(running_loop(), 0)
    found.sort(key=_when)
    frames: list[dict[str, Any]] = []
    for begin in range(0, len(found), TURN):
        if begin:
            await sleep(running_loop(), 0)
        frames += _frames(found[begin : begin + TURN])
    return frames


def _lines_of(process: Process, wanted: Request, most: int) -> list[Line]:
    """Returns the wanted lines of one process, the last `most` of them: (when in ms, name, stream, line)."""
    since = wanted.since * 1000 if wanted.since is not None else 0.0
    until = wanted.until * 1000 if wanted.until is not None else float("inf")
    most = min(most, DEFAULT_LINES if wanted.lines is None else wanted.lines)
    output = process.open_output()
    if output is None or not most:
        return []
    name = process.config.name
    lines = output.timed(most if wanted.until is None else EVERY, wanted.stream)
    return [(when, name, stream, line) for when, stream, line in lines if since <= when <= until][-most:]


def _when(line: Line) -> int:
    return line[0]


def _frames(found: list[Line]) -> list[dict[str, Any]]:
    stamps = {when: timestamp(when / 1000) for when in {line[0] for line in found}}  # many share a moment
    return [
        {"name": name, "stream": stream, "time": stamps[when], "data": _text(line) + "\n"}
        for when, name, stream, line in found
    ]


def before_the_rest(processes: list[Process], frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the last lines for a client that goes on to follow: an unfinished line has no newline."""
    last = {(frame["name"], frame["stream"]): frame for frame in frames}
    outputs = {process.config.name: process.open_output() for process in processes}
    for (name, stream), frame in last.items():
        output = outputs.get(name)
        if output is not None and output.is_midline(stream):
            frame["data"] = frame["data"][:-1]
    return frames


class LogFollower:
    """One client that follows the output of some processes across their restarts."""

    def __init__(self, processes: list[Process], wanted: Request, send: Send) -> None:
        self._send = send
        self._stream = wanted.stream
        self._missed: dict[str, int] = {}
        self._subscriptions: list[Subscription] = []
        self._reminder: Cancellable | None = None
        for frame in before_the_rest(processes, last_lines(processes, wanted)):
            send({"status": "ok", **frame})
        for process in processes:
            output = process.open_output()
            if output is not None:
                self._subscribe(process.config.name, output.subscribe)

    def _subscribe(self, name: str, subscribe: Callable[[Callable[[], object]], Subscription]) -> None:
        def more() -> None:
            lost, pieces = subscription.take()
            self._missed[name] = self._missed.get(name, 0) + lost
            for stream, data in pieces:
                if self._stream is None or stream == self._stream:
                    self._pass_on(name, stream, data)

        subscription = subscribe(more)
        self._subscriptions.append(subscription)

    def _pass_on(self, name: str, stream: str, data: bytes) -> None:
        frame: dict[str, Any] = {"status": "ok", "name": name, "stream": stream, "data": _text(data)}
        frame["time"] = timestamp(time.time())
        missed = self._missed.get(name, 0)
        if missed:
            frame["lost_lines"] = missed
            frame["data"] = f"[{missed} lines were too much for this client]\n{frame['data']}"
        if self._send(frame):
            self._missed[name] = 0
        else:
            self._missed[name] = missed + max(1, data.count(b"\n"))
            self._remind()

    def _remind(self) -> None:
        # Nothing is subscribed any more when the frame that was not sent has shown that the client is gone.
        if self._reminder is None and self._subscriptions:
            self._reminder = running_loop().call_later(REMIND, self._tell)

    def _tell(self) -> None:
        """Tells the client how much it missed as soon as it has room, even if no more output comes."""
        self._reminder = None
        for name, missed in self._missed.items():
            text = f"[{missed} lines were too much for this client]\n"
            frame = {"status": "ok", "name": name, "stream": self._stream or "stdout", "data": text}
            if missed and not self._send({**frame, "lost_lines": missed}):
                self._remind()
                return
            self._missed[name] = 0

    def stop(self) -> None:
        if self._reminder is not None:
            self._reminder.cancel()
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
