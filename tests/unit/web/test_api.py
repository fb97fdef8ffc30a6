"""/api/v1: a query becomes a request of the control protocol, or an error that says what to write."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.control.access import READ_ONLY
from supervice.control.protocol import CommandError
from supervice.lean.json import loads
from supervice.web.api import LONGEST_WAIT, MOST_LINES, MOST_TEXT, Api, request_of


class Commands:
    def __init__(self, error: CommandError | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.error = error

    async def execute(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        if self.error is not None:
            raise self.error
        return {"status": "ok"}

    def follow(self, request: dict[str, Any], send: Any) -> Any:
        raise AssertionError("nothing follows over /api/v1")


async def get(commands: Commands, path: str, query: str = "") -> tuple[int, Any]:
    response = await Api(commands).answer(path, query)
    assert isinstance(response.body, bytes)
    assert response.headers["Content-Type"] == "application/json"
    return response.status, loads(response.body.decode())


@pytest.mark.parametrize(
    ("query", "request_"),
    [
        ("", {}),
        ("name=web", {"names": ["web"]}),
        ("name=web&name=a%2Fb+c", {"names": ["web", "a/b c"]}),
        ("lines=7&stderr=true", {"lines": 7, "stderr": True}),
        ("timeout=1.5&for=ready", {"timeout": 1.5, "for": "ready"}),
        ("command=shutdown", {}),
    ],
)
def test_a_query_is_a_request(query: str, request_: dict[str, Any]) -> None:
    assert request_of("logs", query) == {"command": "logs", **request_}


async def test_only_what_changes_nothing_is_there() -> None:
    commands = Commands()
    for verb in (
        "start",
        "stop",
        "restart",
        "shutdown",
        "reload",
        "signal",
        "exec",
        "",
        "../status",
        "status/x",
    ):
        status, reply = await get(commands, f"/{verb}")
        assert (
            (status, bool(reply["commands"])) == (200, True)
            if not verb
            else (status, reply["code"]) == (404, "UNKNOWN_COMMAND")
        )
    assert commands.asked == []
    for verb in READ_ONLY:
        assert (await get(commands, f"/{verb}"))[0] == 200
    assert {request["command"] for request in commands.asked} == READ_ONLY


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NOT_FOUND", 404),
        ("INVALID_REQUEST", 400),
        ("FAILED", 409),
        ("SHUTTING_DOWN", 503),
        ("INTERNAL_ERROR", 500),
        ("FORBIDDEN", 403),
    ],
)
async def test_an_error_has_its_status(code: str, status: int) -> None:
    reply = {"status": "error", "code": code, "message": "no"}
    assert await get(Commands(CommandError(code, "no")), "/status") == (status, reply)


@pytest.mark.parametrize("query", ["lines=x", "timeout=soon", "follow=true"])
async def test_what_is_no_value_is_an_error(query: str) -> None:
    commands = Commands()
    assert (await get(commands, "/logs", query))[0] == 400
    assert commands.asked == []


async def test_waiting_has_a_bound() -> None:
    commands = Commands()
    await get(commands, "/wait", "timeout=100000")
    assert commands.asked[0]["timeout"] == LONGEST_WAIT


@given(st.text())
def test_any_query_is_survived(query: str) -> None:
    try:
        code = "" if request_of("logs", query)["command"] == "logs" else "?"
    except CommandError as error:
        code = error.code
    assert code in ("", "INVALID_REQUEST")


async def test_the_newest_lines_are_answered_as_many_as_fit() -> None:
    class Logs(Commands):
        async def execute(self, request: dict[str, Any]) -> dict[str, Any]:
            await super().execute(request)
            lines = [{"name": "web", "data": "\x00" * 1000 + f"{number}\n"} for number in range(1000)]
            return {"status": "ok", "logs": lines}

    commands = Logs()
    response = await Api(commands).answer("/logs", "lines=1000000")
    assert commands.asked[0]["lines"] == MOST_LINES
    assert isinstance(response.body, bytes)
    assert len(response.body) < MOST_TEXT * 1.1
    reply = loads(response.body.decode())
    assert reply["logs"][-1]["data"].endswith("\x00999\n")
    assert len(reply["logs"]) + reply["left_out"] == 1000
    assert len(reply["logs"]) > 150
