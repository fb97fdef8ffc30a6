"""Shows a reply of the daemon and returns the exit code: a table from verb to text.

Used with click and, for the verbs that run all day, without.
"""

from __future__ import annotations

import os
import sys

from supervice.cli.terminal import (
    DONE,
    FAILED,
    NOT_RUNNING,
    UNREACHABLE,
    USAGE,
    complain,
    is_wide,
    look,
    write,
)
from supervice.control.client import Unreachable, call
from supervice.control.columns import Look, fold, table
from supervice.control.protocol import INVALID_REQUEST, SETTLES, VERBS, CommandError
from supervice.control.render import (
    RUNNING_STATES,
    clean,
    health_cell,
    reload_text,
    shown_state,
    status_table,
)
from supervice.lean.json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Request = dict[str, Any]
    Reply = dict[str, Any]


def names_of(names: tuple[str, ...] | list[str]) -> Request:
    """Returns the arguments for `names`: `name` for one, which every daemon knows, `names` for more."""
    if not names:
        return {}
    return {"name": names[0]} if len(names) == 1 else {"names": list(names)}


# -- asking and showing ----------------------------------------------------------------------------------


def fetch(request: Request, socket: str | None, timeout: float | None) -> tuple[Reply | None, int]:
    """Returns the reply to `request`; without one the exit code, after a message on stderr."""
    try:
        if not (VERBS.get(request["command"], 0) & SETTLES and sys.stderr.isatty()):
            return call(request, socket, os.environ, timeout), DONE
        return _with_progress(request, socket, timeout), DONE
    except Unreachable as error:
        complain(str(error))
        return None, UNREACHABLE
    except CommandError as error:
        complain(f"the other end is not supervice: {error}")
        return None, UNREACHABLE
    except (OSError, ValueError) as error:
        complain(str(error))
        return None, FAILED


def _with_progress(request: Request, socket: str | None, timeout: float | None) -> Reply:
    """Returns the reply; meanwhile a line on the terminal says which processes it waits for."""
    from supervice.cli.progress import Progress, wanted

    if not wanted(request["command"]):
        return call(request, socket, os.environ, timeout)
    progress = Progress(request, socket)
    try:
        return call(request, socket, os.environ, timeout, progress.idle)
    finally:
        progress.end()


def ask(request: Request, socket: str | None, timeout: float | None, as_json: bool) -> int:
    """Sends `request`, shows the reply and returns the exit code."""
    if request["command"] == "status" and (as_json or is_wide()):
        request = {**request, "resources": True}
    reply, code = fetch(request, socket, timeout)
    return code if reply is None else show(request, reply, as_json)


def show(request: Request, reply: Reply, as_json: bool) -> int:
    """Writes the reply to stdout and failures to stderr; returns the exit code."""
    ok = reply.get("status") == "ok"
    if request["command"] == "boot" and ok:
        from supervice.pictures.timeline import critical_chain

        reply = {**reply, "critical_chain": critical_chain(reply)}
    if as_json:
        text = dumps(reply) + "\n"
    elif ok:
        text = TEXTS.get(request["command"], _done)(request, reply)
    else:
        text = _results(reply)
    write(text)
    if not ok and not as_json:
        write("".join(f"{clean(problem)}\n" for problem in reply.get("problems", ())), sys.stderr)
    for message in _failures(request, reply, as_json):
        complain(message)
    if not ok and reply.get("code") == INVALID_REQUEST:
        return USAGE
    return exit_code(request, reply) if ok else FAILED


def exit_code(request: Request, reply: Reply) -> int:
    """Returns the exit code for a successful reply."""
    command = request["command"]
    if command == "status" and ("name" in request or "names" in request):
        running = all(p.get("state") in RUNNING_STATES for p in reply.get("processes", ()))
        return DONE if running else NOT_RUNNING
    if command == "health":
        return DONE if reply.get("healthy") is True else FAILED
    if command == "pid":
        return DONE if _pids(request, reply) else FAILED
    return DONE if all(result.get("ok", True) for result in reply.get("results", ())) else FAILED


def _failures(request: Request, reply: Reply, as_json: bool) -> list[str]:
    """Returns the lines for stderr."""
    ok = reply.get("status") == "ok"
    whole = [] if ok else [str(reply.get("message") or reply.get("code") or "failed")]
    if as_json:
        return whole
    if ok and request["command"] == "pid" and not _pids(request, reply):
        return [str(reply.get("message") or f"{request.get('name')} is not running")]
    results = (result for result in reply.get("results", ()) if not result.get("ok", True))
    return [str(result.get("message") or f"{result.get('name')}: failed") for result in results] or whole


# -- the text of each verb -------------------------------------------------------------------------------


def _status(_request: Request, reply: Reply) -> str:
    return status_table(reply, look())


def _health(_request: Request, reply: Reply) -> str:
    return health_text(reply, look())


def _reload(_request: Request, reply: Reply) -> str:
    return reload_text(reply)


def _pid(request: Request, reply: Reply) -> str:
    pids = _pids(request, reply)
    return "".join(f"{pid}\n" if len(pids) == 1 else f"{clean(name)} {pid}\n" for name, pid in pids.items())


def _version(_request: Request, reply: Reply) -> str:
    return f"supervice {clean(reply.get('version', '?'))}\n"


def _why(request: Request, reply: Reply) -> str:
    from supervice.cli.why_text import why_text

    return why_text(reply, request.get("name", ""))


def _schedule(_request: Request, reply: Reply) -> str:
    from supervice.cli.schedule_text import schedule_text

    shown = look()
    return "".join(fold(line, shown, "    ") for line in schedule_text(reply).splitlines())


def _graph(_request: Request, reply: Reply) -> str:
    from supervice.cli.tree import graph_text

    return graph_text(reply, look())


def _boot(_request: Request, reply: Reply) -> str:
    from supervice.pictures.timeline import boot_text

    return boot_text(reply, look())


def _events(_request: Request, reply: Reply) -> str:
    from supervice.cli.event_lines import EventLines

    lines = EventLines(look())
    events = [event for event in reply.get("events", ()) if isinstance(event, dict)]
    lines.expect(events)
    return "".join(map(lines.line, events))


def _done(_request: Request, reply: Reply) -> str:
    """Returns the text of an action."""
    return _results(reply) if reply.get("results") else clean(reply.get("message") or "done") + "\n"


TEXTS: dict[str, Callable[[Request, Reply], str]] = {
    "status": _status,
    "health": _health,
    "reload": _reload,
    "pid": _pid,
    "version": _version,
    "why": _why,
    "schedule": _schedule,
    "graph": _graph,
    "boot": _boot,
    "events": _events,
}


def _results(reply: Reply) -> str:
    """Returns a line for each process that did as asked."""
    fine = (result for result in reply.get("results", ()) if result.get("ok", True))
    return "".join(clean(result.get("message") or f"{result.get('name')}: done") + "\n" for result in fine)


def _pids(request: Request, reply: Reply) -> dict[str, int]:
    """Returns the pids of running processes, by name."""
    pids = reply.get("pids") or {str(request.get("name")): reply.get("pid")}
    return {name: pid for name, pid in pids.items() if pid}


def health_text(reply: Reply, look: Look | None = None) -> str:
    """Returns the lines of `health`: failures first, since Docker shows only the beginning."""
    processes = [p for p in reply.get("processes", ()) if isinstance(p, dict)]
    verdict = clean(reply.get("message") or ("healthy" if reply.get("healthy") is True else "not healthy"))
    look = look or Look()
    if not processes:
        return fold(verdict, look)
    rows = []
    for process in processes:
        name, state = clean(process.get("name", "?")), shown_state(process)
        ready = process.get("ready")
        ready = "ready" if ready is True else "not ready" if ready is False else "-"
        rows.append(
            [name, state, health_cell(process.get("healthy")), ready, clean(process.get("message") or "")]
        )
    rows.sort(key=lambda row: (row[2] != "failed", row[3] != "not ready"))
    drop = ("HEALTH", "READY", "DETAIL")
    return fold(verdict, look) + table(["NAME", "STATE", "HEALTH", "READY", "DETAIL"], rows, look, drop=drop)
