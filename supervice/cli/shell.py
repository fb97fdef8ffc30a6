"""`supervicectl shell`: runs verbs line by line, with completion and a history.

The code of the command line decides what a line does; this module reads lines and completes names.
"""

from __future__ import annotations

import os
import shlex
import sys

from supervice.cli.terminal import complain, write
from supervice.control.client import Unreachable, call
from supervice.control.protocol import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PROMPT = "supervice> "
HISTORY = "~/.supervicectl_history"
HISTORY_LENGTH = 1000
LEAVE = frozenset(("exit", "quit", "q"))
NO_NAMES = frozenset(("help", "reload", "reopen", "shutdown", "version", "events", "graph", "boot", *LEAVE))


def run_shell(
    socket: str | None,
    verbs: Iterable[str],
    run: Callable[[list[str]], int],
    read: Callable[[str], str] = input,
    page: Callable[[], str] | None = None,
) -> int:
    """Reads lines until the end of the input; returns the exit code of the last one.

    `run` does what the words of a line say; `read` shows a prompt and returns a line, or raises EOFError;
    `page` is what `help` shows.
    """
    known = sorted({*verbs, "help", "exit"} - {"shell"})
    interactive = read is input and sys.stdin.isatty()
    save = _use_readline(Completer(known, lambda: process_names(socket))) if interactive else None
    code = 0
    try:
        while True:
            try:
                line = read(PROMPT if interactive else "")
            except EOFError:
                if interactive:
                    write("\n")
                return code
            except KeyboardInterrupt:  # the line is thrown away, as shells do
                write("\n")
                continue
            try:
                words = shlex.split(line, comments=True)
            except ValueError as error:
                complain(str(error))
                code = 2
                continue
            if not words:
                continue
            if words[0] in LEAVE:
                return code
            if page is not None and len(words) == 1 and words[0] in ("help", "?"):
                write(page())
                code = 0
                continue
            code = _do(words, socket, run)
    finally:
        if save is not None:
            save()


def _do(words: list[str], socket: str | None, run: Callable[[list[str]], int]) -> int:
    if words[0] in ("help", "?"):
        words = [*words[1:], "--help"]
    elif words[0] == "shell":
        complain("this is the shell already")
        return 2
    words = words if socket is None else ["-s", socket, *words]
    try:
        code = _beside(lambda: run(words)) if "exec" in words[:3] else run(words)
    except KeyboardInterrupt:
        write("\n")
        code = 130
    sys.stdout.flush()
    return code


def _beside(run: Callable[[], int]) -> int:
    """Runs a verb that becomes another program in a process of its own; returns its exit code."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = run()
            sys.stderr.flush()
        finally:
            os._exit(code)
    while True:
        try:
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        except KeyboardInterrupt:  # it is meant for the command, which has the terminal too
            continue
        return status if status >= 0 else 128 - status


def process_names(socket: str | None) -> list[str]:
    """Returns what may stand where a name is expected, if a daemon answers at once."""
    try:
        reply = call({"command": "status"}, socket, os.environ, 1.0)
    except (Unreachable, CommandError, OSError, ValueError):
        return []
    names = {"all"}
    for process in reply.get("processes", ()):
        names.add(str(process.get("name")))
        if process.get("group"):
            names.add(f"{process['group']}:*")
    return sorted(names)


class Completer:
    """Completes verbs first, then names; it asks the daemon once per press of the key."""

    def __init__(self, verbs: list[str], names: Callable[[], list[str]]) -> None:
        self._verbs = verbs
        self._names = names
        self._found: list[str] = []

    def candidates(self, before: str, text: str) -> list[str]:
        """Returns the completions of `text`, the word being written; `before` is the line in front of it."""
        words = before.split()
        if not words or words == ["help"]:
            known = self._verbs
        elif words[0] in NO_NAMES:
            return []
        else:
            known = self._names()
        return [f"{word} " for word in known if word.startswith(text)]

    def __call__(self, text: str, state: int) -> str | None:
        if state == 0:
            import readline

            self._found = self.candidates(readline.get_line_buffer()[: readline.get_begidx()], text)
        return self._found[state] if state < len(self._found) else None


def _use_readline(completer: Completer) -> Callable[[], None] | None:
    """Sets up completion and history where Python has them; returns a function that saves the history."""
    try:
        import readline
    except ImportError:
        return None
    readline.set_completer(completer)
    readline.set_completer_delims(" \t")  # names hold colons
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
    path = os.path.expanduser(HISTORY)
    try:
        readline.read_history_file(path)
    except OSError:
        pass  # the first time, or no home

    def save() -> None:
        readline.set_history_length(HISTORY_LENGTH)
        before = os.umask(0o077)
        try:
            readline.write_history_file(path)
        except OSError:
            pass  # a home that cannot be written
        finally:
            os.umask(before)

    return save
