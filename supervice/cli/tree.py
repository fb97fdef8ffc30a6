"""Draws the answer to `graph` as a tree: programs that no other needs on top, below each what it needs. Pure.

A subtree is shown once: ten levels of ten programs would be ten thousand million lines.
"""

from __future__ import annotations

from supervice.control.columns import Look, columns_of
from supervice.control.render import clean, shown_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Program = dict[str, Any]


def graph_text(reply: dict[str, Any], look: Look | None = None) -> str:
    """Returns one line per program and dependency; in ASCII, so that it looks the same everywhere."""
    look = look or Look()
    programs = {str(p.get("name")): p for p in reply.get("programs", ()) if isinstance(p, dict)}
    if not programs:
        return "No programs\n"
    needed = {str(need.get("program")) for p in programs.values() for need in _needs(p)}
    tops = [name for name in programs if name not in needed]
    lines: list[tuple[str, str]] = []
    shown: set[str] = set()
    for name in [*tops, *programs]:  # the second part only for a cycle, which no daemon has
        if name in shown:
            continue
        lines.append(_line(clean(name), programs[name], ""))
        _below(name, programs, shown, lines)
    # States are aligned, as far as names leave room for them.
    most = max(columns_of(label) for label, _ in lines)
    most = min(most, max(20, look.width // 2)) if look.width else most
    return "".join(
        look.cut(f"{label}{' ' * (most - columns_of(label))}  {how}".rstrip()) + "\n" for label, how in lines
    )


def _below(top: str, programs: dict[str, Program], shown: set[str], lines: list[tuple[str, str]]) -> None:
    """Adds the lines below `top`, depth first without recursion: a chain may include every program."""
    shown.add(top)
    todo = [(need, "", last) for need, last in _marked(programs[top])]
    while todo:
        need, indent, last = todo.pop()
        name, condition = str(need.get("program")), str(need.get("condition"))
        program = programs.get(name, {})
        again = name in shown and bool(_needs(program))
        label = f"{indent}{'`-- ' if last else '|-- '}{clean(name)}:{clean(condition)}"
        label, how = _line(label, program, condition)
        lines.append((label, how + ("  (see above)" if again else "")))
        if not again and program:
            shown.add(name)
            deeper = indent + ("    " if last else "|   ")
            todo += [(below, deeper, end) for below, end in _marked(program)]


def _marked(program: Program) -> list[tuple[dict[str, Any], bool]]:
    """Returns its needs from the last to the first (for a stack), each with whether it is the last."""
    needs = _needs(program)
    return [(need, number == len(needs) - 1) for number, need in enumerate(needs)][::-1]


def _needs(program: Program) -> list[dict[str, Any]]:
    return [need for need in program.get("depends_on", ()) if isinstance(need, dict)]


def _line(label: str, program: Program, condition: str) -> tuple[str, str]:
    processes = [p for p in program.get("processes", ()) if isinstance(p, dict)]
    return label, _how(processes, condition)


def _how(processes: list[dict[str, Any]], condition: str) -> str:
    """Returns the states of the processes, and what a person who looks at this edge should know."""
    if not processes:
        return "(not there)"
    states: dict[str, int] = {}
    for process in processes:
        state = shown_state(process)
        states[state] = states.get(state, 0) + 1
    words = [state if len(processes) == 1 else f"{count} {state}" for state, count in states.items()]
    text = ", ".join(words)
    if condition:
        lacking = [p for p in processes if condition not in p.get("conditions", ())]
        if lacking:
            text += f", not {clean(condition)} yet"
    waits = dict.fromkeys(clean(word) for p in processes for word in p.get("waiting_for", ()))
    if waits:
        text += f", waits for {', '.join(waits)}"
    else:
        reasons = dict.fromkeys(clean(p["reason"]) for p in processes if p.get("reason"))
        text += "".join(f": {reason}" for reason in list(reasons)[:1])
    return text
