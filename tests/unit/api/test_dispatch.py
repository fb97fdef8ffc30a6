"""Each verb has one handler; what only looks is what the socket's group may use (no daemon, no process)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from supervice.api.dispatch import Dispatcher
from supervice.api.queries import Queries
from supervice.cli.ctl_commands import cli
from supervice.control.access import READ_ONLY
from supervice.control.protocol import STREAM, VERBS, CommandError, encode, verbs


class Journal:
    def events(self, last: int | None) -> list[dict[str, Any]]:
        return [{"type": "PROCESS_STATE_RUNNING"}][: 1 if last is None else last]

    def follow(self, send: Callable[[dict[str, Any]], bool], last: int) -> Callable[[], None]:
        send({"status": "ok"})
        return lambda: None


@pytest.fixture
def dispatcher() -> Dispatcher:
    daemon: Any = SimpleNamespace(
        table=SimpleNamespace(processes={}, leaving=frozenset()),
        termination=SimpleNamespace(stopping=False),
        memory=None,
        journal=Journal(),
        startup=None,
        probes=None,
    )
    return Dispatcher(daemon)


def ask(dispatcher: Dispatcher, command: str, **arguments: Any) -> Any:
    try:
        return asyncio.run(dispatcher.execute({"command": command, **arguments}))
    except CommandError as error:
        return error.reply()


def test_members_of_the_group_may_use_what_only_looks(dispatcher: Dispatcher) -> None:
    looks = {verb for verb, handler in dispatcher._table().items() if isinstance(handler.__self__, Queries)}  # type: ignore[attr-defined]
    assert looks == READ_ONLY


def test_every_verb_has_its_flags(dispatcher: Dispatcher) -> None:
    assert set(dispatcher._table()) == set(VERBS)


def test_streams_are_what_the_connection_takes_for_streams(dispatcher: Dispatcher) -> None:
    dispatcher._table()
    assert set(dispatcher._streams) == verbs(STREAM)


def test_every_verb_of_supervicectl_has_a_handler(dispatcher: Dispatcher) -> None:
    of_attach = {"input"}  # what is typed
    of_client = {"shell", "top", "completion", "help"}  # these ask by other verbs, or nothing
    assert set(cli.commands) - of_client == set(dispatcher._table()) - of_attach


def test_an_unknown_verb_and_an_unknown_name(dispatcher: Dispatcher) -> None:
    assert ask(dispatcher, "frob")["code"] == "UNKNOWN_COMMAND"
    assert ask(dispatcher, "frob", name=7)["code"] == "UNKNOWN_COMMAND"
    for command in ("status", "start", "stop", "restart", "pid", "why", "logs", "health", "wait"):
        assert ask(dispatcher, command, name="web")["code"] == "NOT_FOUND", command
    assert ask(dispatcher, "startgroup", name="web")["code"] == "NOT_FOUND"
    with pytest.raises(CommandError, match="Process not found: web"):
        dispatcher.follow({"command": "logs", "name": "web", "follow": True}, lambda frame: True)


def test_wrong_arguments_are_refused_before_anything_is_done(dispatcher: Dispatcher) -> None:
    for command in ("status", "stop", "reload", "shutdown"):
        assert ask(dispatcher, command, name=7)["code"] == "INVALID_REQUEST"
    assert (
        ask(dispatcher, "reload", dry_run="yes")["code"] == "INVALID_REQUEST"
    )  # nothing is reloaded in earnest
    with pytest.raises(CommandError, match='"lines"'):
        dispatcher.follow({"command": "logs", "lines": "all", "follow": True}, lambda frame: True)


def test_a_reply_and_a_stream(dispatcher: Dispatcher) -> None:
    assert ask(dispatcher, "events") == {"status": "ok", "events": [{"type": "PROCESS_STATE_RUNNING"}]}
    assert ask(dispatcher, "status") == {"status": "ok", "processes": []}
    frames: list[dict[str, Any]] = []

    def send(frame: dict[str, Any]) -> bool:
        frames.append(frame)
        return True

    stop = dispatcher.follow({"command": "events", "follow": True}, send)
    assert frames == [{"status": "ok"}]
    stop()


def test_requests_that_are_here_together_share_one_reply_and_the_next_one_is_new(
    dispatcher: Dispatcher,
) -> None:
    asked = {"command": "status"}

    async def ask_all() -> tuple[list[Any], Any]:
        tasks = [asyncio.create_task(dispatcher.execute(asked)) for _ in range(3)]
        together = [await task for task in tasks]
        return together, await dispatcher.execute(asked)

    (first, *others), next_one = asyncio.run(ask_all())
    assert all(other is first for other in others)
    assert encode(first) is encode(others[0])
    assert next_one is not first
    assert next_one == first


def test_what_was_done_before_a_request_is_in_its_reply(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though another client's request was here before it."""
    now = ["before"]
    monkeypatch.setattr(
        "supervice.supervision.status.describe", lambda process, _queue: f"{process} {now[0]}"
    )
    processes: Any = dispatcher._daemon.table.processes
    processes["web"] = "web"

    async def status() -> list[str]:
        return list((await dispatcher.execute({"command": "status"}))["processes"])

    async def act_and_ask() -> list[str]:
        now[0] = "after"
        return await asyncio.create_task(status())

    async def together() -> tuple[list[str], ...]:
        return tuple(await asyncio.gather(status(), act_and_ask(), status()))

    assert asyncio.run(together()) == (["web before"], ["web after"], ["web before"])
