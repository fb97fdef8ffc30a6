"""Answers what `http` serves: /livez, /readyz, /startupz and /metrics, and the page for people.

Loaded only where `http` is configured. Every client that reaches the address may ask the probes, so they
repeat nothing that a program has said unless `?verbose` asks for it, and nothing can be changed through them.
The page is `web`'s, which is loaded when a client first asks for it.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.api.rows import health_row
from supervice.config.check_values import http_place
from supervice.http.access import Access
from supervice.http.credentials import guard
from supervice.http.opening import Opening
from supervice.http.server import HttpServer, Response, text
from supervice.supervision.health_verdict import sentence
from supervice.supervision.status import is_live, pid_of, readiness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Protocol

    from supervice.http.messages import Guard
    from supervice.http.server import Request
    from supervice.lean.loop import EventLoop
    from supervice.models import SupervisorConfig
    from supervice.process import Process
    from supervice.runner.waiting import StartQueue
    from supervice.supervision.memory_watch import MemoryWatch
    from supervice.supervision.probes import Probes
    from supervice.supervision.table import ProcessTable
    from supervice.supervision.termination import Termination

    class Page(Protocol):
        """What answers everything that is no probe."""

        def answer(self, request: Request, access: Access) -> Response | Awaitable[Response]: ...


SOCKET_MODE = 0o666  # as open as a port; the directories above decide
NOT_CACHED = {"Cache-Control": "no-store"}


class Endpoints:
    """The HTTP server of the daemon, from `open` to `close`. It retries an address that it cannot have."""

    def __init__(
        self,
        loop: EventLoop,
        table: ProcessTable,
        queue: StartQueue,
        probes: Probes,
        termination: Termination,
        page: Callable[[], Page],
        memory: MemoryWatch | None = None,
    ) -> None:
        self._loop = loop
        self._table = table
        self._queue = queue
        self._probes = probes
        self._termination = termination
        self._page = page
        self._memory = memory
        self._server = HttpServer(loop, self.answer, log=logger.warning)
        self._access = Access(password=False)
        self._ask: Guard | None = None
        self._opening: Opening | None = None
        self._unix = False

    def protect(self, config: SupervisorConfig, password: str | None) -> None:
        """Sets who may ask, before `open`. With a user but no readable password no client is let in."""
        wanted = config.http_user is not None
        self._access = Access(password=wanted, hosts=config.http_hosts, uids=frozenset((0, os.geteuid())))
        if wanted:
            self._ask = _locked if password is None else guard(config.http_user, password, "supervice")
            self._server.guard = self._ask if config.http_probes == "protected" else self._guard

    def _guard(self, request: Request) -> Response | None:
        return self._ask(request) if self._ask is not None and request.path not in _ANSWERS else None

    def open(self, place: str) -> None:
        """Starts listening. Never raises: the programs matter more, and the log reports the failure."""
        host, port = http_place(place)
        self._opening = Opening(
            self._loop,
            self._server,
            lambda words: logger.error(f"http = {place}: no probes and no metrics: {words}"),
            lambda: logger.info(f"probes and metrics at {place}, {self._said()}"),
        )
        self._unix = port is None
        if port is None:
            self._opening.unix(host, SOCKET_MODE)
        else:
            self._opening.inet(host, port)

    def _said(self) -> str:
        if self._ask is not None:
            return "and a page for those who know the password"
        whose = "all that reach it" if self._unix else "all that reach it, with the output of every program"
        return f"and a page for {whose} (no http_user is set)"

    @property
    def has_socket_files(self) -> bool:
        return self._unix

    def restore(self) -> list[tuple[str, str]]:
        """Makes the socket file again if it was removed; returns what could not be made, and why."""
        return self._server.restore()

    def close(self) -> None:
        if self._opening is not None:
            self._opening.give_up()
        self._server.close()

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Returns the response to any request."""
        answer = _ANSWERS.get(request.path)
        if answer is None:
            return self._page().answer(request, self._access)
        if request.method not in ("GET", "HEAD"):
            return text(405, "GET or HEAD", {"Allow": "GET, HEAD"})
        return answer(self, request)

    # -- the answers -------------------------------------------------------------------------------------

    def _live(self, request: Request) -> Response:
        return self._probe(request, "live", self._probes.live(), is_live)

    def _ready(self, request: Request) -> Response:
        return self._probe(request, "ready", self._probes.ready(), readiness)

    def _started(self, request: Request) -> Response:
        return self._probe(request, "started", self._probes.started(), readiness)

    def _probe(
        self, request: Request, word: str, well: bool, of: Callable[[Process], bool | None]
    ) -> Response:
        verbose = "verbose" in request.query.replace("=", "&").split("&")
        every, stopping = self._table.processes.values(), self._termination.stopping
        culprits = [process for process in every if of(process) is False]
        lines = [sentence(word, well, culprits, self._queue, stopping=stopping, details=False)]
        for process in self._table.processes.values():
            fine = of(process)
            mark = "-" if fine is None else "ok" if fine else "failed"
            line = f"{process.config.name} {process.state} {mark}"
            lines.append(line + self._detail(process) if verbose else line)
        body = "\n".join(map(_one_line, lines))
        return text(200 if well else 503, body, NOT_CACHED)

    def _detail(self, process: Process) -> str:
        waiting = self._queue.waiting_for(process)
        uptime = process.uptime
        facts = [
            f"pid {pid}" if (pid := pid_of(process)) else "",
            f"up {uptime:.0f} s" if uptime is not None else "",
            f"restarts {process.restarts}" if process.restarts else "",
            f"waits for {', '.join(waiting)}" if waiting else "",
            str(health_row(process, self._queue)["message"]),
        ]
        return "".join(f"; {fact}" for fact in facts if fact)

    async def _metrics(self, _request: Request) -> Response:
        from supervice.api.metrics import CONTENT_TYPE, Own, metrics_text
        from supervice.api.usage import Looks

        looks, processes = Looks(self._memory), self._table.processes
        used = await looks.processes(processes.values())
        body = metrics_text(
            processes.values(), self._probes, Own(), self._queue.plans, used=used, container=looks.container()
        )
        return Response(200, body.encode("utf-8", "replace"), {"Content-Type": CONTENT_TYPE})


_ANSWERS: dict[str, Callable[[Endpoints, Request], Response | Awaitable[Response]]] = {
    "/livez": Endpoints._live,
    "/readyz": Endpoints._ready,
    "/startupz": Endpoints._started,
    "/metrics": Endpoints._metrics,
}


def _locked(_request: Request) -> Response:
    return text(503, "the password cannot be read; the log says why")


def _one_line(line: str) -> str:
    """Returns `line` as one line that can be encoded: names and messages may hold anything."""
    return "".join(c if c.isprintable() else " " for c in line)
