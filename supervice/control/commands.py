"""What the control socket needs of the daemon, as a Protocol; `api.dispatch` implements it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Commands(Protocol):
        async def execute(self, request: dict[str, Any]) -> dict[str, Any]:
            """Does what `request["command"]` (a string) says and returns the reply, or raises `CommandError`.

            Runs as a task of its own, so it may wait for any time. When the client leaves, a command
            that only reads is cancelled; one that acts runs to its end.
            """
            ...

        def follow(
            self, request: dict[str, Any], send: Callable[[dict[str, Any]], bool]
        ) -> Callable[[], None]:
            """Begins a stream (`logs`, `events` with `follow`) or raises `CommandError`.

            `send` says False when the client does not keep up; that frame is gone, and the producer counts
            it. The returned function ends the stream and is called once, when the client leaves.
            """
            ...
