"""From what happens here to supervisord's events: states, groups, the clock, and a channel's pipes. No children."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from supervice.lifecycle.states import Announce
from supervice.models import ListenerConfig, ProgramConfig
from supervice.supervisord.listeners.hub import Hub
from tests.fakes.loop import FakeLoop


def process(name: str, *events: str, **more: Any) -> Any:
    config = ProgramConfig(name, "x", listener=ListenerConfig(events, 100) if events else None, **more)
    snapshot = SimpleNamespace(failures=0)
    state = "RUNNING" if events else "STOPPED"
    return SimpleNamespace(config=config, pid=7 if events else None, exits=(), snapshot=snapshot, state=state)


class Stage:
    """A hub with one listener that is up, and its end of the pipe."""

    def __init__(self, *events: str) -> None:
        self.loop = FakeLoop()
        self.hub = Hub(self.loop, "me")
        self.listener = process("l", *events, priority=-1)
        self.web = process("web")
        self.hub.update([self.web, self.listener])
        self.start()

    def start(self) -> None:
        channel = self.hub.channel("l")
        self.heard = channel.begin()
        self.stdin = os.dup(channel.open())
        channel.opened()
        os.set_blocking(self.stdin, False)

    def read(self) -> bytes:
        try:
            return os.read(self.stdin, 1 << 20)
        except BlockingIOError:
            return b""

    def events(self) -> list[tuple[str, str]]:
        """All that come, with a listener that is always content."""
        found = []
        self.heard(b"READY\n")
        while data := self.read():
            header, payload = data.decode().split("\n", 1)
            found.append((dict(word.split(":") for word in header.split())["eventname"], payload))
            self.heard(b"RESULT 2\nOKREADY\n")
        return found

    def change(self, before: str, after: str, *, pid: int | None = None, **snapshot: Any) -> None:
        self.web.pid = pid
        vars(self.web.snapshot).update(snapshot)
        self.web.state = after
        self.hub.changed(self.web, Announce(before, after, ""))


@pytest.fixture
def stage() -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(*events: str) -> Stage:
        made.append(Stage(*events))
        return made[-1]

    yield make
    for one in made:
        one.hub.close()
        os.close(one.stdin)
        assert one.loop.live == []
        assert one.loop.writers == {}


def states(events: list[tuple[str, str]]) -> list[str]:
    return [
        f"{name.removeprefix('PROCESS_STATE_')} {payload.removeprefix('processname:web groupname:web from_state:')}"
        for name, payload in events
    ]


def test_where_our_states_are_not_supervisords(stage: Callable[..., Stage]) -> None:
    one = stage("PROCESS_STATE")
    one.change("STARTING", "FATAL", failures=4)
    one.change("RUNNING", "UNHEALTHY", pid=9)
    one.change("UNHEALTHY", "RUNNING", pid=9)
    one.change("UNHEALTHY", "STOPPING", pid=9)
    one.web.exits = (SimpleNamespace(pid=9),)
    one.change("STOPPING", "STARTING", failures=0)
    one.change("STARTING", "BACKOFF", failures=1)
    one.change("BACKOFF", "STOPPED")
    assert states(one.events()) == [
        "BACKOFF STARTING tries:4",
        "FATAL BACKOFF",
        "STOPPING RUNNING pid:9",
        "STOPPED STOPPING pid:9",
        "STARTING STOPPED tries:0",
        "BACKOFF STARTING tries:1",
        "STOPPED BACKOFF pid:0",
    ]


def test_only_what_is_wanted_has_a_number(stage: Callable[..., Stage]) -> None:
    one = stage("PROCESS_STATE_FATAL")
    one.change("STOPPED", "STARTING")
    one.change("STARTING", "RUNNING", pid=1)
    one.change("BACKOFF", "FATAL")
    one.heard(b"READY\n")
    assert b" serial:0 " in one.read()


def test_an_event_has_one_number_for_all_pools_and_one_in_each(stage: Callable[..., Stage]) -> None:
    one = stage("REMOTE_COMMUNICATION")
    other = process("m", "TICK_60", "REMOTE_COMMUNICATION", "PROCESS_COMMUNICATION")
    one.hub.update([one.listener, other])
    channel = one.hub.channel("m")
    heard = channel.begin()
    stdin = os.dup(channel.open())
    channel.opened()
    for hear in (one.heard, heard):
        hear(b"READY\n")
    one.hub.communicated(one.web.config, 1, "stdout", b"")
    os.read(stdin, 1000)
    heard(b"RESULT 2\nOKREADY\n")
    one.hub.remote_communication("a", "b")
    assert b" serial:1 pool:l poolserial:0 " in one.read()
    assert b" serial:1 pool:m poolserial:1 " in os.read(stdin, 1000)
    os.close(stdin)


def test_groups_that_come_and_go(stage: Callable[..., Stage]) -> None:
    one = stage("PROCESS_GROUP")
    one.hub.update([one.listener, process("other", group="g")])
    assert one.events() == [
        ("PROCESS_GROUP_ADDED", "groupname:l\n"),
        ("PROCESS_GROUP_ADDED", "groupname:web\n"),
        ("PROCESS_GROUP_REMOVED", "groupname:web\n"),
        ("PROCESS_GROUP_ADDED", "groupname:g\n"),
    ]


def test_other_peoples_events(stage: Callable[..., Stage]) -> None:
    one = stage("REMOTE_COMMUNICATION", "PROCESS_COMMUNICATION", "PROCESS_LOG_STDERR")
    one.hub.remote_communication("kind", "some\ndata")
    one.hub.communicated(one.web.config, 5, "stdout", b"hello")
    one.hub.said(one.web.config, 5, "stdout", b"nobody wants this")
    one.hub.said(one.web.config, 5, "stderr", b"oh\n")
    assert one.events() == [
        ("REMOTE_COMMUNICATION", "type:kind\nsome\ndata"),
        ("PROCESS_COMMUNICATION_STDOUT", "processname:web groupname:web pid:5\nhello"),
        ("PROCESS_LOG_STDERR", "processname:web groupname:web pid:5 channel:stderr\noh\n"),
    ]


def test_without_a_wish_for_ticks_there_is_no_timer(stage: Callable[..., Stage]) -> None:
    assert stage("PROCESS_STATE").loop.timers == []


def test_ticks_begin_with_slices_of_the_clock(
    stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0 * 3600 - 7]
    monkeypatch.setattr(time, "time", lambda: now[0])
    one = stage("TICK_5", "TICK_3600")

    def elapse() -> float:
        [timer] = one.loop.live
        now[0] += timer.delay
        timer.run()
        return timer.delay

    assert elapse() == pytest.approx(2, abs=0.01)
    assert elapse() == pytest.approx(5, abs=0.01)
    now[0] -= 3  # the clock was set back: no slice begins twice
    elapse()
    assert one.events() == [
        ("TICK_5", "when:3599995"),
        ("TICK_5", "when:3600000"),
        ("TICK_3600", "when:3600000"),
    ]


# -- the pipes -------------------------------------------------------------------------------------------


def test_what_does_not_fit_the_pipe_waits_for_the_reader(stage: Callable[..., Stage]) -> None:
    one = stage("PROCESS_LOG")
    one.heard(b"READY\n")
    text = b"x" * 300_000
    one.hub.said(one.web.config, 5, "stdout", text)
    one.hub.said(one.web.config, 5, "stdout", b"next")
    assert len(one.loop.writers) == 1
    data = one.read()
    assert len(data) == 65536
    while one.loop.writers:
        next(iter(one.loop.writers.values()))()
        data += one.read()
    data += one.read()
    assert data.endswith(b"channel:stdout\n" + text)
    assert one.read() == b"", "one event at a time"


def test_a_run_that_ends_leaves_its_event_to_the_next(stage: Callable[..., Stage]) -> None:
    one = stage("REMOTE_COMMUNICATION")
    one.heard(b"READY\n")
    one.hub.remote_communication("a", "b")
    first = one.read()
    one.listener.pid, one.listener.state = None, "EXITED"
    one.hub.changed(one.listener, Announce("RUNNING", "EXITED", ""))
    old, stdin = one.heard, one.stdin
    one.start()
    os.close(stdin)
    one.listener.pid, one.listener.state = 8, "RUNNING"
    old(b"RESULT 2\nOK")  # a child of the former run still has its stdout
    one.heard(b"READY\n")
    assert one.read() == first


def test_the_event_of_one_that_breaks_the_protocol_over_it_is_anothers(stage: Callable[..., Stage]) -> None:
    one = stage("REMOTE_COMMUNICATION")
    second = process("l:1", "REMOTE_COMMUNICATION")
    second.config.program = "l"
    one.hub.update([one.listener, second])
    channel = one.hub.channel("l:1")
    heard = channel.begin()
    stdin = os.dup(channel.open())
    channel.opened()
    one.heard(b"READY\n")
    one.hub.remote_communication("a", "b")
    told = one.read()
    heard(b"READY\n")
    one.heard(b"no answer\n")
    assert os.read(stdin, 1000) == told
    one.heard(b"READY\n")  # it is not believed any more
    one.hub.remote_communication("c", "d")
    assert one.read() == b""
    heard(b"RESULT 2\nOKREADY\n")
    assert os.read(stdin, 1000).endswith(b"type:c\nd")
    os.close(stdin)


def test_no_listener_is_told_anything_before_it_is_running(stage: Callable[..., Stage]) -> None:
    one = stage("REMOTE_COMMUNICATION")
    one.listener.state = "STARTING"
    one.heard(b"READY\n")
    one.hub.remote_communication("a", "b")
    assert one.read() == b""
    one.listener.state = "RUNNING"
    one.hub.changed(one.listener, Announce("STARTING", "RUNNING", ""))
    assert one.read().endswith(b"type:a\nb")
