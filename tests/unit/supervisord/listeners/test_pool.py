"""Who gets which event and when: buffers, order, refusals, dropped events. No processes."""

from __future__ import annotations

import pytest

from supervice import logger
from supervice.supervisord.listeners.pool import Pool, Waiting
from tests.fakes.loop import FakeLoop


class Member:
    def __init__(self) -> None:
        self.ready = True
        self.deaf = False
        self.got: list[Waiting] = []
        self.data = b""
        self.busy = False
        self.working = True

    def send(self, event: Waiting, data: bytes) -> bool:
        if self.deaf:
            return False
        self.ready = False
        self.got.append(event)
        self.data = data
        return True

    @property
    def serials(self) -> list[int]:
        return [event.serial for event in self.got]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(logger, "log", lambda level, message: lines.append(f"{level} {message}"))
    return lines


def pool_of(*members: Member, size: int = 3) -> tuple[Pool, FakeLoop]:
    loop = FakeLoop()
    pool = Pool(loop, "me", "mails")
    pool.configure(("TICK_5",), size)
    pool.members = list(members)
    return pool, loop


def test_an_event_goes_to_one_that_is_ready() -> None:
    first, second = Member(), Member()
    pool, _ = pool_of(first, second)
    for serial in range(3):
        pool.accept("TICK_5", "when:5", serial)
    assert (first.serials, second.serials) == ([0], [1])
    assert first.data == (
        b"ver:3.0 server:me serial:0 pool:mails poolserial:0 eventname:TICK_5 len:6\nwhen:5"
    )
    second.ready = True
    pool.dispatch()
    assert (first.serials, second.serials) == ([0], [1, 2])


def test_serials_of_the_pool_are_its_own() -> None:
    member = Member()
    pool, _ = pool_of(member)
    for serial in (7, 9):
        pool.accept("TICK_5", "", serial)
        member.ready = True
    pool.dispatch()
    assert [(e.serial, e.pool_serial) for e in member.got] == [(7, 0), (9, 1)]


def test_of_too_many_the_oldest_is_dropped_and_that_is_said_once(said: list[str]) -> None:
    member = Member()
    member.ready = False
    pool, _ = pool_of(member)
    for serial in range(10):
        pool.accept("TICK_5", "", serial)
    assert len(pool) == 3
    assert len(said) == 1
    assert said[0].startswith(
        "ERROR mails: the event buffer is full (buffer_size = 3): dropped event 0, TICK_5"
    )
    for _ in range(3):
        member.ready = True
        pool.dispatch()
    assert member.serials == [7, 8, 9]
    assert said[1:] == ["WARNING mails: no event waits any more; 7 were dropped meanwhile"]


def test_what_was_not_processed_is_the_next_again() -> None:
    member = Member()
    pool, _ = pool_of(member)
    for serial in range(2):
        pool.accept("TICK_5", "", serial)
    pool.take_back(member.got[0])
    member.ready = True
    pool.dispatch()
    assert member.serials == [0, 0]
    assert len(pool) == 1


def test_who_has_closed_its_input_is_passed_over() -> None:
    deaf, member = Member(), Member()
    deaf.deaf = True
    pool, _ = pool_of(deaf, member)
    pool.accept("TICK_5", "", 0)
    assert (deaf.serials, member.serials) == ([], [0])
    pool.accept("TICK_5", "", 1)
    assert len(pool) == 1


def test_who_always_refuses_does_not_turn_as_fast_as_it_can() -> None:
    member = Member()
    pool, loop = pool_of(member)
    pool.accept("TICK_5", "", 0)

    def refuse() -> None:
        pool.rejected(member.got[-1])
        member.ready = True
        pool.dispatch()

    refuse()
    assert member.serials == [0, 0], "the first time it is offered again at once, perhaps to another"
    pauses = []
    for times in range(3, 12):
        refuse()
        assert len(member.got) == times - 1
        pauses.append(loop.elapse())
        assert len(member.got) == times
    assert pauses[:5] == [0.05, 0.1, 0.2, 0.4, 0.8]
    assert set(pauses[5:]) == {1.0}
    pool.processed()
    refuse()
    assert not loop.timers


def test_a_closed_pool_has_no_timer_and_no_events() -> None:
    member = Member()
    pool, loop = pool_of(member)
    pool.accept("TICK_5", "", 0)
    pool.rejected(member.got[0])
    pool.rejected(member.got[0])
    pool.close()
    assert loop.timers[0].cancelled
    assert len(pool) == 0
