"""Writes the answer to `why` as text: the state, what happens next and why, the last exits. Pure."""

from __future__ import annotations

from supervice.control.render import SIGNALS, clean, duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Reply = dict[str, Any]

# Signals that end a program from outside; the others are the program's own doing.
FROM_OUTSIDE = frozenset((1, 2, 9, 15))
SIGNALLED = ("operator: signal", "signal to supervice")  # no stop: autorestart may start it again
CODES = {126: "not executable", 127: "command not found"}


def why_text(reply: Reply, name: str) -> str:
    """Returns the lines of `why`; the reply of an older daemon yields fewer."""
    name = clean(reply.get("name") or name)
    lines = [_now(reply, name), *_why(reply)]
    if reply.get("schedule"):
        from supervice.cli.schedule_text import schedule_text

        lines += schedule_text({"schedules": [reply["schedule"]]}).splitlines()
    exits = [e for e in reply.get("exits", ()) if isinstance(e, dict)]
    if exits:
        lines += ["", "last exits, the newest last:"]
        for one in exits:
            lines += _exit(one)
    elif reply.get("has_run", True):
        lines.append(f"{name} has not exited")
    return "\n".join(lines) + "\n"


def _now(reply: Reply, name: str) -> str:
    """Returns its state, and what happens next."""
    if reply.get("waiting_for"):
        text = f"{name} is WAITING"
    elif reply.get("has_run", True):
        text = f"{name} is {clean(reply.get('state', '?'))}"
    else:
        text = f"{name} is {clean(reply.get('state', '?'))} and has never run"
    if reply.get("pid"):
        text += f", pid {clean(reply['pid'])}"
    if reply.get("pid") and reply.get("uptime") is not None:
        text += f", for {duration(reply['uptime'])}"
    return f"{text}; {clean(reply['next'])}" if reply.get("next") else text


def _why(reply: Reply) -> list[str]:
    reason, trigger = clean(reply.get("reason") or ""), clean(reply.get("trigger") or "")
    kind, _, detail = trigger.partition(": ")
    failed = reply.get("failed_starts")
    if reason and not reply.get("has_run", True) and isinstance(failed, int) and failed > 1:
        reason += "" if f"{failed} failed" in reason else f" ({failed} attempts)"
    lines = [f"why: {reason}"] if reason else []
    if trigger and not (reason and kind in ("exit", "spawn", "retry") and detail in reason):
        lines.append(f"trigger: {trigger}")
    return lines


def code_name(code: object) -> str:
    """Returns the conventional meaning of an exit code, in parentheses; "" for any other code."""
    if not isinstance(code, int):
        return ""
    name = CODES.get(code) or (f"a shell's word for {SIGNALS[code - 128]}" if code - 128 in SIGNALS else "")
    return f" ({name})" if name else ""


def _exit(one: Reply) -> list[str]:
    """Returns one exit, with its own last lines."""
    signal, trigger = one.get("signal"), clean(one.get("trigger") or "")
    text = clean(one.get("reason") or "ended") + code_name(one.get("exitcode"))
    if trigger.startswith(SIGNALLED):
        kind, _, detail = trigger.partition(": ")
        text += (
            f", which an operator sent{detail.removeprefix('signal')}"
            if kind == "operator"
            else f", for the {detail} that supervice passed on"
        )
    elif trigger:
        text = f"stopped ({text.removeprefix('killed by ')}); {trigger}"
    elif signal in FROM_OUTSIDE and not one.get("oom"):
        text += ", which supervice did not send"
    known = [f"pid {clean(one['pid'])}"] if one.get("pid") is not None else []
    if one.get("runtime") is not None:
        known.append(f"after {duration(one['runtime'])}")
    head = " ".join(word for word in (clean(one.get("time") or ""), text) if word)
    output = one.get("output") or []
    said = output if isinstance(output, list) else str(output).splitlines()
    facts = f" ({', '.join(known)})" if known else ""
    return [f"  {head}{facts}", *("      " + clean(line) for line in said)]
