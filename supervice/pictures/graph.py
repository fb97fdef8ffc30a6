"""Draws the answer to `graph` as SVG: which program waits for which, from left to right. Pure.

A program stands one column to the right of the last one that it needs. Programs that need none and that none
needs stand below, in rows.
"""

from __future__ import annotations

from supervice.pictures.svg import STATES, class_of, dark, escape, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Program = dict[str, Any]
    Place = tuple[float, float]

# In pixels.
MARGIN = 20
WIDE, TALL = 166, 38
GAP_X, GAP_Y = 110, 14
ALONE_ACROSS = 5  # programs a row that have no lines
LONGEST_NAME = 19
SWEEPS = 4  # passes that put programs near those they are connected with

LIGHT_STYLE = (
    ".line{fill:none;stroke:#98a0aa;stroke-width:1.3}.open{stroke:#b26a00;stroke-dasharray:5 4}"
    ".box{fill:#ffffff;stroke:#c4cad2}.word{font-size:10px;fill:#5c6570}"
)
DARK_STYLE = ".line{stroke:#66707c}.open{stroke:#e0a04a}.box{fill:#1f242b;stroke:#3d4650}.word{fill:#a0a9b4}"


def graph_svg(reply: dict[str, Any]) -> str:
    """Returns one SVG file that needs nothing else."""
    programs = {str(p.get("name")): p for p in reply.get("programs", ()) if isinstance(p, dict)}
    needs = {name: _needs(p, programs) for name, p in programs.items()}
    columns, alone = _columns(needs)
    _untangle(columns, needs)
    places, width, height = _lay_out(columns, alone)
    lines = [
        _line(
            places[needed],
            places[name],
            f"{name} needs {needed}: {condition}",
            _lacks(programs[needed], condition),
        )
        for name, wanted in needs.items()
        for needed, condition in wanted
    ]
    asked: dict[str, dict[str, None]] = {}
    for wanted in needs.values():
        for needed, condition in wanted:
            asked.setdefault(needed, {})[condition] = None
    lines += [_word(places[needed], ", ".join(conditions)) for needed, conditions in asked.items()]
    boxes = [_box(name, programs[name], *place) for name, place in places.items()]
    if not programs:
        boxes, width, height = [f'<text x="{MARGIN}" y="40">No programs</text>'], 300, 70
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
            f' viewBox="0 0 {width:g} {height:g}" font-family="sans-serif" font-size="13">',
            f"<style>{LIGHT_STYLE}{STATES}{dark(DARK_STYLE)}</style>",
            f"<title>{len(programs)} programs and what they need</title>",
            f'<rect class="bg" width="{width:g}" height="{height:g}" fill="#ffffff"/>',
            *lines,
            *boxes,
            "</svg>",
            "",
        ]
    )


def _needs(program: Program, programs: dict[str, Program]) -> list[tuple[str, str]]:
    """Returns the existing programs that it needs: (program, condition)."""
    found = []
    for need in program.get("depends_on", ()):
        if isinstance(need, dict) and str(need.get("program")) in programs:
            found.append((str(need["program"]), str(need.get("condition"))))
    return found


def _columns(needs: dict[str, list[tuple[str, str]]]) -> tuple[list[list[str]], list[str]]:
    """Returns the programs by column, and those without any edge. A cycle, which no daemon has, is cut."""
    needed = {name for wanted in needs.values() for name, _ in wanted}
    alone = [name for name, wanted in needs.items() if not wanted and name not in needed]
    waiting = {name: len(wanted) for name, wanted in needs.items() if wanted or name in needed}
    needers: dict[str, list[str]] = {name: [] for name in waiting}
    for name, wanted in needs.items():
        for other, _ in wanted:
            needers[other].append(name)
    columns: list[list[str]] = []
    now = [name for name, count in waiting.items() if count == 0]
    while waiting:
        now = now or [next(iter(waiting))]
        columns.append(now)
        for name in now:
            waiting.pop(name, None)
        following: list[str] = []
        for name in now:
            for needer in needers[name]:
                if needer in waiting:
                    waiting[needer] -= 1
                    if waiting[needer] == 0:
                        following.append(needer)
        now = following
    return columns, alone


def _untangle(columns: list[list[str]], needs: dict[str, list[tuple[str, str]]]) -> None:
    """Sorts each column by the mean position of the programs that its programs are connected to."""
    linked: dict[str, list[str]] = {}
    for name, wanted in needs.items():
        for other, _ in wanted:
            linked.setdefault(name, []).append(other)
            linked.setdefault(other, []).append(name)
    position = {name: float(row) for column in columns for row, name in enumerate(column)}
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            middle = {
                name: sum(position[other] for other in linked[name]) / len(linked[name]) for name in column
            }
            column.sort(key=middle.__getitem__)
            offset = -(len(column) - 1) / 2
            for row, name in enumerate(column):
                position[name] = offset + row


def _lay_out(columns: list[list[str]], alone: list[str]) -> tuple[dict[str, Place], float, float]:
    """Returns the upper left corner of each program, and the size of the picture."""
    tallest = max(map(len, columns), default=0)
    step = TALL + GAP_Y
    places: dict[str, Place] = {}
    for number, column in enumerate(columns):
        top = MARGIN + (tallest - len(column)) * step / 2
        for row, name in enumerate(column):
            places[name] = MARGIN + number * (WIDE + GAP_X), top + row * step
    below = MARGIN + tallest * step + (GAP_Y if columns and alone else 0)
    for number, name in enumerate(alone):
        row, across = divmod(number, ALONE_ACROSS)
        places[name] = MARGIN + across * (WIDE + GAP_Y), below + row * step
    width = max((x + WIDE for x, _ in places.values()), default=0) + MARGIN
    height = max((y + TALL for _, y in places.values()), default=0) + MARGIN
    return places, width, height


def _lacks(program: Program, condition: str) -> bool:
    """Returns whether one of its processes does not fulfil the condition now."""
    processes = [p for p in program.get("processes", ()) if isinstance(p, dict)]
    return not processes or any(condition not in p.get("conditions", ()) for p in processes)


def _line(needed: Place, needing: Place, title: str, lacks: bool) -> str:
    x1, y1 = needed[0] + WIDE, needed[1] + TALL / 2
    x2, y2 = needing[0], needing[1] + TALL / 2
    bend = max((x2 - x1) / 2, 30)
    return (
        f'<path class="line{" open" if lacks else ""}" d="M{x1:g} {y1:g} '
        f'C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2 - 5:g} {y2:g} l-5 -4 m5 4 l-5 4">'
        f"<title>{escape(title)}</title></path>"
    )


def _word(needed: Place, conditions: str) -> str:
    """Returns what other programs wait for, to be written beside this one."""
    x, y = needed[0] + WIDE + 7, needed[1] + TALL / 2 - 6
    return f'<text class="word" x="{x:g}" y="{y:g}">{escape(short(conditions, 22))}</text>'


def _box(name: str, program: Program, x: float, y: float) -> str:
    processes = [p for p in program.get("processes", ()) if isinstance(p, dict)]
    states: dict[str, int] = {}
    for process in processes:
        state = str(process.get("state", "?"))
        states[state] = states.get(state, 0) + 1
    said = ", ".join(state if len(processes) == 1 else f"{n} {state}" for state, n in states.items())
    kinds = {class_of(process) for process in processes}
    worst = next((kind for kind in ("bad", "busy", "up", "done", "off") if kind in kinds), "off")
    reasons = [str(p["reason"]) for p in processes if p.get("reason")]
    title = ": ".join([f"{name}, {said}", *reasons[:1]])
    return (
        f"<g><title>{escape(title)}</title>"
        f'<rect class="box" x="{x:g}" y="{y:g}" width="{WIDE}" height="{TALL}" rx="4"/>'
        f'<rect class="{worst}" x="{x:g}" y="{y:g}" width="5" height="{TALL}" rx="2"/>'
        f'<text x="{x + 13:g}" y="{y + 16:g}">{escape(short(name, LONGEST_NAME))}</text>'
        f'<text class="word" x="{x + 13:g}" y="{y + 30:g}">{escape(short(said, 24))}</text></g>'
    )
