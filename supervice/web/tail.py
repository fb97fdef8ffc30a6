"""The output of one program for a stream: all that is kept, then new output, of both streams."""

from __future__ import annotations

from supervice.control.protocol import CommandError
from supervice.web.escaping import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.control.commands import Commands
    from supervice.lean.loop import EventLoop

MOST_LINES = 10_000  # more than the buffer has, unless most are empty
MOST_TEXT = 192 * 1024  # characters of the beginning: what a connection holds for a client is bounded


class Tail:
    """Calls `event("log", …)` for pieces of output: `[marked, text]`; stderr is marked."""

    def __init__(
        self, loop: EventLoop, commands: Commands, program: str, event: Callable[[str, object], bool]
    ) -> None:
        self._event = event
        self._beginning: list[dict[str, Any]] | None = []
        self._stop: Callable[[], None] | None = None
        request = {"command": "logs", "name": program, "lines": MOST_LINES, "follow": True}
        try:
            self._stop = commands.follow(request, self._take)
        except CommandError as error:
            event("log", {"name": program, "begin": True, "pieces": [], "error": error.message})
            return
        beginning, self._beginning = self._beginning, None
        event("log", {"name": program, "begin": True, "pieces": pieces_of(beginning or [])})

    def _take(self, frame: dict[str, Any]) -> bool:
        if self._beginning is not None:
            self._beginning.append(frame)
            return True
        return self._event("log", {"name": frame["name"], "pieces": pieces_of([frame])})

    def stop(self) -> None:
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()


def pieces_of(frames: list[dict[str, Any]]) -> list[list[Any]]:
    """Returns `[marked, text]` for runs of output of one stream, at most MOST_TEXT characters in all."""
    pieces: list[list[Any]] = []
    for frame in frames:
        marked, text = int(frame["stream"] == "stderr"), visible(frame["data"])
        if pieces and pieces[-1][0] == marked:
            pieces[-1].append(text)
        else:
            pieces.append([marked, text])
    joined = [[piece[0], "".join(piece[1:])] for piece in pieces]
    room = MOST_TEXT
    kept: list[list[Any]] = []
    for marked, text in reversed(joined):
        if len(text) > room:
            cut = text[len(text) - room :] if room else ""
            cut = cut.partition("\n")[2]
            if cut:
                kept.append([marked, cut])
            break
        room -= len(text)
        kept.append([marked, text])
    return kept[::-1]
