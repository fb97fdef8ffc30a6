"""Publish and subscribe: tells embedding applications what happens to processes.

`publish` never waits: a slow subscriber loses events, the oldest first.
"""

from __future__ import annotations

from supervice import logger
from supervice.lean.builtin import deque
from supervice.lean.dataclasses import dataclass
from supervice.lean.enumeration import Enum, auto
from supervice.lean.loop import running_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from supervice.lean.loop import AnyFuture, EventLoop

    EventHandler = Callable[["Event"], Awaitable[None]]

__all__ = ["Event", "EventBus", "EventType"]


class EventType(Enum):
    """The types of events."""

    PROCESS_STATE_STARTING = auto()
    PROCESS_STATE_RUNNING = auto()
    PROCESS_STATE_BACKOFF = auto()
    PROCESS_STATE_STOPPING = auto()
    PROCESS_STATE_EXITED = auto()
    PROCESS_STATE_STOPPED = auto()
    PROCESS_STATE_FATAL = auto()
    PROCESS_STATE_UNKNOWN = auto()
    PROCESS_STATE_UNHEALTHY = auto()
    HEALTHCHECK_PASSED = auto()
    HEALTHCHECK_FAILED = auto()
    OUT_OF_MEMORY = auto()


@dataclass
class Event:
    """`payload` of a process event: `processname`, `groupname`, `from_state`, `to_state`, `pid`, `reason`.

    `trigger` says what caused the change: its kind, and after ": " the details. OUT_OF_MEMORY, when the
    killed process is not a program's main one, has `reason` and `processes`, the names of the programs that
    lost one.
    """

    type: EventType
    payload: dict[str, Any]


class EventBus:
    """Delivers events to async handlers, one after the other, in the order of `publish`."""

    def __init__(self, maxsize: int = 1000) -> None:
        self._queue: deque[Event] = deque(maxlen=maxsize)
        self._handlers: dict[EventType, list[EventHandler]] = {}
        self._loop: EventLoop | None = None
        self._task: AnyFuture | None = None
        self._wake: AnyFuture | None = None
        self._stopping = False
        self.dropped = 0

    @property
    def has_subscribers(self) -> bool:
        return bool(self._handlers)

    def start(self) -> None:
        """Starts delivering on the running loop."""
        if self._task is None or self._task.done():
            self._stopping = False
            self._loop = running_loop()
            self._task = None
            if self._queue:  # else with the first event: a daemon has none
                self._rouse()

    async def stop(self) -> None:
        """Delivers the events that were published before, then ends."""
        task, self._task = self._task, None
        self._stopping = True
        self._loop = None
        self._rouse()
        if task is not None:
            await task

    def subscribe(self, event_type: EventType, handler: EventHandler) -> None:
        """Calls `await handler(event)` for each event of the type from now on."""
        self._handlers.setdefault(event_type, []).append(handler)

    def publish(self, event: Event) -> None:
        """Queues the event; a full queue drops its oldest event and counts it."""
        if len(self._queue) == self._queue.maxlen:
            self.dropped += 1
        self._queue.append(event)
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        elif self._loop is not None and self._task is None:
            self._task = self._loop.create_task(self._deliver(self._loop))

    async def _deliver(self, loop: EventLoop) -> None:
        while True:
            while self._queue:
                event = self._queue.popleft()
                for handler in tuple(self._handlers.get(event.type, ())):
                    try:
                        await handler(event)
                    except Exception as error:
                        logger.error(
                            f"events: a handler of {event.type.name} failed: {type(error).__name__}: {error}"
                        )
            if self._stopping:
                return
            self._wake = loop.create_future()
            await self._wake
            self._wake = None
