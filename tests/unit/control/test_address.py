"""Where daemon and client look for the control socket."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervice.control import address
from supervice.control.address import configured_socket, default_paths, init_options, socket_candidates


@pytest.fixture
def lonely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without configuration, on a machine without any."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(address, "CONFIG_PATHS", ("supervice.conf", "supervisord.conf"))
    return tmp_path


def candidates(explicit: str | None, environ: dict[str, str], cmdline: str = "/nonexistent") -> list[str]:
    return list(socket_candidates(explicit, environ, cmdline))


DEFAULTS = address.all_defaults({})


def test_k1_names_with_our_mark_come_last() -> None:
    assert [path.count("-") for path in DEFAULTS] == [0, 0, 0, 1, 1, 1]


def test_k1_beside_each_default_place_is_one_with_our_mark() -> None:
    inode = os.stat("/proc/self/ns/mnt").st_ino
    assert address.marked("/dev/shm/supervice.sock") == f"/dev/shm/supervice-{inode}.sock"


def test_default_paths_in_order() -> None:
    assert default_paths({"XDG_RUNTIME_DIR": "/run/user/7"}) == [
        "/tmp/supervice.sock",
        "/run/supervice.sock",
        "/run/user/7/supervice.sock",
        "/dev/shm/supervice.sock",
    ]
    assert "relative" not in str(default_paths({"XDG_RUNTIME_DIR": "relative"}))


def test_the_daemon_takes_the_first_that_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    writable = {"/dev/shm", "/run"}
    monkeypatch.setattr(os, "access", lambda path, _mode: path in writable)
    plain = ["/run/supervice.sock", "/dev/shm/supervice.sock"]
    assert address.writable_paths({}) == [*plain, *map(address.marked, plain)]


def test_what_was_asked_for_is_the_only_candidate(lonely: Path) -> None:
    assert candidates("/a", {"SUPERVICE_SOCKET": "/b"}) == ["/a"]
    assert candidates(None, {"SUPERVICE_SOCKET": "/b"}) == ["/b"]
    assert candidates(None, {"SUPERVICE_SOCKET": "none"}) == DEFAULTS


def test_the_configuration_comes_before_the_defaults(lonely: Path) -> None:
    (lonely / "supervisord.conf").write_text("[supervice]\nsocket = /from/second\n")
    assert candidates(None, {})[0] == "/from/second"
    (lonely / "supervice.conf").write_text("[supervice]\nsocket = /from/first\n")
    assert candidates(None, {}) == ["/from/first", *DEFAULTS]
    (lonely / "other.conf").write_text("[supervice]\nsocket=/other\n")
    assert candidates(None, {"SUPERVICE_CONFIG": str(lonely / "other.conf")})[0] == "/other"
    assert candidates(None, {"SUPERVICE_CONFIG": "none"}) == DEFAULTS


def test_included_files_come_last(lonely: Path) -> None:
    """Only who finds no daemon elsewhere reads them."""
    (lonely / "supervice.conf").write_text(
        "[include]\nfiles = conf.d/*.conf ; more\n  more.conf # and more\n"
    )
    (lonely / "conf.d").mkdir()
    (lonely / "conf.d/b.conf").write_text(
        "[program:x]\nsocket = /no\n[supervice]\nsocket = %(here)s/b.sock\n"
    )
    (lonely / "conf.d/a.conf").write_text("[supervice]\nsocket = /from/a\n")
    (lonely / "more.conf").write_text("[supervice]\nsocket = /tmp/supervice.sock\n")  # is a default
    assert candidates(None, {}) == [*DEFAULTS, "/from/a", str(lonely / "conf.d/b.sock")]
    looked = socket_candidates(None, {}, "/nonexistent")
    (lonely / "conf.d/a.conf").write_text("[supervice]\nsocket = /later\n")
    assert [next(looked) for _ in DEFAULTS] == DEFAULTS
    assert next(looked) == "/later"


def test_the_command_line_of_pid_1_is_believed(lonely: Path) -> None:
    (lonely / "c.conf").write_text("[supervice]\nsocket=/from/c\n")
    cmdline = lonely / "cmdline"
    cmdline.write_bytes(
        b"\0".join([b"/opt/bin/python", b"/opt/bin/supervice", b"-c", bytes(lonely / "c.conf"), b""])
    )
    assert candidates(None, {}, str(cmdline))[0] == "/from/c"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["supervice", "-s", "/x", "-c", "/y"], {"socket": "/x", "config": "/y"}),
        (["supervice", "-s/x", "--configuration=/y"], {"socket": "/x", "config": "/y"}),
        (["supervice", "-n", "--socket", "/x", "--", "cmd", "-c", "/no"], {"socket": "/x"}),
        (["supervice", "-l", "-c", "-s", "/x"], {"socket": "/x"}),
        (["supervice", "--shutdown-timeout", "5", "-v", "-s", "/x"], {"socket": "/x"}),
        (["supervice", "cmd", "-s", "/no"], {}),
        (["supervice"], {}),
        (["python3", "-I", "/usr/bin/supervice", "-s", "/x"], {"socket": "/x"}),
        (["/sbin/init", "-s", "/x"], {}),
        (["sh", "-c", "supervice -s /x"], {}),
    ],
)
def test_options_of_pid_1(tmp_path: Path, words: list[str], found: dict[str, str]) -> None:
    path = tmp_path / "cmdline"
    path.write_bytes("".join(word + "\0" for word in words).encode())
    assert init_options(str(path)) == found


@pytest.mark.parametrize(
    ("text", "socket"),
    [
        ("[supervice]\nsocket=/a/b.sock\n", "/a/b.sock"),
        ("[supervice]\r\nsocket = /a/b.sock   ; why\r\n", "/a/b.sock"),
        ("\ufeff[supervice]\nsocket: /a\n", "/a"),
        ("[supervice]\nsocket_mode=0600\n", None),
        ("[supervice]\nsocket_group=x\nsocket=/a #x\n[program:x]\nsocket=/no\n", "/a"),
        ("[program:x]\nsocket=/no\n", None),
        ("[supervice]\n;socket=/no\n#socket=/no\n", None),
        ("[supervice]\nsocket=none\n", "none"),
        ("[supervice]\nsocket=\n", None),
        ("[supervice]\nsocket=%(ENV_DIR)s/s\n", "/env/s"),
        ("[supervice]\nsocket=%(ENV_NO:-/d)s/100%%\n", "/d/100%"),
        ("[supervice]\nsocket=%(ENV_NO)s/s\n", None),
        ("[supervice]\nsocket=%(host_node_name)s\n", None),
        ("[supervice]\nsocket=%(here\n", None),
        ("", None),
    ],
)
def test_a_glance_at_the_configuration(tmp_path: Path, text: str, socket: str | None) -> None:
    path = tmp_path / "x.conf"
    path.write_bytes(text.encode())
    assert configured_socket(str(path), {"DIR": "/env"}) == socket


def test_here_is_the_directory_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("[supervice]\nsocket = %(here)s/s.sock\n")
    assert configured_socket(str(path), {}) == str(tmp_path / "s.sock")
    assert configured_socket(str(tmp_path / "missing"), {}) is None
    assert configured_socket(str(tmp_path), {}) is None
