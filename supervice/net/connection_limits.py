"""Limits how many connections each client may have, so that no client locks others out. Pure.

A client is counted under its owner: the uid of a Unix socket's peer, or the address of an internet peer.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Owner = int | str  # a uid, or an address without its port

# The share of all places that each kind of owner may take, as a divisor.
ONE_USER = 4  # for each uid that is neither root nor ours
ONE_ADDRESS = 2  # larger: proxies and orchestrators ask for many from one address
KEPT_FROM_STRANGERS = 8  # for root and our own uid, whatever all others together want
KEPT_FROM_OURS = 32  # for root alone: programs may run as our own uid


class ConnectionLimits:
    """The places that are taken now, by owner."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[Owner, int] = {}

    def take(self, owner: Owner) -> None:
        self._held[owner] = self._held.get(owner, 0) + 1

    def give_back(self, owner: Owner) -> None:
        left = self._held.pop(owner, 0) - 1
        if left > 0:
            self._held[owner] = left

    def refusal(self, owner: Owner, most: int, own_uid: int) -> str:
        """Returns why `owner` gets none of the `most` places now; "" when it gets one."""
        held = self._held.get(owner, 0)
        if owner in (0, own_uid):
            share = most if owner == 0 else most - most // KEPT_FROM_OURS
            return "" if held < share else f"{describe(owner)} has {held} connections, the most; close some"
        share = max(1, most // (ONE_ADDRESS if isinstance(owner, str) else ONE_USER))
        if held >= share:
            return f"{describe(owner)} has {held} connections, the most for one of them; close some"
        strangers = sum(count for other, count in self._held.items() if other not in (0, own_uid))
        if strangers >= most - max(1, most // KEPT_FROM_STRANGERS):
            return f"the {strangers} places for others than root and the daemon's own user are taken"
        return ""


def describe(owner: Owner) -> str:
    return owner if isinstance(owner, str) else f"uid {owner}"


def owner_of_address(endpoint: str) -> str:
    """Returns the owner for an ADDRESS:PORT; an IPv6 host may use its whole /64, so that counts as one."""
    address = endpoint.rpartition(":")[0]
    if not address.startswith("["):
        return address
    left, double, right = address.strip("[]").partition("%")[0].partition("::")
    groups = left.split(":") if left else []
    if double:
        behind = right.split(":") if right else []
        groups += ["0"] * (8 - len(groups) - len(behind)) + behind
    return ":".join(groups[:4]) + "::/64"
