"""Parsers for http checks, `ready`, `restart_limit`, `schedule`, `watch`, `_rotate`. Pure, like `values`."""

from __future__ import annotations

from supervice.config.values import integer, natural, port, signal_name, signal_number, size, some_seconds

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
MEGABYTE = 1 << 20
# `ready = fd:N` cannot use the standard streams of the child, nor the descriptors that supervice needs.
FIRST_FD, LAST_FD = 3, 99
# The ways to become ready that take a value after a colon, and its form.
_WAYS = {"fd": "N", "log": "REGEX", "tcp": "HOST:PORT", "unix": "PATH", "http": "URL", "file": "PATH"}


def memory_limit(text: str) -> int | float:
    """Parses `512MB`, or `80%` of the container's limit, returned as 0.8."""
    word = text.strip()
    if not word.endswith("%"):
        try:
            least = size(word)
        except ValueError:
            raise ValueError("not a size; write 512MB, or 80% for a share of the container's limit") from None
        if least < MEGABYTE:
            raise ValueError("less than 1 MB holds no program; write 512MB")
        return least
    share = word[:-1].strip()
    if not (share.isascii() and share.isdecimal() and len(share) < 10 and 1 <= int(share) <= 100):
        raise ValueError("not a share; write 1% to 100%")
    return int(share) / 100


def split_url(url: str) -> tuple[str, int, str]:
    """Returns host, port and target (path with query) of a URL that `http_url` has accepted."""
    rest = url.partition("://")[2]
    cut = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    where, target = rest[:cut], rest[cut:].partition("#")[0]
    host, number = host_and_port(where, 80)
    return host, number, target if target.startswith("/") else f"/{target}"


def host_and_port(text: str, otherwise: int | None = None) -> tuple[str, int]:
    """Parses `HOST:PORT` or `[::1]:PORT`; ValueError without a port, unless `otherwise` gives one."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("an IPv6 address needs brackets; write [::1]:8000")
        number = rest[1:]
    else:
        host, _, number = text.partition(":")
        if ":" in number:
            raise ValueError("an IPv6 address needs brackets; write [::1]:8000")
    if not host or any(c.isspace() or not c.isprintable() for c in host):
        raise ValueError("names no host; write HOST:PORT")
    if not number:
        if otherwise is None:
            raise ValueError("names no port; write HOST:PORT")
        return host, otherwise
    return host, port(number)


def http_url(text: str) -> str:
    url = text.strip()
    scheme, colon, rest = url.partition("://")
    if scheme.lower() == "https":
        raise ValueError(
            "https is not supported; ask the program over http, or write a script check (curl -f)"
        )
    if scheme.lower() != "http" or not colon:
        raise ValueError("not a URL; write http://HOST:PORT/PATH")
    if not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError(
            "a URL has ASCII characters only and no blanks; write others as %XX (%%XX in the file)"
        )
    if "@" in rest.partition("/")[0]:
        raise ValueError("a URL cannot hold a user name; write a header: Authorization: Basic ...")
    split_url(url)
    return url


def http_headers(text: str) -> tuple[tuple[str, str], ...]:
    """Parses `Name: value` lines."""
    found = []
    for line in text.splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not name or not set(name) <= _TOKEN:
            raise ValueError("not a header; write one a line, like X-Probe: supervice")
        if not value.isprintable() or not value.isascii():
            raise ValueError(
                f"the value of {name} holds characters that a header cannot; write printable ASCII"
            )
        if name.lower() in ("content-length", "transfer-encoding", "connection"):
            raise ValueError(f"{name} cannot be set, the request has no body; remove it")
        found.append((name, value))
    return tuple(found)


def http_status(text: str) -> tuple[tuple[int, int], ...]:
    """Parses `200-399, 404` into pairs of first and last."""
    found = []
    for word in text.replace(",", " ").split():
        first, dash, last = word.partition("-")
        low = integer(first)
        high = integer(last) if dash else low
        if not 100 <= low <= high <= 599:
            raise ValueError("not a status code; write numbers from 100 to 599, like 200-399, 404")
        found.append((low, high))
    if not found:
        raise ValueError("names no status code; write 200-399")
    return tuple(found)


def split_ready(text: str) -> tuple[str, str]:
    """Splits a way to become ready at its colon."""
    way, _, argument = text.partition(":")
    return way.strip().lower(), argument.strip()


def ready(text: str) -> str:
    """Parses a way to become ready; returns its canonical spelling."""
    way, argument = split_ready(text)
    if way in ("started", "notify", "check"):
        if argument:
            raise ValueError(f"{way} takes nothing after it; write {way}")
        return way
    if way not in _WAYS:
        ways = ", ".join(f"{name}:{what}" for name, what in _WAYS.items())
        raise ValueError(f"unknown word; write started, notify, check, or one of {ways}")
    if not argument:
        raise ValueError(f"empty after the colon; write {way}:{_WAYS[way]}")
    if way == "fd":
        number = natural(argument)
        if not FIRST_FD <= number <= LAST_FD:
            raise ValueError(f"not a descriptor; write a number from {FIRST_FD} to {LAST_FD}")
        return f"fd:{number}"
    if way == "log":
        from supervice.config.expressions import expression

        expression(argument)
    elif way == "tcp":
        host_and_port(argument)
    elif way == "http":
        # both http:http://host/ and, as people tend to write, http://host/
        url = argument if "://" in argument else f"http:{argument}"
        return f"http:{http_url(url)}"
    return f"{way}:{argument}"


def schedule(text: str) -> tuple[str, ...]:
    """Parses schedules, one per line, and returns them as written; cronsim decides what is valid."""
    from supervice.schedules.expression import parse_lines

    return tuple([one.text for one in parse_lines(text)])


def listen(text: str) -> tuple[tuple[str, str], ...]:
    """Parses the sockets of `listen`: (name, tcp:HOST:PORT or unix:PATH) of each."""
    from supervice.config.listen_addresses import parse

    return parse(text)


def watch_action(text: str) -> str:
    """Parses `restart`, `reload`, `signal:HUP` or `run:COMMAND`; returns its canonical spelling."""
    way, colon, argument = text.partition(":")
    way, argument = way.strip().lower(), argument.strip()
    if way in ("restart", "reload") and not colon:
        return way
    if way == "signal" and argument:
        return f"signal:{signal_name(signal_number(argument))}"
    if way == "run" and argument:
        return f"run:{argument}"
    raise ValueError("unknown word; write restart, reload, signal:HUP or run:COMMAND")


def restart_limit(text: str) -> tuple[int, int | float]:
    """Parses `5/60s`: how many restarts are allowed in how much time."""
    count, slash, window = text.partition("/")
    if not slash:
        raise ValueError("not a limit; write how many restarts in which time: 5/60s")
    return natural(count), some_seconds(window)


def http_place(text: str) -> tuple[str, int | None]:
    """Parses `HOST:PORT`, `:PORT`, `PORT` or `unix:PATH` into (host, port) or (path, None)."""
    text = text.strip()
    if text.startswith("unix:"):
        path = text[5:].removeprefix("//") if text.startswith("unix://") else text[5:]
        if not path:
            raise ValueError("names no socket; write unix:PATH")
        return path, None
    host, _, digits = text.rpartition(":")
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:6]) <= 65535):
        raise ValueError("no port number; write HOST:PORT or unix:PATH")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 address needs brackets; write [ADDRESS]:PORT")
    return ("" if host == "*" else host), int(digits)


def http_address(text: str) -> str:
    """Returns the address as written; ValueError as `http_place`."""
    http_place(text)
    return text.strip()


def rotation(text: str) -> str:
    """Parses a way to rotate; returns its canonical spelling. ValueError says what to write."""
    word = text.strip().lower()
    if word in ("daily", "hourly"):
        return word
    if word.endswith("h") and word[:-1].isdigit() and word.isascii() and len(word) < 4:
        hours = int(word[:-1])
        if hours and not 24 % hours:
            return {1: "hourly", 24: "daily"}.get(hours, f"{hours}h")
    hour, _, minute = word.partition(":")
    digits = (hour + minute).isdigit() and word.isascii()
    if not digits or not 0 < len(hour) < 3 or len(minute) != 2 or int(hour) > 23 or int(minute) > 59:
        raise ValueError(
            "not a time to rotate; write daily, hourly, hours that divide a day (6h) or a time (03:30)"
        )
    return "daily" if int(hour) == int(minute) == 0 else f"{int(hour):02}:{minute}"
