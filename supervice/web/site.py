"""Routes the page, its files, its stream, its actions and /api/v1. Works under any path of a proxy.

Every link is relative, and every path but the API's is one level deep. `http.access` decides what a client
may see and do; the password has been checked already.
"""

from __future__ import annotations

import os
import time

from supervice.control.protocol import CommandError
from supervice.http.access import is_foreign
from supervice.http.messages import Response, text, unquote
from supervice.web import api
from supervice.web.actions import ALL, VERBS, Actions
from supervice.web.assets import KINDS, asset, build
from supervice.web.escaping import fields, html
from supervice.web.page import View, confirmation, page, short_page
from supervice.web.rows import Model, container_text, position_of
from supervice.web.streams import HEADERS, LOOK, Streams
from supervice.web.tail import MOST_LINES, pieces_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from supervice.control.commands import Commands
    from supervice.http.access import Access
    from supervice.http.messages import Request, Stream
    from supervice.lean.loop import EventLoop
    from supervice.supervision.interface import Daemon

    Answer = Response | Awaitable[Response]

FORM = "application/x-www-form-urlencoded"
PLACES = ("", "index.html")  # supervisord's page was called so too
OLD_LOOK = 15.0  # seconds after which nothing is said any more of what processes use
SOON = 0.5  # seconds in which nothing is looked at again for a page that has no stream
POLL = 5  # seconds between questions of a page without a stream
# Nothing from other hosts, no inline script, no frame around the page, and no text becomes markup.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGE = {
    **COMMON,
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
# The pictures have their own style.
PICTURE = {
    **COMMON,
    "Content-Type": "image/svg+xml; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}
# supervisord's old links that did something: action to verb.
OLD = {"start": "start", "stop": "stop", "restart": "restart", "restartall": "restart", "stopall": "stop",
       "startall": "start"}  # fmt: skip


class Site:
    """The site of one daemon; `commands` does what is asked, `daemon` tells what changes."""

    def __init__(self, daemon: Daemon, loop: EventLoop, commands: Commands) -> None:
        self._daemon = daemon
        self._loop = loop
        self._commands = commands
        self._looked = (
            self._refreshed
        ) = -OLD_LOOK  # seconds by the loop: the last looks, at what they use and at all
        self._model = Model(os.urandom(4).hex())
        self._streams = Streams(loop, daemon.table, commands, self._model, self._refresh)
        self._actions = Actions(loop, commands, self._streams.news)
        self._streams.outcomes = self._actions.since
        self._api = api.Api(commands)
        self._build = build()

    def close(self) -> None:
        """Ends the streams."""
        self._streams.close()

    def answer(self, request: Request, access: Access) -> Answer:
        """Returns the response to any request that is not a probe's."""
        refused = access.refusal(request)
        if refused is not None:
            return refused
        path = request.path[1:]
        if path == "act":
            return self._act(request, access)
        if request.method not in ("GET", "HEAD"):
            return text(405, "GET or HEAD", {"Allow": "GET, HEAD"})
        if request.path == api.PREFIX or request.path.startswith(f"{api.PREFIX}/"):
            return self._api.answer(request.path[len(api.PREFIX) :], request.query)
        if path in PLACES:
            return self._page(request, access)
        if path in KINDS:
            kind = {"Content-Type": KINDS[path], "Cache-Control": "max-age=31536000, immutable"}
            return Response(200, asset(path).encode(), {**COMMON, **kind})
        answer = _PATHS.get(path)
        return (
            text(404, "not here; the page is at the top") if answer is None else answer(self, request, access)
        )

    # -- what is shown -----------------------------------------------------------------------------------

    async def _refresh(self, names: list[str] | None = None, *, usage: bool = False) -> None:
        """Updates the model for these processes, or all; with `usage`, which costs more, their usage too."""
        request: dict[str, Any] = {"command": "status"}
        if names is not None:
            request["names"] = names
        if usage:
            request["resources"] = True
        try:
            reply = await self._commands.execute(request)
        except CommandError:  # one of them has gone
            if names is not None:
                await self._refresh()
            return
        now = self._loop.time()
        if usage:
            self._looked = now
        elif now - self._looked > OLD_LOOK:
            self._model.forget_usage()
        self._refreshed = now
        container = container_text(reply.get("container"))
        self._model.update(reply["processes"], time.time(), whole=names is None, container=container)

    async def _refresh_for_many(self) -> None:
        """Updates all processes for pages that ask every few seconds; they share a recent update."""
        now = self._loop.time()
        if now - self._looked >= LOOK:
            self._looked = now
            await self._refresh(usage=True)
        elif now - self._refreshed >= (LOOK if len(self._streams) else SOON):
            await self._refresh()

    async def _page(self, request: Request, access: Access) -> Response:
        given = dict(fields(request.query))
        view = self._view(request, access)
        if given.get("action") in OLD:
            verb, name = OLD[given["action"]], given.get("processname") or ALL
            return self._html(200, confirmation(asset("page.html"), view, verb, name, "./"))
        await self._refresh(usage=given.get("look") == "usage")
        model = self._model
        view.position = model.position
        view.mood, view.summary = model.headline()
        view.rows, view.container = model.rows, model.container
        view.usage = any(row[-1] or row[-2] for row in view.rows)
        view.outcomes = self._actions.latest()[:3]
        program = given.get("program") or given.get("processname") or ""
        if program:
            view.tail = await self._tail(program)
        status = 404 if view.tail is not None and view.tail[2] else 200
        return self._html(status, page(asset("page.html"), view, time.time()))

    def _view(self, request: Request, access: Access) -> View:
        view = View()
        view.build, view.host = self._build, os.uname().nodename
        view.why_not = access.why_not(request)
        view.token = None if view.why_not else self._actions.token
        return view

    async def _tail(self, program: str) -> tuple[str, list[list[Any]], str]:
        try:
            reply = await self._commands.execute({"command": "logs", "name": program, "lines": MOST_LINES})
        except CommandError as error:
            return program, [], error.message
        return program, pieces_of(reply["logs"]), ""

    def _html(self, status: int, body: str) -> Response:
        return Response(status, body.encode("utf-8", "replace"), dict(PAGE))

    def _old_tail(self, request: Request, access: Access) -> Answer:
        """Answers supervisord's /tail.html?processname=NAME."""
        return self._page(request, access)

    async def _picture(self, command: str) -> Response:
        from supervice.pictures.graph import graph_svg
        from supervice.pictures.timeline import boot_svg

        reply = await self._commands.execute({"command": command})
        svg = graph_svg(reply) if command == "graph" else boot_svg(reply)
        return Response(200, svg.encode("utf-8", "replace"), dict(PICTURE))

    def _graph(self, _request: Request, _access: Access) -> Answer:
        return self._picture("graph")

    def _boot(self, _request: Request, _access: Access) -> Answer:
        return self._picture("boot")

    # -- what changes ------------------------------------------------------------------------------------

    def _hello(self, request: Request, access: Access) -> dict[str, Any]:
        """Returns what the script has to know of the daemon that it talks to now."""
        why_not = access.why_not(request)
        token = None if why_not else self._actions.token
        return {"build": self._build, "time": round(time.time()), "token": token, "poll": POLL}

    def _events(self, request: Request, access: Access) -> Answer:
        if is_foreign(request):
            return text(403, "a page of another site has asked for this")
        given = dict(fields(request.query))
        hello, position = self._hello(request, access), position_of(given.get("from", ""))
        begin, program = self._streams.begin, given.get("program", "")

        def stream(send: Callable[[bytes], bool], done: Callable[[], None]) -> Callable[[], object]:
            return begin(send, done, hello, position, program)

        return self._stream(stream)

    async def _stream(self, stream: Stream) -> Response:
        await self._refresh()
        return Response(200, stream, dict(HEADERS))

    async def _news(self, request: Request, access: Access) -> Response:
        """Returns the same as a stream, once: for a page that has no stream."""
        given = dict(fields(request.query))
        await self._refresh_for_many()
        news = self._model.since(*position_of(given.get("from", "")))
        told: dict[str, Any] = {"hello": self._hello(request, access), "rows": news}
        after = given.get("said", "")
        is_number = after.isascii() and after.isdigit() and len(after) < 16
        told["said"] = self._actions.since(int(after) if is_number else 0)
        program = given.get("program", "")
        if program:
            name, pieces, wrong = await self._tail(program)
            told["log"] = {
                "name": name,
                "begin": True,
                "pieces": pieces,
                **({"error": wrong} if wrong else {}),
            }
        return api.answer_json(200, told)

    # -- what is done ------------------------------------------------------------------------------------

    def _act(self, request: Request, access: Access) -> Response:
        """Answers a POST with the token of the page at once; the stream tells the outcome."""
        if request.method != "POST":
            return text(405, "only POST does anything here", {"Allow": "POST"})
        as_json = "application/json" in request.headers.get("accept", "")
        why_not = access.why_not(request)
        if why_not or is_foreign(request):
            return self._refused(as_json, 403, why_not or "a page of another site has asked for this")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            return self._refused(as_json, 415, f"not a form; send {FORM}")
        given = dict(fields(request.body.decode("latin-1")))
        if not self._actions.fits(given.get("token", "")):
            message = "this page is older than the daemon; load it again"
            return self._refused(as_json, 403, message, code="STALE")
        verb, _, coded = given.get("do", "").partition(":")
        name = unquote(coded)  # the page quotes it once more: a form changes the ends of lines
        if verb == "reload" and not name:
            pass
        elif verb not in VERBS:
            return self._refused(as_json, 400, f"do: write {', '.join(VERBS)} and a name, or reload")
        elif name != ALL and name not in self._daemon.table.processes:
            return self._refused(as_json, 404, f"there is no process {name!r}")
        if self._actions.overloaded:
            return self._refused(as_json, 503, "too much is being done already")
        told = self._actions.begin(verb, name, _asker(request))
        if as_json:
            return api.answer_json(202, {"status": "ok", "said": told})
        return Response(303, b"", {"Location": "./", "Cache-Control": "no-store"})

    def _refused(self, as_json: bool, status: int, message: str, code: str = "REFUSED") -> Response:
        if as_json:
            return api.answer_json(status, {"status": "error", "code": code, "message": message})
        view = View()
        view.build = self._build
        body = f'<p>{html(message)}</p><p><a href="./">Back to the processes</a></p>'
        return self._html(status, short_page(asset("page.html"), view, "Nothing was done", body))


_PATHS: dict[str, Callable[[Site, Request, Access], Answer]] = {
    "events": Site._events,
    "news": Site._news,
    "graph.svg": Site._graph,
    "boot.svg": Site._boot,
    "tail.html": Site._old_tail,
}


def _asker(request: Request) -> str:
    from supervice.http.credentials import user_of

    user = user_of(request)
    return f"{user} from {request.peer}" if user else request.peer
