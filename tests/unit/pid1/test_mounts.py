"""Which paths lie on a mount that this kernel does not serve, told without touching one (T2)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.pid1.mounts import Mounts, foreign

TABLE = b"""\
22 1 0:21 / / rw,relatime - overlay overlay rw
23 22 0:5 / /dev rw - devtmpfs devtmpfs rw
24 22 0:40 / /data rw,relatime shared:3 master:1 - nfs4 server:/export rw,vers=4.2
25 22 0:41 / /with\\040blank rw - fuse.sshfs user@host: rw
26 24 0:42 / /data/local rw - ext4 /dev/sda1 rw
27 22 0:43 / /win rw - cifs //server/share rw
28 22 0:44 / /auto rw - autofs systemd-1 rw
"""


def test_what_somewhere_else_serves() -> None:
    assert foreign(TABLE) == {
        "/data": "nfs4",
        "/with blank": "fuse.sshfs",
        "/win": "cifs",
        "/auto": "autofs",
    }


def test_the_root_is_not_asked() -> None:
    """Kata has virtiofs there, gVisor 9p: where it does not answer, we do not run."""
    assert foreign(b"1 0 0:1 / / rw - virtiofs kataShared rw\n") == {}


@given(st.binary(max_size=200))
def test_no_table_is_too_strange(text: bytes) -> None:
    try:
        foreign(text)
    except ValueError:
        assert b"\\" in text  # the kernel escapes with three octal digits, and with nothing else


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mounts:
    made = Mounts()
    monkeypatch.setattr(made, "_read", lambda: {str(tmp_path / "far"): "nfs"})
    return made


def test_a_path_below_it(mounts: Mounts, tmp_path: Path) -> None:
    far = f"{tmp_path}/far"
    for path in (far, f"{far}/deep/file", f"{tmp_path}/x/../far/y", f"//{far}//z", f"{tmp_path}/./far"):
        assert mounts.silent(path) == f"{far} (nfs)", path
    for path in ("/", "", f"{tmp_path}/near", f"{tmp_path}/farther", f"{far}/../near", f"{tmp_path}/../far"):
        if path != f"{far}/../near":
            assert mounts.silent(path) == "", path
    assert mounts.silent(f"{far}/../near") == f"{far} (nfs)"  # the kernel goes through it, too


def test_links_are_followed_up_to_it(mounts: Mounts, tmp_path: Path) -> None:
    (tmp_path / "relative").symlink_to("far/deep")
    (tmp_path / "absolute").symlink_to(tmp_path / "relative")
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "link").symlink_to("../absolute/more")
    (tmp_path / "loop").symlink_to("loop")
    for path in ("relative", "absolute/x", "up/link/y"):
        assert mounts.silent(f"{tmp_path}/{path}") == f"{tmp_path}/far (nfs)", path
    assert mounts.silent(f"{tmp_path}/loop") == ""
    assert mounts.silent(f"{tmp_path}/missing/far") == ""


def test_the_real_table_is_read_once() -> None:
    mounts = Mounts()
    first = mounts.any()
    assert mounts.any() is first
    assert isinstance(mounts.silent("/usr/bin/true"), str)
    mounts.close()
