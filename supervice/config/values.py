"""One parser per kind of value: text in, value out, `ValueError` with what to write instead.

Pure; knows nothing of files or sections. A message never repeats the text, which may be a secret: the caller
knows, and shows it. `kinds.KINDS` says which option takes which parser. The daemon uses `stop_steps` and
`signal_number` too.
"""

from __future__ import annotations

from supervice.lean import builtin
from supervice.models import HealthCheckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

YES = ("yes", "true", "on", "1")
NO = ("no", "false", "off", "0")
# More seconds would not fit the int of milliseconds that some system calls take.
LONGEST = 1_000_000_000
_UNITS = (("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400))
_SIZES = (("kb", 1024), ("mb", 1024**2), ("gb", 1024**3), ("tb", 1024**4))
_LEVELS = {
    "critical": "CRITICAL",
    "crit": "CRITICAL",
    "fatal": "CRITICAL",
    "error": "ERROR",
    "erro": "ERROR",
    "warn": "WARNING",
    "warning": "WARNING",
    "info": "INFO",
    "debug": "DEBUG",
    "debg": "DEBUG",
    "trace": "DEBUG",  # supervisord's two levels below debug
    "trac": "DEBUG",
    "blather": "DEBUG",
    "blat": "DEBUG",
}


def boolean(text: str) -> bool:
    word = text.lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise ValueError("not a yes or no; write true or false")


def integer(text: str) -> int:
    text = text.strip()
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise ValueError("not a whole number; write digits")
    return int(text)


def natural(text: str) -> int:
    value = integer(text)
    if value < 0:
        raise ValueError("negative; write 0 or more")
    return value


def at_least_one(text: str) -> int:
    value = integer(text)
    if value < 1:
        raise ValueError("too small; write 1 or more")
    return value


def retries(text: str) -> int:
    value = integer(text)
    if value < -1:
        raise ValueError("too small; write 0 or more, or -1 for no limit")
    return value


def between(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = integer(text)
        if not least <= value <= most:
            raise ValueError(f"out of range; write a number from {least} to {most}")
        return value

    return parse


def port(text: str) -> int:
    value = integer(text)
    if not 1 <= value <= 65535:
        raise ValueError("not a port; write a number from 1 to 65535")
    return value


def number(text: str) -> int | float:
    """Parses a number that is not negative; returns whole numbers as int."""
    text = text.strip()
    whole, _, fraction = text.partition(".")
    if not text.isascii() or len(text) > 24 or not (whole + fraction).isdigit():
        raise ValueError("not a number; write digits")
    value = float(text)
    return int(value) if value == int(value) else value


def factor(text: str) -> int | float:
    value = number(text)
    if value < 1:
        raise ValueError("too small; write 1 or more")
    return value


def seconds(text: str) -> int | float:
    """Parses `10`, `1.5`, `500ms`, `10s`, `2m` or `1h`; returns whole numbers as int."""
    word = text.strip().lower()
    scale: int | float = 1
    for unit, size in _UNITS:
        if word.endswith(unit) and word[: -len(unit)].strip()[-1:].isdigit():
            word, scale = word[: -len(unit)].strip(), size
            break
    try:
        amount = number(word)
    except ValueError:
        raise ValueError("not a time; write seconds (10) or a unit (500ms, 10s, 2m, 1h)") from None
    value = amount / 1000 if scale == 0.001 else amount * scale
    if value > LONGEST:
        raise ValueError(f"too long; write at most {LONGEST} seconds")
    return int(value) if value == int(value) else value


def some_seconds(text: str) -> int | float:
    """Parses a time above 0: without a pause a check would do nothing else."""
    value = seconds(text)
    if value <= 0:
        raise ValueError("not above 0; write a time above 0")
    return value


def whole_seconds(text: str) -> int:
    value = seconds(text)
    if value != int(value):
        raise ValueError("a fraction; write whole seconds")
    return int(value)


def limits(parse: Callable[[str], int]) -> Callable[[str], tuple[int, int]]:
    """Returns a parser of `soft:hard`, or of one value for both; -1 stands for `unlimited`."""

    def one(word: str) -> int:
        return -1 if word.strip().lower() in ("unlimited", "infinity", "-1") else parse(word)

    def pair(text: str) -> tuple[int, int]:
        first, colon, second = text.partition(":")
        soft = one(first)
        hard = one(second) if colon else soft
        if max(soft, hard) >= 1 << 63:
            raise ValueError("too large; write unlimited")
        if hard != -1 and (soft == -1 or soft > hard):
            raise ValueError("the soft limit is above the hard one; write soft:hard")
        return soft, hard

    return pair


def capabilities(text: str) -> tuple[str, ...]:
    """Parses names with or without CAP_; returns them in the kernel's order, `none` as an empty tuple."""
    from supervice.pid1.capabilities import NAMES

    found = {word.upper().removeprefix("CAP_") for word in words(text)}
    if found == {"NONE"}:
        return ()
    if not found:
        raise ValueError("names no capability; write none to keep none")
    for name in found:
        if name not in NAMES:
            raise ValueError(
                "not a capability; write names of capabilities(7), like NET_BIND_SERVICE, or none"
            )
    return tuple(name for name in NAMES if name in found)


def size(text: str) -> int:
    """Parses bytes: `1048576`, `512KB`, `50MB`, `1GB`, in steps of 1024."""
    word = text.strip().lower()
    scale = 1
    for unit, amount in _SIZES:
        if word.endswith(unit):
            word, scale = word[:-2].strip(), amount
            break
    if not (word.isascii() and word.isdigit()) or len(word) > 18:
        raise ValueError("not a size; write bytes or a number with KB, MB or GB (50MB)")
    return int(word) * scale


def octal(text: str) -> int:
    """Parses a file mode or umask, `022` or `0o022`."""
    word = text.strip().lower()
    word = word.removeprefix("0o")
    if not word or len(word) > 6 or word.strip("01234567"):
        raise ValueError("not an octal number; write it like 022 or 0660")
    value = int(word, 8)
    if value > 0o7777:
        raise ValueError("too large for a file mode; write it like 022 or 0660")
    return value


def permissions(text: str) -> int:
    value = octal(text)
    if value > 0o777:
        raise ValueError("more than permissions, write three digits: 0640")
    return value


def umask(text: str) -> int:
    value = octal(text)
    if value > 0o777:
        raise ValueError("too large for a umask; write at most 0777")
    return value


def restart(text: str) -> bool | str:
    word = text.lower()
    if word == "unexpected":
        return "unexpected"
    if word in YES:
        return True
    if word in NO:
        return False
    raise ValueError("unknown word; write true, false or unexpected")


def signal_number(text: str) -> int:
    """Parses `TERM`, `SIGTERM`, `15` or `RTMIN+3`."""
    word = text.strip().upper().removeprefix("SIG")
    if number := builtin.signal_number("SIG" + word):
        return number
    first, last = builtin.signal.SIGRTMIN, builtin.signal.SIGRTMAX
    if word.isascii() and word.isdigit():
        value = int(word) if len(word) < 4 else 0
        if builtin.signal_name(value) or first < value < last:
            return value
        raise ValueError("no signal has this number; write a name (TERM, HUP, RTMIN+1)")
    for start, sign in (("RTMIN+", 1), ("RTMAX-", -1)):
        step = word[len(start) :]
        if word.startswith(start) and step.isascii() and step.isdigit() and len(step) < 4:
            value = (first if sign > 0 else last) + sign * int(step)
            if first <= value <= last:
                return value
    raise ValueError("not a signal; write a name (TERM, HUP, RTMIN+1) or a number")


def signal_name(number: int) -> str:
    """Returns `TERM` for 15 and `RTMIN+3` for 37: what `signal_number` parses."""
    return builtin.signal_name(number).removeprefix("SIG") or f"RTMIN+{number - builtin.signal.SIGRTMIN}"


def stop_signals(text: str) -> str:
    """Parses a stop signal or a ladder; returns its canonical spelling: `TERM`, `TERM:10 QUIT:5 KILL`."""
    return " ".join(
        signal_name(signum) + ("" if wait is None else f":{wait}") for signum, wait in stop_steps(text)
    )


def stop_steps(text: str) -> list[tuple[int, int | float | None]]:
    """Parses a ladder into signals, each with the seconds after it (None where none are given)."""
    steps: list[tuple[int, int | float | None]] = []
    for word in text.replace(",", " ").split():
        name, colon, wait = word.partition(":")
        steps.append((signal_number(name), seconds(wait) if colon else None))
    if not steps:
        raise ValueError("names no signal; write a name (TERM) or a ladder (TERM:10 QUIT:5 KILL)")
    if len(steps) > 16:
        raise ValueError("more than 16 steps; write fewer")
    return steps


def exit_codes(text: str) -> tuple[int, ...]:
    codes = []
    for word in text.split(",") if text.strip() else ():
        code = integer(word)
        if not 0 <= code <= 255:
            raise ValueError("not an exit code; write numbers from 0 to 255")
        codes.append(code)
    return tuple(codes)


def forwarded(text: str) -> tuple[tuple[int, int], ...]:
    """Parses `HUP USR1:HUP WINCH` into pairs of the signal received and the signal delivered."""
    pairs = []
    seen = set()
    for word in text.replace(",", " ").split():
        received, colon, delivered = word.partition(":")
        first = signal_number(received)
        if first in (9, 19, 17):
            raise ValueError(f"{signal_name(first)} cannot be forwarded; remove it")
        if first in seen:
            raise ValueError(f"{signal_name(first)} is named twice; remove one")
        seen.add(first)
        pairs.append((first, signal_number(delivered) if colon else first))
    return tuple(pairs)


def words(text: str) -> tuple[str, ...]:
    """Parses a list separated by commas or blanks."""
    return tuple(text.replace(",", " ").split())


def names(text: str) -> tuple[str, ...]:
    """Parses a list separated by commas, as in `[group:x] programs`."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def dependencies(text: str) -> tuple[tuple[str, str], ...]:
    """Parses `db:healthy, cache` into pairs of program and condition, by default `started`."""
    found: dict[str, str] = {}
    for word in names(text):
        name, _, condition = word.partition(":")
        name, condition = name.strip(), condition.strip() or "started"
        if condition not in ("started", "ready", "healthy", "completed"):
            raise ValueError("unknown condition after the colon; write started, ready, healthy or completed")
        if not name or " " in name:
            raise ValueError("not a name; write names separated by commas, like db:healthy, cache")
        if found.setdefault(name, condition) != condition:
            raise ValueError(f"{name} is named twice with different conditions; keep one")
    return tuple(found.items())


def log_level(text: str) -> str:
    level = _LEVELS.get(text.strip().lower())
    if level is None:
        raise ValueError("not a log level; write critical, error, warning, info or debug")
    return level


def health_type(text: str) -> HealthCheckType:
    try:
        return HealthCheckType(text.strip().lower())
    except ValueError:
        raise ValueError(f"unknown type; write {_one_of([one.value for one in HealthCheckType])}") from None


def one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise ValueError(f"unknown word; write {_one_of(allowed)}")
        return word

    return parse


def _one_of(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def plain(text: str) -> str:
    return text


def filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def server_url(text: str) -> str | None:
    return None if text.strip().upper() in ("", "AUTO") else text.strip()
