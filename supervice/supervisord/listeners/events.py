"""supervisord's event types, and the exact text that a listener gets. Pure.

The names and texts are an interface that listeners written for supervisord parse; they are those of
supervisord 4.3 (`supervisor/events.py`).
"""

from __future__ import annotations

from supervice.config.event_names import EVENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

TICKS = {5: "TICK_5", 60: "TICK_60", 3600: "TICK_3600"}  # by their seconds


def concrete(names: Iterable[str]) -> frozenset[str]:
    """Returns the events that these names stand for: `PROCESS_STATE` is all that begin like it."""
    found: set[str] = set()
    for name in names:
        below = [event for event in EVENTS if name == "EVENT" or event.startswith(f"{name}_")]
        found.update(below or [name])
    return frozenset(name for name in found if not any(event.startswith(f"{name}_") for event in EVENTS)) - {
        "EVENT"
    }


def envelope(server: str, serial: int, pool: str, pool_serial: int, event: str, payload: str) -> bytes:
    """Returns what is written to a listener.

    `len` counts characters, as supervisord does and its Python listeners expect; only for text that is not
    ASCII is that not the number of bytes.
    """
    return (
        f"ver:3.0 server:{server} serial:{serial} pool:{pool} poolserial:{pool_serial}"
        f" eventname:{event} len:{len(payload)}\n{payload}"
    ).encode("utf-8", "surrogateescape")


def process_state(process: str, group: str, from_state: str, extra: str = "") -> str:
    payload = f"processname:{process} groupname:{group} from_state:{from_state}"
    return f"{payload} {extra}" if extra else payload


def process_log(process: str, group: str, pid: int, channel: str, data: bytes) -> str:
    return f"processname:{process} groupname:{group} pid:{pid} channel:{channel}\n{_text(data)}"


def process_communication(process: str, group: str, pid: int, data: bytes) -> str:
    return f"processname:{process} groupname:{group} pid:{pid}\n{_text(data)}"


def remote_communication(kind: str, data: str) -> str:
    return f"type:{kind}\n{data}"


def process_group(group: str) -> str:
    return f"groupname:{group}\n"


def tick(when: int) -> str:
    return f"when:{when}"


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"Undecodable: {data!r}"
