"""The processes of one listener, and the events that wait for them.

It knows members by `ready` and `send` only. As in supervisord, an event goes to one ready member, the oldest
event first. When none is ready it waits, and when more than `buffer_size` wait the oldest is dropped. An
event that a member rejects, or dies over, is the next again.
"""

from __future__ import annotations

from collections import deque

from supervice import logger
from supervice.supervisord.listeners.events import concrete, envelope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.lean.loop import Cancellable, EventLoop

    class Member(Protocol):
        @property
        def ready(self) -> bool: ...
        @property
        def busy(self) -> bool: ...
        @property
        def working(self) -> bool: ...
        def send(self, event: Waiting, data: bytes) -> bool: ...


# Seconds between two attempts at an event that is rejected again and again, doubled up to the second number.
# supervisord has no such pause and repeats as fast as the listener answers.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0


class Waiting:
    """An event in one pool."""

    __slots__ = ("name", "payload", "pool_serial", "serial")

    def __init__(self, name: str, payload: str, serial: int, pool_serial: int) -> None:
        self.name = name
        self.payload = payload
        self.serial = serial
        self.pool_serial = pool_serial


class Pool:
    def __init__(self, loop: EventLoop, server: str, name: str) -> None:
        self._loop = loop
        self.server = server
        self.name = name
        self.wanted: frozenset[str] = frozenset()
        self.members: list[Member] = []
        self._size = 1
        self._events: deque[Waiting] = deque()
        self._serial = -1
        self._dropped = 0  # since the buffer was empty last
        self._rejections = 0  # in a row
        self._pause: Cancellable | None = None
        self.on_rest: Callable[[], object] | None = None

    @property
    def at_rest(self) -> bool:
        """Whether no member works on an event, and none waits that a member could work on soon."""
        if any(member.busy for member in self.members):
            return False
        return not self._events or self._pause is not None or not any(m.working for m in self.members)

    def configure(self, events: tuple[str, ...], buffer_size: int) -> None:
        self.wanted = concrete(events)
        self._size = buffer_size

    def __len__(self) -> int:
        return len(self._events)

    def accept(self, name: str, payload: str, serial: int) -> None:
        """Takes an event that is `wanted`, and hands it out if a member is ready."""
        self._serial += 1
        self._make_room()
        self._events.append(Waiting(name, payload, serial, self._serial))
        self.dispatch()

    def take_back(self, event: Waiting) -> None:
        """Takes an event back that was not processed: it is the next again."""
        self._make_room()
        self._events.appendleft(event)

    def rejected(self, event: Waiting) -> None:
        """Does the same after a member rejected it; from the second time in a row on after a pause."""
        self.take_back(event)
        self._rejections += 1
        if self._rejections > 1 and self._pause is None:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._rejections - 2, 10))
            self._pause = self._loop.call_later(pause, self._resume)

    def processed(self) -> None:
        self._rejections = 0

    def dispatch(self) -> None:
        """Hands out what can be handed out now."""
        while self._events and self._pause is None and any(member.ready for member in self.members):
            event = self._events[0]
            data = envelope(
                self.server, event.serial, self.name, event.pool_serial, event.name, event.payload
            )
            if not any(member.ready and member.send(event, data) for member in self.members):
                return
            self._events.popleft()
        if self._dropped and not self._events:
            logger.warning(f"{self.name}: no event waits any more; {self._dropped} were dropped meanwhile")
            self._dropped = 0
        if self.on_rest is not None and self.at_rest:
            self.on_rest()

    def close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._events.clear()

    def _resume(self) -> None:
        self._pause = None
        self.dispatch()

    def _make_room(self) -> None:
        while len(self._events) >= self._size:
            event = self._events.popleft()
            if not self._dropped:  # said once: there may be a thousand a second
                logger.error(
                    f"{self.name}: the event buffer is full (buffer_size = {self._size}): dropped event"
                    f" {event.serial}, {event.name}; each further event drops the oldest that waits"
                )
            self._dropped += 1
