"""Decides what a client may see and do on the page, from its request alone. Pure.

`credentials.guard` checks the password before. With a password, neither `Host` nor `Origin` is compared with
anything: proxies change them.
"""

from __future__ import annotations

from supervice.http.messages import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervice.http.messages import Request, Response

# The header with which a browser says that a page of another origin made the request.
FOREIGN = frozenset(("cross-site", "same-site"))


class Access:
    """The rules of one address. `uids`: users who may act over a Unix socket; None: all that reach it."""

    __slots__ = ("_hosts", "_password", "_uids")

    def __init__(
        self, *, password: bool, hosts: Iterable[str] = (), uids: frozenset[int] | None = frozenset()
    ) -> None:
        self._password = password
        self._hosts = frozenset(name.lower().rstrip(".") for name in hosts)
        self._uids = uids

    def refusal(self, request: Request) -> Response | None:
        """Returns the answer that refuses a request for what not every client may see; None when it may."""
        if self._password or request.peer.startswith("unix:") or self._knows(request.headers.get("host", "")):
            return None
        return text(421, "this name is not known here; ask by address, or write http_hosts = NAME")

    def _knows(self, host: str) -> bool:
        """Returns whether no web site could have given us this name: it is an address, or the operator's."""
        name, colon, port = host.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit()) or host.endswith("]"):
            name = host
        name = name.lower().rstrip(".")
        return name == "localhost" or name in self._hosts or is_address(name)

    def why_not(self, request: Request) -> str:
        """Returns why this client may not start and stop programs; "" when it may."""
        if self._password:
            return ""
        if not request.peer.startswith("unix:"):
            return "only with a password; set http_user and http_password"
        if self._uids is None or uid_of(request.peer) in self._uids:
            return ""
        return "only for root and the daemon's own user, or with a password; set http_user and http_password"


def is_foreign(request: Request) -> bool:
    """Returns whether a page of another origin made the request."""
    return request.headers.get("sec-fetch-site", "").strip().lower() in FOREIGN


def is_address(host: str) -> bool:
    """Returns whether it is an IPv4 address of four numbers, or in brackets, which only IPv6 has."""
    if host.startswith("[") and host.endswith("]"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and all(
        part.isascii() and part.isdigit() and len(part) < 4 and int(part) < 256 for part in parts
    )


def uid_of(peer: str) -> int:
    """Returns the uid in `unix:uid=U,pid=P`; -1 where there is none."""
    number = peer.removeprefix("unix:uid=").partition(",")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 11 else -1
