"""The values of the decision about a watch: its state, what happens, and what to do."""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass

TYPE_CHECKING = False

WATCHING, PENDING, CHECKING, CHECKED, ACTING = "watching", "pending", "checking", "checked", "acting"


@dataclass(frozen=True)
class Rules:
    interval: float = 2.0
    delay: float = 1.0
    has_check: bool = False
    action: str = "restart"  # as the log names it


@dataclass(frozen=True)
class State:
    phase: str = WATCHING
    held: bool = False  # an operator stopped the program
    suspended: bool = False
    at: float = 0.0  # of the last event
    first: float = 0.0  # PENDING: when the first change was seen, and the last
    last: float = 0.0
    refused: bool = False  # what differs did not pass the check
    actions: tuple[float, ...] = ()  # those of the last minute
    names: tuple[str, ...] = ()  # what changed for them


# -- what happens ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Started:
    """The program is about to start, and its files were looked at for that."""

    at: float


@dataclass(frozen=True)
class Looked:
    at: float
    changed: tuple[str, ...] = ()  # differ from what was accepted
    moved: bool = False  # something differs from the last look, or was not read yet


@dataclass(frozen=True)
class Checked:
    """`watch_check` has ended; `lines` are its last ones."""

    at: float
    ok: bool
    reason: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Acted:
    """The action is over, whether it succeeded or not."""

    at: float


@dataclass(frozen=True)
class Held:
    """An operator stopped the program."""

    at: float


@dataclass(frozen=True)
class Resumed:
    """An operator started the program, or the configuration was reloaded."""

    at: float


# -- what is to be done ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Accept:
    """Accept what the last look has seen as what the program has."""


@dataclass(frozen=True)
class Check:
    """Run `watch_check`; its end comes back as `Checked`."""


@dataclass(frozen=True)
class Act:
    """Do what `watch_action` says; its end comes back as `Acted`."""

    reason: str


@dataclass(frozen=True)
class Log:
    level: str
    text: str


if TYPE_CHECKING:
    Event = Started | Looked | Checked | Acted | Held | Resumed
    Effect = Accept | Check | Act | Log
    Step = tuple[State, list[Effect]]
