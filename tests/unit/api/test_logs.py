"""A client that follows output and hangs up: nothing of it stays, whenever the daemon notices."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from supervice.api import logs
from supervice.api.queries import Queries
from supervice.api.requests import Request
from supervice.lean.loop import Loop, sleep
from supervice.models import ProgramConfig
from supervice.output.ring import Ring, Subscription
from tests.fakes.loop import FakeLoop
from tests.fakes.process import FakeProcess


class Output:
    """The output of a program that has written nothing yet."""

    def __init__(self, loop: FakeLoop) -> None:
        self.loop = loop
        self.followers: list[Subscription] = []

    def timed(self, _lines: int, _stream: str | None) -> list[tuple[int, str, bytes]]:
        return []

    def subscribe(self, callback: Callable[[], object]) -> Subscription:
        return Subscription(self.loop, callback, 1 << 16, self.followers)

    def write(self, line: bytes) -> None:
        for follower in list(self.followers):
            follower.offer(0, line, 0)
        while self.loop.soon:
            self.loop.soon.pop(0).run()


class Followed:
    """A follower whose client takes a frame, has no room for it, or is found to have gone."""

    def __init__(self, loop: FakeLoop) -> None:
        self.loop = loop
        self.output = Output(loop)
        process: Any = FakeProcess(ProgramConfig("web", "x"))
        process.open_output = lambda: self.output
        self.said: list[str] = []
        self.reader = "reads"
        self.follower = logs.LogFollower([process], Request("logs", lines=0), self.send)

    def send(self, frame: dict[str, Any]) -> bool:
        if self.reader == "has gone":
            self.follower.stop()  # what the connection does when it finds that out
        if self.reader == "reads":
            self.said.append(frame["data"])
        return self.reader == "reads"

    def due(self) -> list[Any]:
        return [timer for timer in self.loop.timers if not (timer.cancelled or timer.over)]


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Followed:
    loop = FakeLoop()
    monkeypatch.setattr(logs, "running_loop", lambda: loop)
    return Followed(loop)


def test_a_slow_client_is_told_what_it_missed(followed: Followed) -> None:
    followed.reader = "is slow"
    followed.output.write(b"one\ntwo\n")
    followed.due()[0].run()
    followed.reader = "reads"
    followed.due()[0].run()
    assert followed.said == ["[2 lines were too much for this client]\n"]
    assert followed.due() == []


def test_a_client_that_is_found_gone_leaves_no_timer(followed: Followed) -> None:
    followed.reader = "has gone"
    followed.output.write(b"one\n")
    assert followed.due() == []
    assert followed.output.followers == []


def test_a_slow_client_that_is_found_gone_leaves_no_timer(followed: Followed) -> None:
    followed.reader = "is slow"
    followed.output.write(b"one\n")
    followed.reader = "has gone"
    followed.due()[0].run()
    assert followed.due() == []


def test_the_end_of_a_slow_client_takes_its_timer_along(followed: Followed) -> None:
    followed.reader = "is slow"
    followed.output.write(b"one\n")
    assert len(followed.due()) == 1
    followed.follower.stop()
    assert followed.due() == []


class Lines:
    """The output of a program that has written empty lines alone."""

    def __init__(self, number: int) -> None:
        self.ring = Ring(number)
        self.ring.append(0, b"", memoryview(b"\n" * number))
        self.asked: list[int] = []

    def timed(self, lines: int, stream: str | None) -> list[tuple[int, str, bytes]]:
        self.asked.append(lines)
        return self.ring.timed(lines, stream)


def wrote(number: int) -> tuple[Any, Lines]:
    process: Any = FakeProcess(ProgramConfig("web", "x"))
    output = Lines(number)
    process.open_output = lambda: output
    return process, output


@pytest.mark.parametrize(
    ("wanted", "lines", "asked"),
    [
        (Request("logs", lines=7), 7, 7),
        (Request("logs", lines=7, since=1.0), 7, 7),
        (Request("logs", lines=7, since=9e9), 0, 7),
        (Request("logs", lines=7, until=9e9), 7, logs.EVERY),  # those before it may be any
        (Request("logs", lines=7, until=1.0), 0, logs.EVERY),
    ],
)
def test_no_more_lines_are_looked_for_than_are_asked_for(wanted: Request, lines: int, asked: int) -> None:
    process, output = wrote(50)
    assert len(logs.last_lines([process], wanted)) == lines
    assert output.asked == [asked]


def test_very_many_lines_take_several_turns_and_are_all_there() -> None:
    processes = [wrote(20_000)[0] for _ in range(3)]
    loop = Loop()
    turns = 0

    async def answer() -> list[dict[str, Any]]:
        task = loop.create_task(logs.all_last_lines(processes, Request("logs", lines=1_000_000)))
        nonlocal turns
        while not task.done():
            turns += 1
            await sleep(loop, 0)
        found: list[dict[str, Any]] = await task
        return found

    try:
        assert len(loop.run_until_complete(answer())) == 60_000
    finally:
        loop.close()
    assert turns > 6
    assert len(logs.last_lines(processes, Request("logs", lines=1_000_000))) == logs.TURN // 3 * 3


def test_one_long_reply_is_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many clients ask at once: what is half made for each of them would fill the memory."""
    queries = Queries(
        cast("Any", SimpleNamespace(table=SimpleNamespace(processes={"web": wrote(20_000)[0]})))
    )
    loop = Loop()
    made = most = 0
    whole = logs.all_last_lines

    async def counted(processes: Any, wanted: Request) -> list[dict[str, Any]]:
        nonlocal made, most
        made += 1
        most = max(most, made)
        found = await whole(processes, wanted)
        made -= 1
        return found

    async def ask(lines: int) -> int:
        reply = queries.logs(Request("logs", lines=lines))
        return len((reply if isinstance(reply, dict) else await reply)["logs"])

    async def all_ask() -> list[int]:
        tasks = [loop.create_task(ask(lines)) for lines in (1_000_000, 10, 1_000_000, 1_000_000)]
        return [await task for task in tasks]

    monkeypatch.setattr("supervice.api.queries.all_last_lines", counted)
    try:
        assert loop.run_until_complete(all_ask()) == [20_000, 10, 20_000, 20_000]
    finally:
        loop.close()
    assert most == 1
