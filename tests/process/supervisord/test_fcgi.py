"""FastCGI programs of stock supervisord files: one socket for all processes of a program, and for all runs."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import stat
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import procfs
from tests.eventually import eventually
from tests.paths import PROGRAMS
from tests.ports import free_port
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
PROGRAM = PROGRAMS / "fcgi.py"


def program(address: str, *more: str, words: str = "") -> str:
    options = "".join(f"{line}\n" for line in more)
    return f"[fcgi-program:f]\ncommand={sys.executable} {PROGRAM} {words}\nsocket={address}\nstartsecs=0\n{options}"


def ask(address: str | tuple[str, int], meanwhile: Callable[[], object] = lambda: None) -> list[str]:
    """One FastCGI request; the words of the answer, first the pid. `meanwhile` it waits in the queue."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(address)
        begin = struct.pack("!BBHHBx", 1, 1, 1, 8, 0) + struct.pack("!HB5x", 1, 0)
        empty = struct.pack("!BBHHBx", 1, 4, 1, 0, 0)
        sock.sendall(begin + empty + struct.pack("!BBHHBx", 1, 5, 1, 0, 0))
        meanwhile()
        data = b""
        while part := sock.recv(4096):
            data += part
    size = struct.unpack("!H", data[4:6])[0]
    return data[8 : 8 + size].decode().split("\r\n\r\n")[1].split()


def test_processes_share_a_unix_socket_and_requests_wait_over_a_restart(stock: Make, tmp_path: Path) -> None:
    path = str(tmp_path / "f.sock")
    one = stock(program(f"unix://{path}", "numprocs=2", "process_name=f%(process_num)d", "socket_mode=0660"))
    rows = [one.wait_state(name, "RUNNING") for name in ("f:f0", "f:f1")]
    pids = {str(row["pid"]) for row in rows}
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    inode = os.stat(path).st_ino
    seen: set[str] = set()

    def all_answer() -> bool:
        seen.update(ask(path)[:1])
        return seen == pids

    eventually(all_answer, 20)
    assert "listening on unix://" in one.text()
    one.ask("restart", "f:*")
    assert os.stat(path).st_ino == inode, "it is kept as long as one of them runs"
    os.kill(one.row("f:f0")["pid"], signal.SIGKILL)
    assert ask(path)[0].isdigit()
    one.ask("stop", "f:*")
    assert not os.path.exists(path)
    one.ask("start", "f:f1")
    assert ask(path)[0] == str(one.row("f:f1")["pid"])
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert not os.path.exists(path)


def test_a_crash_of_the_only_process_keeps_the_socket(stock: Make, tmp_path: Path) -> None:
    path = str(tmp_path / "f.sock")
    one = stock(program(f"unix://{path}", "autorestart=true"))
    first = one.wait_state("f", "RUNNING")["pid"]
    inode = os.stat(path).st_ino
    eventually(lambda: ask(path) == [str(first)])
    os.kill(first, signal.SIGSTOP)  # or it might accept in the moment of its death
    eventually(lambda: procfs.state(first) == "T")
    answer = ask(path, lambda: os.kill(first, signal.SIGKILL))
    assert answer != [str(first)], "the connection waits for the next run"
    assert os.stat(path).st_ino == inode


def test_a_tcp_socket(stock: Make) -> None:
    port = free_port()
    one = stock(program(f"tcp://localhost:{port}", "socket_backlog=5"))
    pid = one.wait_state("f", "RUNNING")["pid"]
    assert ask(("127.0.0.1", port)) == [str(pid)]
    one.ask("stop", "f")
    with pytest.raises(ConnectionRefusedError):
        ask(("127.0.0.1", port))


def test_a_taken_port_is_a_failed_start_that_heals(stock: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one = stock(program(f"tcp://127.0.0.1:{port}", "startretries=20"))
        row = one.wait_state("f", "BACKOFF")
        assert f"tcp://127.0.0.1:{port}: Address already in use" in row["reason"]
    pid = one.wait_state("f", "RUNNING")["pid"]
    assert ask(("127.0.0.1", port)) == [str(pid)]


def test_what_cannot_be_is_said_and_fatal_in_the_end(stock: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    one = stock(
        program(f"unix://{tmp_path}/file", "startretries=0")
        + program("tcp://no.such.host.invalid:99", "startretries=0").replace(
            "[fcgi-program:f]", "[fcgi-program:g]"
        )
    )
    assert "exists and is not a socket" in one.wait_state("f", "FATAL")["reason"]
    assert "no.such.host.invalid" in one.wait_state("g", "FATAL")["reason"]
    assert (tmp_path / "file").read_text() == "precious"


def test_a_stale_socket_is_taken_over(stock: Make, tmp_path: Path) -> None:
    path = str(tmp_path / "f.sock")
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(path)
    one = stock(program(f"unix://{path}"))
    assert ask(path) == [str(one.wait_state("f", "RUNNING")["pid"])]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_is_the_programs_user_or_another(stock: Make) -> None:
    def sleeper(number: int, option: str) -> str:
        path = f"/tmp/fcgi-{os.getpid()}-{number}.sock"
        return f"[fcgi-program:f]\ncommand=sleep 1000\nstartsecs=0\nsocket=unix://{path}\n{option}\n"

    def check(number: int, owner: str) -> None:
        one.wait_state("f", "RUNNING")
        found = os.stat(f"/tmp/fcgi-{os.getpid()}-{number}.sock")
        assert found.st_uid == pwd.getpwnam(owner).pw_uid
        assert stat.S_IMODE(found.st_mode) == 0o700

    one = stock(sleeper(0, "user=nobody"))
    check(0, "nobody")
    one.config.write_text("[supervisord]\n" + sleeper(1, "socket_owner=daemon"))
    assert one.ask("reload")["changed"] == ["f"]
    check(1, "daemon")
    one.config.write_text("[supervisord]\n")
    assert one.ask("reload", force=True)["removed"] == ["f"]
    assert not list(Path("/tmp").glob(f"fcgi-{os.getpid()}-*.sock"))


def test_a_process_gets_the_socket_and_nothing_else(stock: Make, tmp_path: Path) -> None:
    one = stock(program(f"unix://{tmp_path}/f.sock", words="--hold") + "[program:p]\ncommand=sleep 1000\n")
    pid = one.wait_state("f", "RUNNING")["pid"]
    eventually(lambda: {"0", "1", "2"} == set(os.listdir(f"/proc/{pid}/fd")))
    assert os.readlink(f"/proc/{pid}/fd/0").startswith("socket:")
    other = one.wait_state("p", "RUNNING", "STARTING")["pid"]
    assert os.readlink(f"/proc/{other}/fd/0").startswith("pipe:")


def test_a_member_of_a_group_has_its_socket_too(stock: Make, tmp_path: Path) -> None:
    """supervisord forgets it there."""
    path = str(tmp_path / "f.sock")
    one = stock(program(f"unix://{path}") + "[group:g]\nprograms=f\n")
    row = one.wait_state("f", "RUNNING")
    assert row["group"] == "g"
    assert ask(path) == [str(row["pid"])]
