"""What the pictures share: text that is safe in XML, the colours of states, the dark variant. Pure."""

from __future__ import annotations

from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The colour of each class, light and dark; the contrast with the background is 3 : 1 or more.
_COLORS = {
    "up": ("#2f8559", "#4fb286"),
    "busy": ("#c27803", "#e0a04a"),
    "bad": ("#c2382e", "#f0766b"),
    "done": ("#5b7fb0", "#7fa4d6"),
    "off": ("#8a929c", "#78828e"),
}
STATES = "".join(f".{name}{{fill:{light}}}" for name, (light, _) in _COLORS.items())
_DARK = "".join(f".{name}{{fill:{color}}}" for name, (_, color) in _COLORS.items())

_CLASSES = {
    "RUNNING": "up",
    "STARTING": "busy",
    "STOPPING": "busy",
    "BACKOFF": "busy",
    "FATAL": "bad",
    "UNHEALTHY": "bad",
    "STOPPED": "off",
}


def class_of(process: dict[str, Any]) -> str:
    """Returns the look of a process, one of five: `up`, `busy` (changing), `bad`, `done`, `off`.

    Takes a row of `status` or of `graph`.
    """
    state = process.get("state")
    if process.get("waiting_for"):
        return "busy"
    if state == "EXITED":
        failed = process.get("signal") is not None or process.get("exitcode") not in (0, None)
        return "bad" if failed else "done"
    if state == "RUNNING" and process.get("healthy") is False:
        return "bad"
    if state == "RUNNING" and process.get("ready") is False:
        return "busy"
    return _CLASSES.get(str(state), "off")


def dark(more: str) -> str:
    """Returns the style rules for a dark colour scheme: the common ones and `more`."""
    common = f".bg{{fill:#1b1f25}}text{{fill:#dde1e6}}{_DARK}"
    return f"@media (prefers-color-scheme:dark){{{common}{more}}}"


def short(name: str, longest: int) -> str:
    """Returns `name`, cut to so many characters."""
    return name if len(name) <= longest else name[: longest - 1] + "…"


def escape(value: object) -> str:
    """Returns `value` for the inside of an element; `clean` removes characters that XML does not allow."""
    words = clean(value)
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
