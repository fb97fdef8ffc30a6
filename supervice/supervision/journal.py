"""Keeps the last changes of state of all processes, and sends new ones to clients that follow."""

from __future__ import annotations

import time

from supervice.lean.builtin import deque
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.lifecycle.states import Announce
    from supervice.process import Process

    Send = Callable[[dict[str, Any]], bool]
    # time, type, name, previous state, reason, pid, trigger
    Entry = tuple[float, str, str, str, str, int | None, str]

KEPT_EVENTS = 200


class Journal(Observer):
    """The last KEPT_EVENTS changes of state."""

    def __init__(self) -> None:
        self._kept: deque[Entry] = deque(maxlen=KEPT_EVENTS)
        self._followers: list[Send] = []

    def changed(self, process: Process, change: Announce | None) -> None:
        if change is None:
            return
        name, kind = process.config.name, f"PROCESS_STATE_{change.to_state}"
        self._add((time.time(), kind, name, change.from_state, change.reason, process.pid, change.trigger))

    def note(self, kind: str, name: str, reason: str) -> None:
        """Records an event that is no change of state."""
        self._add((time.time(), kind, name, "", reason, None, ""))

    def _add(self, entry: Entry) -> None:
        self._kept.append(entry)
        for send in tuple(self._followers):
            send({"status": "ok", "event": _event(entry)})

    def events(self, last: int | None = None) -> list[dict[str, Any]]:
        """Returns the `last` events, or all, as `supervicectl events --json` shows them, oldest
        first."""
        skipped = 0 if last is None else max(0, len(self._kept) - last)
        return [_event(entry) for number, entry in enumerate(self._kept) if number >= skipped]

    def follow(self, send: Send, last: int = 0) -> Callable[[], None]:
        """Calls `send` with a frame for the `last` events, then for each new one, until the returned function
        is called."""
        for event in self.events(last):
            send({"status": "ok", "event": event})
        self._followers.append(send)

        def stop() -> None:
            if send in self._followers:
                self._followers.remove(send)

        return stop


def _event(entry: Entry) -> dict[str, Any]:
    when, kind, name, before, reason, pid, trigger = entry
    event = {
        "time": timestamp(when),
        "type": kind,
        "name": name,
        "from_state": before,
        "reason": reason,
        "trigger": trigger,
        "pid": pid,
    }
    return {key: value for key, value in event.items() if value not in ("", None)}


def timestamp(when: float) -> str:
    """Returns seconds since the epoch as RFC 3339, UTC, to the millisecond."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))
    return f"{text}.{int(when * 1000) % 1000:03d}Z"
