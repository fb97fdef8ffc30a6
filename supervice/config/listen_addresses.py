"""Parses the sockets of `listen`. Pure; loaded where the option is set."""

from __future__ import annotations

from supervice.config.problems import shown
from supervice.config.values import port

MOST = 90  # sockets of one program
_FORM = "write tcp:HOST:PORT or unix:/PATH, with NAME= in front if it is to have a name"


def parse(text: str) -> tuple[tuple[str, str], ...]:
    """Returns (name, address) of each socket; one without a name is named by its number: 1, 2, …"""
    found: list[tuple[str, str]] = []
    for word in text.replace(",", " ").split():
        name, equals, address = word.partition("=")
        if not equals or ":" in name:
            name, address = str(len(found) + 1), word
        if not name.isascii() or not name.replace("_", "a").isalnum():
            raise ValueError(f"{shown(name)!r} is not the name of a socket; write letters, digits and _")
        if any(name == other for other, _ in found):
            raise ValueError(f"two sockets are called {shown(name)}; give each its own name")
        found.append((name, _address(address)))
        if any(found[-1][1] == other for _, other in found[:-1]):
            raise ValueError(f"{shown(address)} stands there twice; remove one")
    if not found:
        raise ValueError(f"names no socket; {_FORM}")
    if len(found) > MOST:
        raise ValueError(f"more than {MOST} sockets; write fewer")
    return tuple(found)


def _address(text: str) -> str:
    way, _, rest = text.partition(":")
    if way.lower() == "unix" and rest.startswith("/") and "\0" not in rest:
        return f"unix:{rest}"
    host, colon, number = rest.rpartition(":")
    if way.lower() != "tcp" or not colon:
        raise ValueError(f"{shown(text)}: not the address of a socket; {_FORM}")
    if ":" in host.strip("[]") and host[:1] + host[-1:] != "[]":
        raise ValueError(
            f"{shown(text)}: an IPv6 address needs brackets; write tcp:[{shown(host)}]:{shown(number)}"
        )
    return f"tcp:{host}:{port(number)}"
