"""Decides what a peer may do over the control socket.

The decision is pure and goes by the peer's uid, not by the mode of the socket file: a mode that was loosened
(or a volume that cannot keep one) must not hand out control over the container.
"""

from __future__ import annotations

from supervice.control.protocol import LOOKS, verbs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Literal

    Level = Literal["all", "read"]

READ_ONLY = verbs(LOOKS)


def access(
    peer_uid: int, peer_gids: Collection[int], daemon_uid: int, socket_gid: int | None
) -> Level | None:
    """Returns what a peer may do: everything, the commands of `READ_ONLY`, or nothing (None)."""
    if peer_uid in (0, daemon_uid):
        return "all"
    if socket_gid is not None and socket_gid in peer_gids:
        return "read"
    return None


def may(level: Level | None, command: str) -> bool:
    """Returns whether a peer of that level may give `command`."""
    return level == "all" or (level == "read" and command in READ_ONLY)
