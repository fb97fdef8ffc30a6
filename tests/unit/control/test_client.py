"""`Controller` and the synchronous call: what they say when all is well and when nothing is (no daemon)."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import pytest

from supervice.client import Controller
from supervice.control import client
from supervice.control.client import NOT_FOUND_MESSAGE, Unreachable, reach, reply_timeout, trusted
from supervice.net.peer import Peer
from tests.fakes.control import FakeController


@pytest.fixture
def controller() -> FakeController:
    return FakeController()


def test_the_signatures_of_the_api_reference() -> None:
    assert str(inspect.signature(Controller)) == "(socket_path: 'str' = '/tmp/supervice.sock')"
    assert list(inspect.signature(Controller.send_command).parameters) == ["self", "command", "kwargs"]
    for name in ("status", "reload"):
        assert list(inspect.signature(getattr(Controller, name)).parameters) == ["self"]
    for name in ("start_process", "stop_process", "start_group", "stop_group"):
        assert list(inspect.signature(getattr(Controller, name)).parameters) == ["self", "name"]
    restart = inspect.signature(Controller.restart_process).parameters
    assert restart["force"].default is False


@pytest.mark.parametrize(
    ("verb", "args", "request_", "said"),
    [
        ("start_process", ("web",), {"command": "start", "name": "web"}, "Started web"),
        ("stop_process", ("web",), {"command": "stop", "name": "web"}, "Stopped web"),
        ("restart_process", ("web",), {"command": "restart", "name": "web", "force": False}, "Restarted web"),
        ("restart_process", ("w", True), {"command": "restart", "name": "w", "force": True}, "Restarted w"),
        ("start_group", ("g",), {"command": "startgroup", "name": "g"}, "Started group g"),
        ("stop_group", ("g",), {"command": "stopgroup", "name": "g"}, "Stopped group g"),
        ("reload", (), {"command": "reload"}, "No changes detected"),
        ("status", (), {"command": "status"}, "No programs"),
    ],
)
async def test_the_verbs_print_and_return_true(
    controller: FakeController,
    verb: str,
    args: tuple[Any, ...],
    request_: dict[str, Any],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await getattr(controller, verb)(*args) is True
    assert controller.asked == [request_]
    assert capsys.readouterr() == (said + "\n", "")


@pytest.mark.parametrize(
    "verb", ["start_process", "stop_process", "restart_process", "start_group", "stop_group"]
)
async def test_failures_are_printed_and_false(
    controller: FakeController, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    controller.reply = {"status": "error", "code": "NOT_FOUND", "message": "Process not found"}
    assert await getattr(controller, verb)("x") is False
    assert capsys.readouterr() == ("", "Error: Process not found\n")


async def test_the_daemon_has_the_last_word(
    controller: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    controller.reply = {"status": "ok", "message": "web is already running"}
    assert await controller.start_process("web")
    assert capsys.readouterr().out == "web is already running\n"


async def test_no_daemon_is_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    controller = Controller(str(tmp_path / "none.sock"))
    reply = await controller.send_command("status")
    assert reply == {"status": "error", "code": "NOT_RUNNING", "message": NOT_FOUND_MESSAGE}
    assert await controller.status() is False
    assert await controller.reload() is False
    assert capsys.readouterr().err == f"Error: {NOT_FOUND_MESSAGE}\n" * 2


async def test_a_request_that_is_too_big_is_an_answer(tmp_path: Path) -> None:
    reply = await Controller(str(tmp_path / "none.sock")).send_command("start", name="x" * 2_000_000)
    assert reply["code"] == "INVALID_REQUEST"


def test_without_a_daemon_it_says_where_it_looked(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.sock")
    with pytest.raises(Unreachable, match="socket not found") as caught:
        reach(missing, {})
    assert missing in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FileNotFoundError(), "Supervice is not running (socket not found)"),
        (ConnectionRefusedError(), "Supervice is not running (no daemon answers at /s)"),
        (
            PermissionError(),
            "/s: permission denied; run this as the user of the daemon (docker exec without -u, or -u UID) "
            "or as root; members of socket_group may look",
        ),
        (OSError(107, "Not connected"), "/s: Not connected"),
    ],
)
def test_why_there_is_no_connection(error: OSError, text: str) -> None:
    assert client.connect_message("/s", error) == text


def test_which_daemon_the_client_believes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert trusted(Peer(50, 0, 0))
    assert trusted(Peer(50, 1000, 1000))
    assert not trusted(Peer(50, 1001, 1001))
    assert not trusted(Peer(50, 1001, 1001), named=True)
    assert not trusted(Peer(1, 1001, 1001))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not trusted(Peer(50, 1001, 1001))
    assert trusted(Peer(50, 1001, 1001), named=True)  # -s


@pytest.mark.parametrize(("ours", "believed"), [(True, True), (None, True), (False, False)])
def test_k1_root_believes_pid_1_of_its_own_container_only(
    monkeypatch: pytest.MonkeyPatch, ours: bool | None, believed: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(client, "in_this_container", lambda _pid: ours)
    assert trusted(Peer(1, 1001, 1001)) is believed


def test_k1_a_daemon_of_another_container_is_passed_over_unless_it_is_named() -> None:
    other = Peer(0, os.geteuid(), 0)  # what the kernel says of a process that our pid namespace does not have
    with pytest.raises(client.Elsewhere, match="another container's supervice; write -s /s"):
        client.check_peer("/s", other, named=False)
    client.check_peer("/s", other, named=True)
    client.check_peer("/s", Peer(os.getpid(), os.geteuid(), 0), named=False)


def test_how_long_is_waited() -> None:
    assert reply_timeout("status", None) == 10
    assert reply_timeout("status", 3) == 3
    assert reply_timeout("schedule", None) == 10
    assert reply_timeout("exec", None) == 10
    assert reply_timeout("stop", None) is None  # the daemon knows how long a stop takes
    assert reply_timeout("stop", 3) == 8  # it reports its own timeout
