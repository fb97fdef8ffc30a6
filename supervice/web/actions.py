"""Carries out what is clicked on the page: a checked request becomes a command, whose outcome is kept.

A request is answered at once. The command is the control socket's own and runs to its end, even when the
client leaves.
"""

from __future__ import annotations

import os
import time
from _operator import _compare_digest as same

from supervice import logger
from supervice.control.protocol import CommandError
from supervice.lean.builtin import deque
from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.control.commands import Commands
    from supervice.lean.loop import AnyFuture, EventLoop

VERBS = ("start", "stop", "restart")
ALL = "all"
KEPT = 20  # outcomes
MOST_AT_ONCE = 64
GOING = {"start": "Starting", "stop": "Stopping", "restart": "Restarting", "reload": "Reloading"}


class Actions:
    """The actions of one page. Calls `tell()` when there is a new outcome."""

    def __init__(self, loop: EventLoop, commands: Commands, tell: Callable[[], None]) -> None:
        self._loop = loop
        self._commands = commands
        self._tell = tell
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._tasks: set[AnyFuture] = set()
        self._number = 0
        self.token = os.urandom(16).hex()

    def fits(self, token: str) -> bool:
        """Returns whether this page gave the token to the client."""
        return same(token.encode("utf-8", "replace"), self.token.encode())

    @property
    def overloaded(self) -> bool:
        return len(self._tasks) >= MOST_AT_ONCE

    def begin(self, verb: str, name: str, by: str) -> dict[str, Any]:
        """Begins the command; returns the first answer to the client."""
        what = f"{GOING[verb]} {clean(name) or 'the configuration'}"
        logger.info(f"{clean(name) or 'supervice'}: {verb} was asked for on the page, by {by}")
        request = {"command": verb, "name": name} if name else {"command": verb}
        told = self._say(None, what)
        task = self._loop.create_task(self._do(request, told["id"], what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return told

    async def _do(self, request: dict[str, Any], number: int, what: str) -> None:
        try:
            reply = await self._commands.execute(request)
            self._say(True, str(reply.get("message", "done")), number)
        except CommandError as error:
            self._say(False, error.message, number)
        except Exception as error:
            logger.error(f"the page: {what}: unexpected {type(error).__name__}: {error}")
            self._say(False, f"{what}: unexpected {type(error).__name__}", number)

    def _say(self, ok: bool | None, words: str, about: int = 0) -> dict[str, Any]:
        self._number += 1
        told: dict[str, Any] = {"id": self._number, "about": about or self._number, "ok": ok}
        told |= {"time": round(time.time()), "text": clean(words)}
        self._kept.append(told)
        self._tell()
        return told

    def since(self, number: int) -> list[dict[str, Any]]:
        """Returns the outcomes after this one, oldest first."""
        return [told for told in self._kept if told["id"] > number]

    def latest(self) -> list[dict[str, Any]]:
        """Returns the last outcome of each request, newest first."""
        last = {told["about"]: told for told in self._kept}
        return sorted(last.values(), key=lambda told: -told["id"])
