"""`supervicectl top`: the table of processes with what they use, on the whole terminal, refreshed.

On an unknown terminal it writes the control sequences of a vt100 and no others; the static bundle has no
curses (docs/adr/0022).
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
import tty

from supervice.cli.ctl_options import SORTS
from supervice.cli.terminal import DONE, USAGE, colored, complain, ellipsis
from supervice.cli.top_screen import HELP, View, order, screen
from supervice.control.client import Unreachable, call
from supervice.control.columns import Look
from supervice.control.protocol import CommandError
from supervice.control.render import clean
from supervice.lean.dataclasses import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Reply = dict[str, Any]

# Terminals with a second screen, which keeps the first as it was, and a cursor that can be hidden.
KNOWN = (
    "xterm",
    "screen",
    "tmux",
    "rxvt",
    "linux",
    "vt220",
    "alacritty",
    "foot",
    "kitty",
    "putty",
    "konsole",
)
ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"
HOME, TO_END_OF_LINE, TO_END = "\x1b[H", "\x1b[K", "\x1b[J"
CLEAR = b"\x1b[2J\x1b[H"
UP, DOWN = ("\x1b[A", "\x1bOA"), ("\x1b[B", "\x1bOB")
QUESTIONS = {"k": ("stop", "stop {}? (y/n)"), "r": ("restart", "restart {}? (y/n)")}
LAST_LINES = 100
PATIENCE = 5.0  # seconds for a look


class Closed(Exception):
    """The terminal is gone."""


class Top:
    """One run of the command; `names` are those of the command line."""

    def __init__(self, request: Reply, socket: str | None, every: float, sort: str) -> None:
        self._request = {**request, "command": "status", "resources": True}
        self._socket = socket
        self._every = every
        self._view = View(sort)
        self._reply: Reply = {}
        self._asked = ""  # the key of the question that is open
        self._away = False  # the daemon did not answer the last look
        self._size = (80, 24)
        self._known = os.environ.get("TERM", "").startswith(KNOWN)
        self._look = Look(0, colored(sys.stdout), ellipsis(sys.stdout))
        self._wake, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> int:
        """Runs until `q`, Ctrl-C or the end of the terminal."""
        before = termios.tcgetattr(0)
        signal.signal(signal.SIGWINCH, lambda *_: self._rouse())
        try:
            tty.setcbreak(0)
            self._write(ENTER if self._known else CLEAR)
            self._loop()
        except (KeyboardInterrupt, Closed):
            pass
        finally:
            self._give_back(before)
        return DONE

    def _give_back(self, before: list[Any]) -> None:
        try:
            self._write(LEAVE if self._known else b"\r\n")
            termios.tcsetattr(0, termios.TCSADRAIN, before)
        except (Closed, termios.error, OSError):
            pass  # there is no terminal any more

    def _loop(self) -> None:
        import time

        due = 0.0
        while True:
            now = time.monotonic()
            if now >= due:
                self._refresh()
                due = time.monotonic() + self._every
            self._draw()
            ready, _, _ = select.select([0, self._wake], [], [], max(0.0, due - time.monotonic()))
            if self._wake in ready:
                os.read(self._wake, 4096)
            if 0 in ready:
                for key in keys(self._read()):
                    if not self._key(key):
                        return

    # -- the terminal ------------------------------------------------------------------------------------

    def _read(self) -> bytes:
        try:
            data = os.read(0, 4096)
        except OSError:
            data = b""
        if not data:
            raise Closed
        return data

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError:
            raise Closed from None

    def _rouse(self) -> None:
        try:
            os.write(self._woken, b"x")
        except OSError:
            pass  # full: it wakes all the same

    def _draw(self) -> None:
        try:
            size = os.get_terminal_size(1)
        except OSError:
            raise Closed from None
        width, height = size.columns or 80, size.lines or 24
        lines = screen(self._reply, self._view, width, height, self._look)
        text = HOME + "\n".join(line + TO_END_OF_LINE for line in lines) + TO_END
        encoding = sys.stdout.encoding or "ascii"
        self._write(text.encode(encoding, "replace"))

    # -- the daemon --------------------------------------------------------------------------------------

    def _ask(self, request: Reply, timeout: float | None) -> Reply:
        try:
            return call(request, self._socket, os.environ, timeout)
        except (Unreachable, CommandError, OSError, ValueError) as error:
            return {"status": "error", "message": str(error)}

    def _refresh(self) -> None:
        reply = self._ask(self._request, PATIENCE)
        away, self._away = self._away, reply.get("status") != "ok"
        if self._away:
            self._say(str(reply.get("message") or reply.get("code")))
            return
        if away:
            self._say("")
        self._reply = reply
        names = self._names()
        if names and self._view.chosen not in names:
            self._view = replace(self._view, chosen=names[0])

    def _names(self) -> list[str]:
        return [clean(row.get("name", "?")) for row in order(self._reply, self._view.sort)]

    def _say(self, message: str) -> None:
        self._view = replace(self._view, message=clean(message))

    def _act(self, verb: str, name: str) -> None:
        """Sends the request beside the screen, which goes on refreshing: a stop takes its time."""

        def run() -> None:
            reply = self._ask({"command": verb, "name": name}, None)
            self._say(str(reply.get("message") or reply.get("code") or "done"))
            self._rouse()

        self._say(f"{verb} {name} ...")
        threading.Thread(target=run, daemon=True).start()

    # -- keys --------------------------------------------------------------------------------------------

    def _key(self, key: str) -> bool:
        """Does what the key says; returns False to quit."""
        view, asked = self._view, self._asked
        self._view = replace(view, message="", above=())
        self._asked = ""
        if asked:
            if key in "yY":
                self._act(QUESTIONS[asked][0], view.chosen)
            return True
        if key == "q":
            return False
        if view.above:
            return True  # any other key takes help and last lines away
        handle = _KEYS.get(key)
        if handle is not None:
            handle(self, key)
        return True

    def _help(self, _key: str) -> None:
        self._view = replace(self._view, above=HELP)

    def _sort(self, _key: str) -> None:
        after = SORTS[(SORTS.index(self._view.sort) + 1) % len(SORTS)]
        self._view = replace(self._view, sort=after)

    def _question(self, key: str) -> None:
        if self._view.chosen:
            self._asked = key
            self._say(QUESTIONS[key][1].format(self._view.chosen))

    def _last_lines(self, _key: str) -> None:
        name = self._view.chosen
        reply = self._ask({"command": "logs", "name": name, "lines": LAST_LINES}, PATIENCE)
        rows = reply.get("logs") or ()
        text = "".join(str(row.get("data", "")) for row in rows if isinstance(row, dict))
        lines = tuple(clean(line) for line in text.splitlines())
        back = f"{name}: any key goes back"
        self._view = replace(self._view, above=lines or ("no output",), message=back)

    def _move(self, key: str) -> None:
        names = self._names()
        if names:
            here = names.index(self._view.chosen) if self._view.chosen in names else 0
            there = max(0, here - 1) if key in UP else min(len(names) - 1, here + 1)
            self._view = replace(self._view, chosen=names[there])


_KEYS: dict[str, Callable[[Top, str], None]] = {
    "h": Top._help,
    "?": Top._help,
    "s": Top._sort,
    "k": Top._question,
    "r": Top._question,
    "l": Top._last_lines,
    **dict.fromkeys((*UP, *DOWN), Top._move),
}


def keys(data: bytes) -> Iterator[str]:
    """Returns the keys that were pressed: single characters, and the sequences of the arrows."""
    text = data.decode("utf-8", "replace")
    while text:
        arrow = next((word for word in (*UP, *DOWN) if text.startswith(word)), text[0])
        yield arrow
        text = text[len(arrow) :]


def top(request: Reply, socket: str | None, every: float, sort: str) -> int:
    """Runs the screen on the terminal; returns the exit code."""
    if not (os.isatty(0) and os.isatty(1)):
        complain("top needs a terminal; write status -o wide")
        return USAGE
    return Top(request, socket, every, sort).run()
