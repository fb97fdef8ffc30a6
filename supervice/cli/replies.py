"""What `supervicectl` shows of a reply, and with which exit code it ends. Used with and without click.

Exit codes: 0 done; 1 failed or not healthy; 2 usage; 3 a listed process is not running; 4 no daemon.
"""

from __future__ import annotations

import os
import sys

from supervice.control.client import Unreachable, call
from supervice.control.protocol import CommandError
from supervice.control.render import (
    RUNNING_STATES,
    clean,
    event_line,
    health_text,
    reload_text,
    status_table,
    why_text,
)
from supervice.lean.json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

DONE, FAILED, USAGE, NOT_RUNNING, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130


def write(text: str, stream: TextIO | None = None) -> None:
    """Writes what may hold any character, to a terminal of any encoding."""
    stream = stream or sys.stdout
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def complain(message: str) -> None:
    """The one line on stderr that every failure has."""
    write(f"supervicectl: {clean(message)}\n", sys.stderr)


def colored(stream: TextIO) -> bool:
    """Whether somebody looks at `stream` who likes colours (https://no-color.org)."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def names_of(names: tuple[str, ...] | list[str]) -> dict[str, Any]:
    """The arguments for `names`: one is `name`, which every daemon knows, many are `names`."""
    if not names:
        return {}
    return {"name": names[0]} if len(names) == 1 else {"names": list(names)}


def fetch(
    request: dict[str, Any], socket: str | None, timeout: float | None
) -> tuple[dict[str, Any] | None, int]:
    """The reply to `request`; without one the exit code, and what is wrong has been said."""
    try:
        return call(request, socket, os.environ, timeout), DONE
    except Unreachable as error:
        complain(str(error))
        return None, UNREACHABLE
    except CommandError as error:
        complain(f"that is no supervice at the other end: {error}")
        return None, UNREACHABLE
    except (OSError, ValueError) as error:
        complain(str(error))
        return None, FAILED


def ask(request: dict[str, Any], socket: str | None, timeout: float | None, as_json: bool) -> int:
    """Sends `request`, shows the reply and returns the exit code."""
    reply, code = fetch(request, socket, timeout)
    return code if reply is None else show(request, reply, as_json)


def show(request: dict[str, Any], reply: dict[str, Any], as_json: bool) -> int:
    """Writes the reply and returns the exit code."""
    if request["command"] == "boot" and reply.get("status") == "ok":
        from supervice.cli.timeline import critical_chain

        reply = {**reply, "critical_chain": critical_chain(reply)}
    if as_json:
        write(dumps(reply) + "\n")
    if reply.get("status") != "ok":
        _show_error(request, reply, quiet=as_json)
        return FAILED
    if not as_json:
        _show_ok(request, reply)
    return exit_code(request, reply)


def exit_code(request: dict[str, Any], reply: dict[str, Any]) -> int:
    """The exit code for a reply that is ok."""
    command = request["command"]
    if command == "status" and ("name" in request or "names" in request):
        running = all(p.get("state") in RUNNING_STATES for p in reply.get("processes", ()))
        return DONE if running else NOT_RUNNING
    if command == "health":
        return DONE if reply.get("healthy") is True else FAILED
    if command == "pid":
        return DONE if _pids(request, reply) else FAILED
    return DONE if all(result.get("ok", True) for result in reply.get("results", ())) else FAILED


def _show_error(request: dict[str, Any], reply: dict[str, Any], quiet: bool) -> None:
    for problem in () if quiet else reply.get("problems", ()):
        write(f"{clean(problem)}\n", sys.stderr)
    failures = [r for r in reply.get("results", ()) if not r.get("ok", True)]
    if failures and not quiet:
        _show_results(reply)
    else:
        text = reply.get("message") or reply.get("code") or "failed"
        complain(str(text))


def _show_results(reply: dict[str, Any]) -> None:
    for result in reply["results"]:
        fine = result.get("ok", True)
        message = result.get("message") or f"{result.get('name')}: {'done' if fine else 'failed'}"
        if fine:
            write(clean(message) + "\n")
        else:
            complain(str(message))


def _pids(request: dict[str, Any], reply: dict[str, Any]) -> dict[str, int]:
    """The pids of what runs, by name."""
    pids = reply.get("pids") or {str(request.get("name")): reply.get("pid")}
    return {name: pid for name, pid in pids.items() if pid}


def _show_ok(request: dict[str, Any], reply: dict[str, Any]) -> None:
    command = request["command"]
    if command == "status":
        write(status_table(reply, colored(sys.stdout)))
    elif command == "health":
        write(health_text(reply, colored(sys.stdout)))
    elif command == "reload":
        write(reload_text(reply))
    elif command == "pid":
        pids = _pids(request, reply)
        for name, pid in pids.items():
            write(f"{pid}\n" if len(pids) == 1 else f"{clean(name)} {pid}\n")
        if not pids:
            complain(reply.get("message") or f"{request.get('name')} is not running")
    elif command == "version":
        write(f"supervice {clean(reply.get('version', '?'))}\n")
    elif command == "why":
        write(why_text(reply, request.get("name", "")))
    elif command == "graph":
        from supervice.cli.tree import graph_text

        write(graph_text(reply))
    elif command == "boot":
        from supervice.cli.timeline import boot_text

        write(boot_text(reply))
    elif command == "events":
        for event in reply.get("events", ()):
            write(event_line(event))
    elif command == "logs":
        printer = LogPrinter(prefix=request.get("name") is None)
        for chunk in reply.get("logs", ()):
            printer.add(chunk)
        printer.end()
    elif reply.get("results"):
        _show_results(reply)
    else:
        write(clean(reply.get("message") or "done") + "\n")


class LogPrinter:
    """Writes pieces of output; with `prefix` only whole lines, each behind the name of its process."""

    def __init__(self, prefix: bool) -> None:
        self._prefix = prefix
        self._open: dict[tuple[str, str], str] = {}

    def add(self, chunk: dict[str, Any]) -> None:
        data = str(chunk.get("data", ""))
        if not self._prefix:
            write(data)
            return
        key = (str(chunk.get("name", "")), str(chunk.get("stream", "")))
        *lines, rest = (self._open.pop(key, "") + data).split("\n")
        write("".join(f"{clean(key[0])} | {line}\n" for line in lines))
        if rest:
            self._open[key] = rest

    def end(self) -> None:
        for (name, _stream), rest in self._open.items():
            write(f"{clean(name)} | {rest}\n")
        self._open.clear()
