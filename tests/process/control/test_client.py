"""`supervicectl` and `Controller` against a real socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervice import client as client_module
from supervice.client import Controller
from supervice.control import client as call_module
from supervice.control.client import Unreachable, call, reach
from tests.eventually import eventually
from tests.paths import ROOT
from tests.process.harness.rpc import Served, frame


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served("ours", tmp_path / "s.sock")
    yield server
    server.commands.release()
    server.stop()


def supervicectl(*words: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from supervice.cli.ctl import main; main()", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


def test_a_call_and_its_reply(served: Served) -> None:
    reply = call({"command": "status", "name": "wéb"}, str(served.path), {})
    assert reply == {"status": "ok", "echo": {"command": "status", "name": "wéb"}}
    with reach(None, {"SUPERVICE_SOCKET": str(served.path)}):
        pass
    assert call({"command": "status", "big": 1_000_000}, str(served.path), {})["status"] == "ok"


def test_a_daemon_that_does_not_answer(served: Served) -> None:
    with pytest.raises(Unreachable, match=r"within 0\.1 s"):
        call({"command": "status", "hold": True}, str(served.path), {}, 0.1)


def test_a_daemon_that_hangs_up(served: Served) -> None:
    with reach(str(served.path), {}) as client:
        client.send({"command": "stop", "hold": True})
        eventually(lambda: served.commands.waiting)
        served.stop()
        assert client.receive(5) is None
        with pytest.raises(Unreachable, match="hung up"):
            client.ask({"command": "status"})


def test_a_stranger_is_not_believed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_module, "trusted", lambda _peer, **_named: False)
    with pytest.raises(Unreachable, match="neither root nor you"):
        call({"command": "status"}, str(served.path), {})
    eventually(lambda: served.server.connections == 0)
    assert served.commands.executed == []


def test_a_dead_socket_is_passed_over(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(dead))
    paths = [str(tmp_path / "none.sock"), str(dead), str(served.path)]
    monkeypatch.setattr(call_module, "socket_candidates", lambda *_args: iter(paths))
    assert call({"command": "status"}, None, {})["status"] == "ok"
    paths.pop()
    with pytest.raises(Unreachable, match="no daemon answers at"):
        reach(None, {})


async def test_controller(served: Served) -> None:
    controller = Controller(str(served.path))
    assert await controller.send_command("start", name="web") == {
        "status": "ok",
        "echo": {"command": "start", "name": "web"},
    }
    assert (await controller.send_command("unknown"))["code"] == "UNKNOWN_COMMAND"
    assert await controller.start_process("web") is True
    assert len((await controller.send_command("status", big=1_000_000))["data"]) == 1_000_000


async def test_controllers_run_concurrently(served: Served) -> None:
    import asyncio

    controller = Controller(str(served.path))
    replies = await asyncio.gather(*(controller.send_command("status", n=n) for n in range(100)))
    assert [reply["echo"]["n"] for reply in replies] == list(range(100))


async def test_controllers_wait_for_a_place_in_the_queue(tmp_path: Path) -> None:
    import asyncio

    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(0)
        controller = Controller(str(path))
        asked = [asyncio.create_task(controller.send_command("status")) for _ in range(4)]
        for _ in asked:
            await asyncio.sleep(0.03)  # the second and the next find the queue full
            sock, _address = await asyncio.to_thread(server.accept)
            with sock:
                await asyncio.to_thread(sock.recv, 4096)
                sock.sendall(frame({"status": "ok"}))
        assert await asyncio.gather(*asked) == [{"status": "ok"}] * 4


async def test_controller_with_a_daemon_that_does_not_answer(served: Served, monkeypatch: Any) -> None:
    monkeypatch.setattr(client_module, "reply_timeout", lambda *_args: 0.1)
    reply = await Controller(str(served.path)).send_command("stop", hold=True)
    assert (reply["code"], reply["message"]) == ("NOT_RUNNING", "the daemon did not answer within 0.1 s")


async def test_controller_does_not_believe_a_stranger(served: Served, monkeypatch: Any) -> None:
    monkeypatch.setattr(call_module, "trusted", lambda _peer, **_named: False)
    reply = await Controller(str(served.path)).send_command("stop")
    assert "neither root nor you" in reply["message"]
    assert served.commands.executed == []


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n", frame(b"{")[:3], frame(b"[]")])
async def test_something_else_at_the_other_end(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "s.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        for _ in range(2):
            sock, _address = server.accept()
            with sock:
                sock.recv(65536)
                sock.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    reply = await Controller(str(path)).send_command("status")
    assert reply["code"] == "NOT_RUNNING"
    ctl = supervicectl("-s", str(path), "status")
    _out, err = ctl.communicate()
    assert ctl.returncode == 4
    assert err.count("\n") == 1
    thread.join()
    server.close()


def test_supervicectl_from_end_to_end(served: Served) -> None:
    ctl = supervicectl("status", SUPERVICE_SOCKET=str(served.path))
    assert ctl.communicate() == ("No programs\n", "")
    assert ctl.returncode == 0
    ctl = supervicectl("unknown")
    assert ctl.communicate()[1].startswith("supervicectl: ")
    assert ctl.returncode == 2


def test_supervicectl_follows_until_the_daemon_ends(served: Served) -> None:
    ctl = supervicectl("logs", "-f", "web", "-s", str(served.path))
    eventually(lambda: served.commands.streams)
    [send] = served.commands.streams
    served.run(lambda: send({"status": "ok", "name": "web", "stream": "stdout", "data": "hello\n"}))
    assert ctl.stdout is not None
    assert ctl.stdout.readline() == "hello\n"
    served.stop()
    assert ctl.communicate() == ("", "")
    assert ctl.returncode == 0


def test_the_reader_of_supervicectl_is_gone(served: Served) -> None:
    ctl = supervicectl("status", "-s", str(served.path), "--json")
    assert ctl.stdout is not None
    ctl.stdout.close()
    ctl.stdout = None
    assert ctl.communicate()[1] == ""
    assert ctl.returncode in (0, 1)


def test_the_fast_path_imports_next_to_nothing(served: Served) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from supervice.cli import ctl\n"
        f"assert ctl.run(['-s', {str(served.path)!r}, 'status']) == 0\n"
        "heavy = {'click', 'asyncio', 'typing', 'dataclasses', 'argparse', 're', 'json', 'socket', 'enum',"
        " 'logging', 'subprocess', 'collections', 'select', 'supervice.models', 'supervice.lean.dataclasses'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "No programs\n[]\n"


def test_the_server_imports_next_to_nothing() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import supervice.control.server\n"
        "heavy = {'asyncio', 'typing', 'dataclasses', 're', 'json', 'socket', 'logging', 'collections'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


STRANGER = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from supervice.control import client
from supervice.control.protocol import *
from supervice.client import Controller  # imported while the files can still be read
import asyncio, socket
os.setgroups([int(gid) for gid in sys.argv[3].split()])
os.setgid(5000)
os.setuid(5000)
try:
    client.call({"command": "status"}, sys.argv[2], {})
except client.Unreachable as error:
    print(error)
client.trusted = lambda peer, **named: True
for command in ("status", "stop"):
    print(client.call({"command": command}, sys.argv[2], {}).get("code", "ok"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another uid")
@pytest.mark.parametrize(
    ("groups", "answers"), [("", ["FORBIDDEN", "FORBIDDEN"]), ("7 4242", ["ok", "FORBIDDEN"])]
)
def test_the_kernel_tells_members_from_strangers(groups: str, answers: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        path = Path(directory) / "s.sock"
        served = Served("ours", path, mode=0o666, group_gid=4242)
        try:
            done = subprocess.run(
                [sys.executable, "-c", STRANGER, str(ROOT), str(path), groups],
                capture_output=True,
                text=True,
            )
        finally:
            served.stop()
    # The daemon is root's here, so it is believed; what it answers is its own decision.
    assert (done.stdout.split(), done.stderr) == (answers, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another uid")
def test_root_believes_a_daemon_of_another_user_only_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.sock"
    listening, asked = os.pipe()
    pid = os.fork()
    if pid == 0:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        os.setuid(5000)
        server.listen()  # the kernel remembers who listens
        os.write(asked, b"x")
        for _ in range(3):
            server.accept()[0].recv(1)
        os._exit(0)
    os.read(listening, 1)
    try:
        monkeypatch.setattr(call_module, "socket_candidates", lambda *_args: iter([str(path)]))
        with pytest.raises(Unreachable, match="runs as uid 5000, which is neither root nor you"):
            call({"command": "status"}, None, {})
        with pytest.raises(Unreachable, match="hung up"):
            call({"command": "status"}, str(path), {})
        # `exec` becomes what the daemon answers: never what another user says, named or not.
        with pytest.raises(Unreachable, match=r"would decide what root runs; .* \(docker exec -u 5000\)"):
            call({"command": "exec", "name": "a", "argv": ["true"]}, str(path), {})
    finally:
        os.waitpid(pid, 0)
        os.close(listening)
        os.close(asked)
