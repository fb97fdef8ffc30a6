"""The directory of the socket for notifications, in one where every user may exchange it (no sticky bit)."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervice.fs.place import Refused
from supervice.fs.private_directory import PREFIX, PrivateDirectory
from supervice.notify.server import NotifySocket
from tests.fakes.loop import FakeLoop


class Stage:
    """A directory that all may write to, and a file that is none of their business."""

    def __init__(self, root: Path) -> None:
        self.shared = root / "shared"
        self.shared.mkdir()
        self.shared.chmod(0o777)
        self.victim = root / "victim"
        self.victim.touch(0o600)

    @property
    def made(self) -> Path:
        (found,) = self.shared.glob(f"{PREFIX}*")
        return found

    def mode(self, path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    def exchange(self) -> None:
        """Puts another directory in its place, in which a link to the victim has the name of the socket."""
        made = self.made
        made.rename(self.shared / "moved")
        made.mkdir(0o700)
        (made / "notify").symlink_to(self.victim)

    def exchange_entry(self) -> None:
        (self.made / "notify").unlink()
        (self.made / "notify").symlink_to(self.victim)


class Interrupted:
    """A socket; when it has been bound, another process does something."""

    def __init__(self, sock: socket.socket, then: Callable[[], None]) -> None:
        self._sock = sock
        self._then = then

    def bind(self, address: str) -> None:
        self._sock.bind(address)
        self._then()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def sock() -> Iterator[Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        yield one


def test_where_no_process_interferes_every_user_may_send(
    stage: Stage, sock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = PrivateDirectory(str(stage.shared))
    path = Path(one.bind(sock))
    assert path == stage.made / "notify"
    assert (stage.mode(path), stage.mode(stage.made)) == (0o666, 0o711)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        monkeypatch.chdir(path.parent)  # the whole path may be too long
        client.sendto(b"x", path.name)
    assert sock.recv(10) == b"x"
    one.close()
    assert list(stage.shared.iterdir()) == []


def test_exchanged_before_the_socket_is_bound(stage: Stage, sock: Any) -> None:
    one = PrivateDirectory(str(stage.shared))
    stage.exchange()
    with pytest.raises(Refused, match="was replaced by another process"):
        one.bind(sock)
    assert (stage.mode(stage.victim), stage.mode(stage.made)) == (0o600, 0o700)
    one.close()
    assert stage.made.exists(), "it is not ours"


def test_exchanged_after_the_socket_is_bound(stage: Stage, sock: Any) -> None:
    one = PrivateDirectory(str(stage.shared))
    one.bind(Interrupted(sock, stage.exchange))  # type: ignore[arg-type]
    assert (stage.mode(stage.victim), stage.mode(stage.made)) == (0o600, 0o700)
    assert stage.mode(stage.shared / "moved" / "notify") == 0o666


def test_the_socket_itself_is_exchanged(stage: Stage, sock: Any) -> None:
    one = PrivateDirectory(str(stage.shared))
    with pytest.raises(Refused, match="was replaced by another process"):
        one.bind(Interrupted(sock, stage.exchange_entry))  # type: ignore[arg-type]
    assert stage.mode(stage.victim) == 0o600


def test_exchanged_as_soon_as_it_is_made(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.mkdir

    def mkdir(*args: Any, **more: Any) -> None:
        real(*args, **more)
        stage.made.rename(stage.shared / "moved")
        (stage.shared / args[0]).symlink_to(stage.victim.parent)

    monkeypatch.setattr(os, "mkdir", mkdir)
    with pytest.raises(Refused, match=r"was replaced by another process; run chmod \+t "):
        PrivateDirectory(str(stage.shared))


def test_notifications_have_another_address_then(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    real = PrivateDirectory.bind

    def bind(self: PrivateDirectory, sock: Any) -> str:
        real(self, sock)
        raise Refused("was replaced", self.path)

    monkeypatch.setattr(PrivateDirectory, "bind", bind)
    one = NotifySocket(FakeLoop(), [str(stage.shared)])
    assert one.address.startswith("@")
    assert list(stage.shared.iterdir()) == []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.sendto(b"READY=1", one.address.replace("@", "\0", 1))
    one.close()
