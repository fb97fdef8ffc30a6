"""Both ends of the control socket: what stands for the daemon in tests of a client, and the other way round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from supervice.client import Controller
from supervice.control.protocol import CommandError


class FakeCall:
    """Stands where `call` is: remembers what it was asked and answers what it was told."""

    def __init__(self) -> None:
        self.reply: dict[str, Any] = {"status": "ok", "message": "done"}
        self.asked: list[tuple[dict[str, Any], str | None, float | None]] = []

    def __call__(
        self, request: dict[str, Any], socket: str | None, _environ: object, timeout: float | None = None
    ) -> dict[str, Any]:
        self.asked.append((request, socket, timeout))
        if "raise" in self.reply:
            raise self.reply["raise"]
        return self.reply


class FakeController(Controller):
    """A `Controller` whose daemon always gives the same reply."""

    def __init__(self) -> None:
        super().__init__()
        self.reply: dict[str, Any] = {"status": "ok"}
        self.asked: list[dict[str, Any]] = []

    async def send_command(self, command: str, **kwargs: Any) -> dict[str, Any]:
        self.asked.append({"command": command, **kwargs})
        return self.reply


class FakeCommands:
    """Answers with what it was asked, waits when it is told to, and streams on demand."""

    def __init__(self) -> None:
        self.loop: Any = None
        self.executed: list[dict[str, Any]] = []
        self.finished: list[str] = []
        self.cancelled: list[str] = []
        self.waiting: list[Any] = []
        self.streams: list[Callable[[dict[str, Any]], bool]] = []
        self.stopped = 0

    async def execute(self, request: dict[str, Any]) -> dict[str, Any]:
        self.executed.append(request)
        if request.get("hold"):
            future = self.loop.create_future()
            self.waiting.append(future)
            try:
                await future
            except BaseException:
                self.cancelled.append(request["command"])
                raise
        if request.get("boom"):
            raise RuntimeError("boom")
        if request.get("big"):
            return {"status": "ok", "data": "x" * request["big"]}
        if request["command"] == "unknown":
            raise CommandError("UNKNOWN_COMMAND", "unknown command")
        self.finished.append(request["command"])
        return {"status": "ok", "echo": request}

    def follow(self, request: dict[str, Any], send: Callable[[dict[str, Any]], bool]) -> Callable[[], None]:
        if request.get("name") == "nobody":
            raise CommandError("NOT_FOUND", "Process not found: absent")
        self.streams.append(send)
        send({"status": "ok", "hello": True})
        return self._stop

    def _stop(self) -> None:
        self.stopped += 1

    def release(self) -> None:
        for future in self.waiting:
            if not future.done():
                future.set_result(None)
