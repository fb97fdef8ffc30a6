"""Tells the manager above us (systemd, podman --sdnotify=container) how we are, if it asks for that."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Manager:
    """The receiver at NOTIFY_SOCKET. We never wait for it, and it is no error if it is gone."""

    def __init__(self, address: str) -> None:
        self._address = b"\0" + address[1:].encode() if address.startswith("@") else address.encode()

    def tell(self, *lines: str) -> None:
        import _socket

        kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
        sock = _socket.socket(_socket.AF_UNIX, kind)
        try:
            sock.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            pass
        finally:
            sock.close()


def manager(environ: Mapping[str, str]) -> Manager | None:
    """Returns the manager; None when none asked, or when its address is of another kind (vsock:)."""
    address = environ.get("NOTIFY_SOCKET", "")
    return Manager(address) if address[:1] in ("/", "@") and len(address) > 1 else None
