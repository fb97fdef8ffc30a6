"""Checks a request once, where it comes in, and makes it a value. Knows nothing of processes or sockets.

Arguments that the verb does not use are checked all the same; unknown keys are ignored.
"""

from __future__ import annotations

from supervice.control.protocol import GROUP, INVALID_REQUEST, NAMES, VERBS, CommandError
from supervice.lean.dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DEFAULT_LINES = 10  # of `logs`
KINDS = ("live", "ready")
WAITS = ("running", "ready", "healthy", "exited")


@dataclass(frozen=True)
class Request:
    """What a client asks for."""

    command: str
    names: tuple[str, ...] = ()  # `name` and `names`, as they came
    timeout: float | None = None  # seconds; None: as long as what is asked may take
    lines: int | None = None  # the last so many; None: DEFAULT_LINES of `logs`, every kept event
    stream: str | None = None  # "stderr", or None for both
    follow: bool = False
    resources: bool = False  # of `status`: with what each uses
    force: bool = False
    dry_run: bool = False
    kind: str | None = None  # of `health`: one of KINDS
    wanted: str = "running"  # `for`: one of WAITS
    signum: int = 0
    argv: tuple[str, ...] = ()  # of `exec`
    user: str | None = None  # of `exec`: in place of the program's
    secrets: bool = False  # of `env`: shown as they are
    since: float | None = None  # of `logs`, in seconds since the epoch, as `until`
    until: float | None = None
    data: str = ""  # of `input`: bytes, one character each
    eof: bool = False  # of `input`: nothing comes behind it
    rolling: bool = False  # a restart: one after the other
    batch: int = 1  # of them, so many at a time


def parse(message: dict[str, Any]) -> Request:
    """Returns the request that a JSON object stands for.

    `CommandError` INVALID_REQUEST says what to write instead.
    """
    for key, fits, what, example in _ARGUMENTS:
        if key in message and not fits(message[key]):
            raise _wrong(f'"{key}": {_shown(message[key])} is not {what}; write "{key}": {example}')
    command: str = message["command"]
    names = [name for name in (message.get("name"), *message.get("names", ())) if name]
    if not names and VERBS.get(command, 0) & NAMES:
        raise _wrong(f"{command} needs a name, GROUP:* or all")
    if not names and VERBS.get(command, 0) & GROUP:
        raise _wrong(f"{command} needs the name of a group")
    timeout = message.get("timeout")
    return Request(
        command=command,
        names=tuple(names),
        timeout=None if timeout is None else float(timeout),
        lines=message.get("lines"),
        stream="stderr" if message.get("stderr") else None,
        since=message.get("since"),
        until=message.get("until"),
        follow=message.get("follow", False),
        resources=message.get("resources", False),
        force=message.get("force", False),
        rolling=message.get("rolling", False),
        batch=message.get("batch", 1),
        dry_run=message.get("dry_run", False),
        secrets=message.get("secrets", False),
        kind=message.get("kind"),
        wanted=message.get("for", "running"),
        argv=tuple(message.get("argv", ())),
        user=message.get("user"),
        data=message.get("data", ""),
        eof=message.get("eof", False),
        signum=_signum(message.get("signal", "")) if command == "signal" else 0,
    )


def _wrong(message: str) -> CommandError:
    return CommandError(INVALID_REQUEST, message)


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except RecursionError:
        text = "a value within values"
    return text if len(text) <= 40 else f"{text[:37]}..."


def _signum(word: str | int) -> int:
    from supervice.config.values import signal_number

    try:
        return signal_number(str(word))
    except ValueError as error:
        raise _wrong(f"{word!r}: {error}") from None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9


def _is_seconds(value: object) -> bool:
    return value is None or _is_number(value)


def _is_moment(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _is_count(value: object) -> bool:
    return isinstance(value, int) and _is_number(value)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1e9


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_signal(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


# key, test of a value, what a wrong value is not, what to write instead
_ARGUMENTS: tuple[tuple[str, Callable[[object], bool], str, str], ...] = (
    ("name", _is_text, "a string", '"web"'),
    ("names", _is_list_of_text, "a list of strings", '["web", "db"]'),
    ("argv", _is_list_of_text, "a list of strings", '["sh", "-l"]'),
    ("user", _is_text, "a string", '"www-data"'),
    ("timeout", _is_seconds, "a number of seconds", "30"),
    ("lines", _is_count, "a number of lines", "100"),
    ("since", _is_moment, "a time in seconds since the epoch", "1767225600"),
    ("until", _is_moment, "a time in seconds since the epoch", "1767225600"),
    ("force", _is_flag, "true or false", "true"),
    ("rolling", _is_flag, "true or false", "true"),
    ("batch", _is_size, "a number of processes, 1 or more", "2"),
    ("follow", _is_flag, "true or false", "true"),
    ("resources", _is_flag, "true or false", "true"),
    ("secrets", _is_flag, "true or false", "true"),
    ("data", _is_text, "a string", '"a line\\n"'),
    ("eof", _is_flag, "true or false", "true"),
    ("dry_run", _is_flag, "true or false", "true"),
    ("stderr", _is_flag, "true or false", "true"),
    ("kind", KINDS.__contains__, "a kind of health", '"live" or "ready"'),
    ("for", WAITS.__contains__, "what can be waited for", '"running", "ready", "healthy" or "exited"'),
    ("signal", _is_signal, "the name or the number of a signal", '"HUP"'),
)
