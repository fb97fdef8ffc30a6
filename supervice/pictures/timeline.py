"""Draws the answer to `boot` as a timeline, in text and SVG, with the critical chain marked. Pure.

The critical chain is what determined the time of the start: the process that was ready last, the one whose
change let it start, the one before that, and so on. Making any other process faster changes nothing. One that
has failed lasts until now while another process waits for it.
"""

from __future__ import annotations

from itertools import pairwise

from supervice.control.columns import Look, fold, table
from supervice.lean.text import clean
from supervice.pictures.svg import dark, escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Row = dict[str, Any]

BAR, LEAST_BAR = 40, 10  # characters
HEADS = (len("NAME"), len("BEGAN"), len("SETTLED"), len("DETAIL"))
SHORTEST = 1e-9  # seconds; below it there is nothing to draw to scale
WAITING, STARTING, READY, FAILED = ".", "=", "#", "x"

# Measures of the picture, in pixels.
WIDTH, LABEL, MARGIN, TOP = 1000, 200, 20, 70
TALL, SMALL, MANY = 24, 15, 30  # the height of a row; the smaller one for more rows than MANY
LONGEST_NAME = 28
LONGEST_NOTE = 100
TICKS = 8
COLORS = {"waiting": "#d0d4da", "starting": "#f0a63a", "ready": "#4b9e6a", "failed": "#c8453b"}
CRITICAL = "#1f3a93"
DARK_STYLE = "line{stroke:#2c333b}.chain{stroke:#8fa8ff}"


def rows_of(reply: dict[str, Any]) -> tuple[list[Row], list[Row]]:
    """Returns the rows of the first start in the order of spawning, and those of later requests."""
    rows = [row for row in reply.get("processes", ()) if isinstance(row, dict)]
    rows.sort(key=lambda row: (_began(row) is None, _began(row) or 0.0, _number(row.get("asked")) or 0.0))
    return [r for r in rows if not r.get("later")], [r for r in rows if r.get("later")]


def critical_chain(reply: dict[str, Any]) -> list[str]:
    """Returns names, the first to start first; empty when nothing was started."""
    every = rows_of(reply)[0]
    rows = {str(row.get("name")): row for row in every if _began(row) is not None}
    now = _number(reply.get("elapsed")) or 0.0
    if not rows:
        return []
    awaited = {str(word).rpartition(":")[0] for row in every for word in row.get("waiting_for") or ()}

    def over(name: str) -> float:
        failed = _number(rows[name].get("failed")) is not None
        return now if failed and name in awaited else _end(rows[name], now)

    name: str | None = max(rows, key=lambda n: (over(n), _began(rows[n]) or 0.0))
    chain: list[str] = []
    while name in rows and name not in chain:
        chain.append(name)
        released_by = rows[name].get("released_by")
        name = None if released_by is None else str(released_by)
    return chain[::-1]


def duration(reply: dict[str, Any]) -> float:
    """Returns the seconds until everything had settled; until now while something has not."""
    now = _number(reply.get("elapsed")) or 0.0
    ends = [_end(row, now) for row in rows_of(reply)[0]]
    return max(ends, default=0.0)


def _number(value: object) -> float | None:
    fine = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return float(value) if fine else None  # type: ignore[arg-type]


def _began(row: Row) -> float | None:
    return _number(row.get("began"))


def _done(row: Row) -> float | None:
    ready = _number(row.get("ready"))
    return _number(row.get("completed")) if ready is None else ready


def _end(row: Row, now: float) -> float:
    """Returns when it had settled; `now` if it has not."""
    for moment in (_done(row), _number(row.get("failed"))):
        if moment is not None:
            return moment
    return now if _is_pending(row) else _number(row.get("asked")) or 0.0


def _is_pending(row: Row) -> bool:
    """Returns whether it waits or starts; not when it was left stopped, or was stopped before it was up."""
    if _done(row) is not None or _number(row.get("failed")) is not None:
        return False
    return row.get("state") not in ("STOPPED", "EXITED", "FATAL") or bool(row.get("waiting_for"))


def _pieces(row: Row, now: float, until: float) -> list[tuple[str, float, float]]:
    """Returns (waiting | starting | ready | failed, from, to) in seconds, up to `until`."""
    asked, began = _number(row.get("asked")) or 0.0, _began(row)
    done, failed = _done(row), _number(row.get("failed"))
    if began is None:
        return [
            ("waiting", asked, _end(row, now)),
            *([("failed", failed, until)] if failed is not None else []),
        ]
    pieces = [("waiting", asked, began), ("starting", began, _end(row, now))]
    if done is not None:
        pieces.append(("ready", done, until))
    elif failed is not None:
        pieces.append(("failed", failed, until))
    return pieces


# -- text ------------------------------------------------------------------------------------------------


def boot_text(reply: dict[str, Any], look: Look | None = None) -> str:
    """Returns the timeline as wide as the terminal; `*` marks the critical chain."""
    look = look or Look()
    rows, later = rows_of(reply)
    if not rows and not later:
        return fold("Nothing has been started", look)
    now, whole = _number(reply.get("elapsed")) or 0.0, duration(reply)
    chain = critical_chain(reply)
    took = f"{whole:.3f} s so far" if any(map(_is_pending, rows)) else f"{whole:.3f} s"
    lines = [fold(f"began at {clean(reply.get('began_at', '?'))}, took {took}", look)]
    if len(chain) > 1:
        lines.append(fold(f"critical chain: {' -> '.join(clean(name) for name in chain)}", look))
    cells = [
        [
            ("* " if row.get("name") in chain else "  ") + clean(row.get("name", "?")),
            _seconds(_began(row)),
            _seconds(_done(row) if _done(row) is not None else _number(row.get("failed"))),
            _detail(row),
        ]
        for row in rows
    ]
    bar = _bar_width(cells, look.width)
    for line, row in zip(cells, rows, strict=True):
        line.insert(3, f"[{_bar(row, now, whole, bar)}]")
    header = ["NAME", "BEGAN", "SETTLED", "TIME", "DETAIL"]
    drop = ("DETAIL", "BEGAN", "SETTLED")
    lines.append(table(header, cells, look, right=("BEGAN", "SETTLED"), drop=drop))
    legend = f"  {WAITING} waiting  {STARTING} starting  {READY} ready or done  {FAILED} failed"
    lines.append(fold(legend, look))
    for row in later:
        when = _seconds(_number(row.get("asked")))
        took_it = _done(row)
        took = f" in {took_it - (_began(row) or 0.0):.3f} s" if took_it is not None else ", not there"
        lines.append(fold(f"later, at {when}: {clean(row.get('name', '?'))}{took}", look))
    return "".join(lines)


def _bar_width(cells: list[list[str]], width: int) -> int:
    """Returns the width of the chart: what the other columns, details included, leave of the terminal."""
    if width <= 0:
        return BAR
    others = [
        max([*map(len, column), least]) for column, least in zip(zip(*cells, strict=True), HEADS, strict=True)
    ]
    gaps = 2 * 4 + 2  # between the columns, and the brackets
    room = width - sum(others) - gaps
    if room < BAR:  # a detail can be cut, the picture is what was asked for
        room = width - sum(others[:3]) - min(others[3], max(16, width // 5)) - gaps
    if room < LEAST_BAR:
        room = width - others[0] - 4  # without its other columns
    return max(room, 4)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _bar(row: Row, now: float, whole: float, width: int = BAR) -> str:
    signs = {"waiting": WAITING, "starting": STARTING, "ready": READY, "failed": FAILED}
    cells = [" "] * width
    scale = width / whole if whole > SHORTEST else 0.0
    for kind, start, end in _pieces(row, now, whole):
        first, last = int(start * scale), int(end * scale)
        if end > start or kind in ("ready", "failed"):
            for cell in range(min(first, width - 1), min(max(last, first + 1), width)):
                cells[cell] = signs[kind]
    return "".join(cells)


def _detail(row: Row) -> str:
    waited = [clean(word) for word in row.get("waited_for") or ()]
    began, by = _began(row), row.get("released_by")
    if began is None:
        if row.get("waiting_for"):
            return f"waits for {', '.join(clean(word) for word in row['waiting_for'])}"
        return f"not started: {clean(row['reason'])}" if row.get("reason") else "not started"
    text = f"waited for {', '.join(waited)}" if waited else ""
    if by is not None and (len(waited) != 1 or not waited[0].startswith(f"{clean(by)}:")):
        text += f"{', ' if text else 'waited, '}released by {clean(by)}"
    if _number(row.get("failed")) is not None:
        text += f"{'; ' if text else ''}failed{': ' + clean(row['reason']) if row.get('reason') else ''}"
    elif _done(row) is None and not _is_pending(row):
        text += f"{'; ' if text else ''}stopped before it was ready"
    return text


# -- picture ---------------------------------------------------------------------------------------------


def boot_svg(reply: dict[str, Any]) -> str:
    """Returns the timeline as one self-contained SVG file: one bar per process."""
    rows = rows_of(reply)[0]
    now, whole = _number(reply.get("elapsed")) or 0.0, duration(reply)
    chain = critical_chain(reply)
    step = TALL if len(rows) <= MANY else SMALL
    height = TOP + step * len(rows) + 2 * MARGIN
    span = whole * 1.05 or 1.0  # some room to see that the last one is ready
    scale = (WIDTH - LABEL - 2 * MARGIN) / span
    size = 12 if step == TALL else 10
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="{size}">',
        f"<style>{dark(DARK_STYLE)}</style>",
        f'<rect class="bg" width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="22" font-size="15" fill="#222222">'
        f"start at {escape(reply.get('began_at', ''))}: {len(rows)} processes, {whole:.3f} s</text>",
        *_legend(),
        *_axis(span, scale, height),
    ]
    place: dict[str, tuple[float, float, float]] = {}  # name: from, to, the middle of its bar
    for number, row in enumerate(rows):
        y = TOP + number * step
        parts += _row(row, y, step, (now, span, scale), row.get("name") in chain)
        began = _began(row)
        if began is not None:
            place[str(row.get("name"))] = _x(began, scale), _x(_end(row, now), scale), y + step / 2
    for before, after in pairwise(chain):
        _, x1, y1 = place[before]
        x2, _, y2 = place[after]
        parts.append(
            f'<path class="chain" d="M{x1:.1f} {y1:.1f} L{x2:.1f} {y2:.1f}" stroke="{CRITICAL}"'
            ' stroke-width="1.5" fill="none"/>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _x(seconds: float, scale: float) -> float:
    return MARGIN + LABEL + seconds * scale


def _legend() -> list[str]:
    parts, x = [], float(MARGIN)
    for kind, color in COLORS.items():
        word = "ready or done" if kind == "ready" else kind
        parts.append(f'<rect x="{x:g}" y="34" width="12" height="12" fill="{color}"/>')
        parts.append(f'<text x="{x + 17:g}" y="44" font-size="12" fill="#222222">{word}</text>')
        x += 40 + 7.5 * len(word)
    parts.append(
        f'<rect class="chain" x="{x:g}" y="34" width="12" height="12" fill="none" stroke="{CRITICAL}"'
        ' stroke-width="2"/>'
    )
    parts.append(f'<text x="{x + 17:g}" y="44" font-size="12" fill="#222222">critical chain</text>')
    return parts


def _axis(span: float, scale: float, height: int) -> list[str]:
    tick = _tick(span)
    parts = []
    for number in range(int(span / tick) + 1):
        x = _x(number * tick, scale)
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - MARGIN}" stroke="#e4e6ea"/>'
            f'<text x="{x:.1f}" y="{TOP - 9}" font-size="10" text-anchor="middle" fill="#666666">'
            f"{number * tick:g} s</text>"
        )
    return parts


def _tick(span: float) -> float:
    """Returns 1, 2 or 5 times a power of ten, so that there are only a few more than TICKS."""
    tick = 1e-6
    while True:
        for factor in (1, 2, 5):
            if span / (tick * factor) <= TICKS:
                return tick * factor
        tick *= 10


def _row(row: Row, y: int, step: int, scales: tuple[float, float, float], critical: bool) -> list[str]:
    now, span, scale = scales
    name = clean(row.get("name", "?"))
    short = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
    weight = ' font-weight="bold"' if critical else ""
    began, end = _began(row), _end(row, now)
    facts = [name, f"began {_seconds(began)} s", f"settled {_seconds(end)} s", _detail(row)]
    parts = [
        f'<g class="{"process critical" if critical else "process"}">'
        f"<title>{escape(', '.join(filter(None, facts)))}</title>",
        f'<text x="{MARGIN + LABEL - 8}" y="{y + step * 0.7:.1f}" text-anchor="end" fill="#222222"{weight}>'
        f"{escape(short)}</text>",
    ]
    for kind, first, last in _pieces(row, now, span):
        x = _x(first, scale)
        width = max((last - first) * scale, 0.0 if kind == "waiting" else 1.0)
        if width:
            tall = step * 0.3 if kind in ("ready", "waiting") else step * 0.7
            parts.append(
                f'<rect x="{x:.1f}" y="{y + (step - tall) / 2:.1f}" width="{width:.1f}" height="{tall:.1f}"'
                f' fill="{COLORS[kind]}"/>'
            )
    if began is None:
        parts.append(
            f'<text x="{_x(end, scale) + 6:.1f}" y="{y + step * 0.7:.1f}" font-size="10" fill="#666666">'
            f"{escape(_detail(row)[:LONGEST_NOTE])}</text>"
        )
    if critical and began is not None:
        x, width = _x(began, scale), max((end - began) * scale, 1.0)
        parts.append(
            f'<rect class="chain" x="{x:.1f}" y="{y + step * 0.15:.1f}" width="{width:.1f}"'
            f' height="{step * 0.7:.1f}" fill="none" stroke="{CRITICAL}" stroke-width="2"/>'
        )
    parts.append("</g>")
    return parts
