"""`supervicectl attach NAME`: types to the program and shows its output.

One connection carries the output, another the input, one piece after the other. The daemon answers when a
piece is in the program's pipe, so a program that does not read holds up this client and no other.
"""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import ExitStack

from supervice.cli.detach_keys import DetachKeys
from supervice.cli.line_terminal import Ended, LineTerminal
from supervice.cli.log_lines import LogLines
from supervice.cli.terminal import DONE, FAILED, INTERRUPTED, UNREACHABLE, complain, write
from supervice.control.client import Client, Unreachable, reach
from supervice.control.protocol import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PIECE = 32 * 1024  # bytes of one request
AHEAD = 1024 * 1024  # typed bytes that wait here for a program that does not read
PATIENCE = 0.3  # seconds for the next of the detach keys
QUIET = 0.5  # after the end of a pipe: seconds without output, after which the client ends
LINGER = 2.0  # and at the latest after so many


def attach(name: str, keys: bytes, eof: bool, socket: str | None) -> int:
    """Shows output and passes on input; returns the exit code."""
    try:
        with ExitStack() as stack:
            output = stack.enter_context(reach(socket, os.environ))
            session = Session(name, output, stack.enter_context(reach(socket, os.environ)), keys, eof)
            if not session.begin():
                return FAILED
            if session.is_terminal:
                stack.enter_context(LineTerminal(0, keys))
            return session.run()
    except (Unreachable, CommandError) as error:
        complain(str(error))
        return UNREACHABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Ended as ended:
        return ended.code


class Session:
    """One attached client."""

    def __init__(self, name: str, output: Client, input_: Client, keys: bytes, eof: bool) -> None:
        self._name = name
        self._output = output
        self._input = input_
        self._keys = DetachKeys(keys)
        self._eof = eof
        self._typed = b""  # not sent yet
        self._sent = False  # a piece whose answer has not come
        self._ended = False  # no more will be typed
        self._late = 0.0  # when a detach key is passed on alone
        self._lines = {
            False: LogLines(False, sys.stdout.isatty()),
            True: LogLines(False, sys.stderr.isatty()),
        }
        self.is_terminal = os.isatty(0)

    def begin(self) -> bool:
        """Asks for the output; returns False, after an error message, when the daemon refuses."""
        self._output.send({"command": "attach", "name": self._name, "follow": True})
        frames: list[dict[str, Any]] = []
        while not frames:
            select.select((self._output,), (), ())
            found = self._output.arrived()
            if found is None:
                raise Unreachable("the daemon hung up without an answer; look at its log")
            frames = found
        return all(map(self._show, frames))

    def run(self) -> int:
        since = begun = 0.0  # of the quiet, and of the lingering
        while not self._keys.detached:
            now = time.monotonic()
            over = self._ended and not (self._typed or self._sent)
            if over and not begun:
                since = begun = now
            if over and (self.is_terminal or now >= min(since + QUIET, begun + LINGER)):
                break
            ready = self._wait(min(since + QUIET, begun + LINGER) - now if over else None)
            if self._input in ready and not self._answered():
                return FAILED
            if self._output in ready:
                frames = self._output.arrived()
                if frames is None:
                    raise Unreachable("the daemon has ended")
                if not all(map(self._show, frames)):
                    return FAILED
                since = time.monotonic()
            if 0 in ready:
                self._read()
            self._pass_on()
        return DONE

    def _wait(self, seconds: float | None) -> set[Any]:
        """Waits for either side, or for the rest of the detach keys."""
        sides: list[Any] = [self._output, self._input]
        if not self._ended and len(self._typed) < AHEAD:
            sides.append(0)
        if self._keys.waits:
            seconds = max(0.0, self._late - time.monotonic())
        ready = set(select.select(sides, (), (), seconds)[0])
        if self._keys.waits and time.monotonic() >= self._late and 0 not in ready:
            self._typed += self._keys.late()
        return ready

    def _read(self) -> None:
        try:
            data = os.read(0, PIECE)
        except OSError:
            data = b""  # the terminal was hung up
        if not data:
            self._ended = True
            self._typed += self._keys.late()
        elif self.is_terminal:
            self._typed += self._keys.feed(data)
            self._late = time.monotonic() + PATIENCE
        else:
            self._typed += data

    def _pass_on(self) -> None:
        piece, last = self._typed[:PIECE], self._ended and self._eof
        if self._sent or not (piece or last):
            return
        self._typed = self._typed[len(piece) :]
        request: dict[str, Any] = {"command": "input", "name": self._name, "data": piece.decode("latin-1")}
        if last and not self._typed:
            request["eof"] = True
            self._eof = False
        self._input.send(request)
        self._sent = True

    def _answered(self) -> bool:
        """Takes the answer for a piece of input; reports a piece that the program did not take."""
        replies = self._input.arrived()
        if replies is None:
            raise Unreachable("the daemon has ended")
        for reply in replies:
            self._sent = False
            if reply.get("status") != "ok":
                complain(str(reply.get("message") or reply.get("code")))
                return self.is_terminal  # who types may go on
        return True

    def _show(self, frame: dict[str, Any]) -> bool:
        if frame.get("status") != "ok":
            complain(str(frame.get("message") or frame.get("code")))
            return False
        is_error = frame.get("stream") == "stderr"
        stream = sys.stderr if is_error else sys.stdout
        write(self._lines[is_error].add(frame), stream)
        stream.flush()
        return True
