"""The page as HTML: what a browser without scripts shows, and what the script starts from. Pure.

All text goes through `escaping.html`; the template is cut at its marks once, so no text can pass for a mark.
"""

from __future__ import annotations

from supervice.control.render import uptime
from supervice.lean.text import clean
from supervice.web.escaping import html, quote
from supervice.web.rows import CPU, DETAIL, HEALTH, LOOK, MEMORY, NAME, PID, RESTARTS, SINCE, STATE, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.web.rows import Row

_MARKS = {True: "done", False: "failed", None: "…"}


class View:
    """What one request sees. `token` is None when the client may do nothing, and `why_not` says why."""

    __slots__ = (
        "build", "container", "host", "mood", "outcomes", "position", "rows", "summary", "tail", "token",
        "usage", "why_not",
    )  # fmt: skip

    def __init__(self) -> None:
        self.build = ""
        self.host = ""
        self.position = ""
        self.mood = "off"
        self.summary = ""
        self.container = ""
        self.rows: list[Row] = []
        self.usage = False
        self.token: str | None = None
        self.why_not = ""
        self.outcomes: list[dict[str, Any]] = []
        self.tail: tuple[str, list[list[Any]], str] | None = None  # program, pieces, what is wrong


def page(template: str, view: View, now: float) -> str:
    """Returns the whole page."""
    may = view.token is not None
    marks = {
        "build": html(view.build),
        "from": html(view.position),
        "mood": view.mood,
        "title": html(f"{view.summary} · {view.host}"),
        "host": html(view.host),
        "sum": html(view.summary),
        "container": html(view.container),
        "classes": " ".join(filter(None, ("usage" if view.usage else "", "may" if may else ""))),
        "token": html(view.token or ""),
        "whynot": html(f"Looking only: {view.why_not}" if view.why_not else ""),
        "reload": '<button name="do" value="reload">Reload configuration</button>' if may else "",
        "rows": "\n".join([row(one, now, may) for one in view.rows]),
        "said": "".join(map(_outcome, view.outcomes)),
        "tail": _tail(*view.tail) if view.tail is not None else "",
        "hidden": "" if view.tail is not None else " hidden",
        "program": html(clean(view.tail[0])) if view.tail is not None else "",
    }
    first, *rest = template.split("{{")
    parts = [first]
    for piece in rest:
        name, _, text = piece.partition("}}")
        parts += (marks[name], text)
    return "".join(parts)


def row(one: Row, now: float, may: bool) -> str:
    """Returns the row of a process."""
    name, shown = quote(one[NAME]), html(clean(one[NAME]))
    up = uptime(now - one[SINCE]) if one[SINCE] else UNKNOWN
    buttons = ""
    if may:
        buttons = "".join(
            f'<button name="do" value="{verb}:{name}" aria-label="{verb} {shown}">{verb}</button>'
            for verb in offered(one)
        )
    cells = (
        one[STATE], one[HEALTH], up, one[PID] or UNKNOWN, one[RESTARTS] or "", one[CPU], one[MEMORY],
        one[DETAIL],
    )  # fmt: skip
    return (
        f'<tr class="{one[LOOK]}" data-since="{one[SINCE]}">'
        f'<th scope="row"><a href="?program={name}">{shown}</a></th>'
        f"{''.join([f'<td>{html(cell)}</td>' for cell in cells])}<td>{buttons}</td></tr>"
    )


def offered(one: Row) -> tuple[str, ...]:
    """Returns the verbs that have a button; the others would have no effect."""
    return ("restart", "stop") if one[PID] or one[LOOK] == "busy" else ("start",)


def _outcome(told: dict[str, Any]) -> str:
    mark = _MARKS[told["ok"]]
    kind = {True: "up", False: "bad", None: "busy"}[told["ok"]]
    return f'<li class="{kind}" data-about="{told["about"]}"><b>{mark}</b> {html(clean(told["text"]))}</li>'


def _tail(program: str, pieces: list[list[Any]], wrong: str) -> str:
    if wrong:
        return f'<i class="err">{html(wrong)}</i>'
    return "".join(f'<i class="err">{html(text)}</i>' if marked else html(text) for marked, text in pieces)


def confirmation(template: str, view: View, verb: str, name: str, back: str) -> str:
    """Returns the page behind an old link of supervisord: it asks; the link itself does nothing."""
    what = f"{verb.capitalize()} {'all programs' if name == 'all' else clean(name)}?"
    if view.token is None:
        ask = f"<p>{html(view.why_not)}</p>"
    else:
        value = f"{verb}:{quote(name)}"
        ask = (
            f'<form method="post" action="act"><input type="hidden" name="token" value="{html(view.token)}">'
            f'<button name="do" value="{value}" class="go">{html(verb)}</button></form>'
        )
    return short_page(template, view, what, f'{ask}<p><a href="{html(back)}">Back to the processes</a></p>')


def short_page(template: str, view: View, title: str, body: str) -> str:
    """Returns a page with the usual head, a title, and `body`, which is HTML."""
    head = (
        template.partition("<body")[0]
        .replace("{{title}}", html(title))
        .replace("{{build}}", html(view.build))
    )
    head = head.replace("{{from}}", "").replace(
        f'<script src="page.js?{html(view.build)}" defer></script>\n', ""
    )
    return f'{head}<body class="ask"><main><h1>{html(title)}</h1>{body}</main></body></html>\n'
