"""The loop on a clock and an epoll of the test's own: freezes, many callbacks at once, the order within a turn."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import supervice.lean.loop
from supervice.lean.long_turns import name
from supervice.lean.loop import BUDGET, CHANCES, LATE, Loop, sleep, wait_for


class World:
    """A clock that moves only when something waits or works, and descriptors that become readable by a word."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.frozen: list[tuple[float, float]] = []  # (from when on, for how long)
        self.readable: list[int] = []
        self.polls: list[float | None] = []

    def monotonic(self) -> float:
        return self.now

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        self.polls.append(timeout)
        if not self.readable:
            assert timeout is not None, "everything waits and nothing will come"
            self.pass_by(timeout + 1e-9)  # a clock that moves: a rest below its resolution goes by
        return [(fd, select.EPOLLIN) for fd in self.readable]

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        while self.frozen and self.frozen[0][0] <= self.now:
            begin, length = self.frozen.pop(0)
            self.now = max(self.now, begin + length)

    def register(self, fd: int, _mask: int) -> None:
        pass

    unregister = close = lambda *_: None


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(supervice.lean.loop, "time", made)
    return made


@pytest.fixture
def loop(world: World) -> Loop:
    made = Loop()
    made.close()
    made._epoll = world  # type: ignore[assignment]
    return made


def run(loop: Loop, seconds: float) -> None:
    """Turns the loop until that much of its time is over."""
    until = loop.time() + seconds
    loop.call_later(seconds, lambda: None)
    while loop.time() < until:
        loop._turn()


def test_t1_what_ran_out_while_we_did_not_run_is_counted_anew(world: World, loop: Loop) -> None:
    """SIGSTOP, docker pause: the stop wait of 5 s had 0.5 s behind it when everything stood still for a minute."""
    fired: list[float] = []
    began = world.now
    loop.call_later(5, lambda: fired.append(world.now - began))
    world.frozen = [(began + 0.5, 60)]
    while not fired:
        loop._turn()
    assert fired == [pytest.approx(65.5)]


def test_t1_what_did_not_run_out_has_as_much_time_left_as_it_had(world: World, loop: Loop) -> None:
    fired: list[str] = []
    began = world.now
    loop.call_later(1, fired.append, "short")
    loop.call_later(100, fired.append, "long")
    world.frozen = [(began + 0.5, 60)]
    assert loop.time() == began
    while len(fired) < 2:
        loop._turn()
    # 1 s is what the loop knows to have run before: it could not see the rest
    assert world.now - began == pytest.approx(60.5 + 99)
    assert loop.time() - began == pytest.approx(100)


def test_t1_what_has_come_is_read_before_anything_runs_out(world: World, loop: Loop) -> None:
    """READY, a last ping, the end of a child: it is there when we wake, and takes more than one turn to act on."""
    said: list[str] = []
    timer = loop.call_later(5, said.append, "too late")

    def heard() -> None:
        world.readable.clear()
        loop.call_soon(loop.call_soon, timer.cancel)

    loop.add_reader(7, heard)
    world.frozen = [(world.now + 0.5, 60)]
    original = world.poll

    def poll(timeout: float | None) -> list[tuple[int, int]]:
        original(timeout)
        if len(world.polls) == 1:
            world.readable.append(7)
        return [(fd, select.EPOLLIN) for fd in world.readable]

    world.poll = poll  # type: ignore[method-assign]
    run(loop, 30)
    assert said == []


def test_t1_a_deadline_that_is_reckoned_with_moves_too(world: World, loop: Loop) -> None:
    """`shutdown_timeout` and the pings of a watchdog are kept as a moment of the loop's clock, not as a timer."""
    deadline = loop.time() + 30
    loop.call_later(5, lambda: None)
    world.frozen = [(world.now + 0.5, 3600)]
    loop._turn()
    assert deadline - loop.time() == pytest.approx(25)


def test_t1_who_asked_is_told_how_long_it_was(world: World, loop: Loop) -> None:
    told: list[float] = []
    loop.on_frozen = told.append
    loop.call_later(5, lambda: None)
    world.frozen = [(world.now + 1, 20)]
    loop._turn()
    loop._turn()
    assert told == [pytest.approx(16)]  # from the moment when we should have been back


def test_t1_a_wait_with_a_limit_sees_the_answer_that_is_there(world: World, loop: Loop) -> None:
    """The reply to a client that waits for a stop, a check whose script has ended meanwhile."""
    answer = loop.create_future()

    async def ask() -> Any:
        return await wait_for(loop, answer, 5)

    task = loop.create_task(ask())
    world.frozen = [(world.now + 0.5, 60)]
    loop._turn()
    loop._turn()
    loop._turn()
    assert world.now > 1060
    assert not task.done()
    answer.set_result("stopped")
    run(loop, 1)
    assert task.result() == "stopped"


def test_a_little_late_is_not_frozen(world: World, loop: Loop) -> None:
    fired: list[float] = []
    began = world.now
    loop.call_later(5, lambda: fired.append(world.now - began))
    world.frozen = [(began + 4.9, 0.1 + LATE / 2)]
    loop._turn()
    assert fired == [pytest.approx(5 + LATE / 2)]
    assert loop.time() == world.now


def test_a_machine_on_which_everything_is_late_fires_all_the_same(world: World, loop: Loop) -> None:
    """A timer that is counted anew each time would never kill a program."""
    fired: list[float] = []
    began = world.now
    loop.call_later(5, lambda: fired.append(loop.time()))
    pass_by = world.pass_by
    world.pass_by = lambda seconds: pass_by(seconds + 2 * LATE)  # type: ignore[method-assign]
    for _ in range(CHANCES + 1):
        assert not fired
        loop._turn()
    assert fired
    assert world.now - began < (CHANCES + 1) * (5 + 2 * LATE) + 1


def test_a_long_timer_comes_although_a_short_one_is_always_late(world: World, loop: Loop) -> None:
    fired: list[str] = []
    loop.call_later(10, fired.append, "long")
    pass_by = world.pass_by
    world.pass_by = lambda seconds: pass_by(seconds + 2 * LATE)  # type: ignore[method-assign]

    def again() -> None:
        if not fired:
            loop.call_later(1, again)

    again()
    for _ in range(100):
        if not fired:
            loop._turn()
    assert fired


@given(
    st.lists(st.floats(0.1, 20), min_size=1, max_size=8),
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.5, 100)), max_size=3),
)
def test_no_timer_comes_before_its_time_and_each_comes(
    delays: list[float], freezes: list[tuple[float, float]]
) -> None:
    """Whenever the world stands still: each fires once, never sooner than it asked for."""
    world = World()
    patch = pytest.MonkeyPatch()
    patch.setattr(supervice.lean.loop, "time", world)
    try:
        loop = Loop()
        loop.close()
        loop._epoll = world  # type: ignore[assignment]
        began = world.now
        world.frozen = sorted((began + at, length) for at, length in freezes)
        fired: list[tuple[float, float]] = []
        for delay in delays:
            loop.call_later(delay, lambda delay=delay: fired.append((delay, world.now - began)))
        for _ in range(200):
            if loop._timers:
                loop._turn()
        assert sorted(delay for delay, _ in fired) == sorted(delays)
        for delay, at in fired:
            assert at >= delay - 1e-6
    finally:
        patch.undo()


# -- many at once ----------------------------------------------------------------------------------------


def work(world: World, seconds: float, done: list[Any], what: Any) -> Callable[[], None]:
    def it() -> None:
        world.now += seconds
        done.append(what)

    return it


def test_t7_a_turn_takes_some_of_many_timers(world: World, loop: Loop) -> None:
    """A thousand programs whose backoff is over in the same moment: signals and clients come in between."""
    done: list[Any] = []
    for number in range(1000):
        loop.call_later(1, work(world, 0.0014, done, number))
    longest = 0.0
    while len(done) < 1000:
        loop._turn()
        before, turns = world.now, len(done)
        loop._turn()
        longest = max(longest, world.now - before)
        assert len(done) > turns or len(done) == 1000
    assert longest < 0.1
    assert sorted(done) == list(range(1000))
    assert loop._lost == 0.0  # a queue is no freeze


def test_t7_what_has_come_goes_before_what_is_left(world: World, loop: Loop) -> None:
    done: list[Any] = []
    for number in range(1000):
        loop.call_soon(work(world, 0.001, done, number))

    def heard() -> None:
        world.readable.clear()
        done.append("heard")

    loop._turn()
    loop.add_reader(7, heard)
    world.readable.append(7)
    loop._turn()
    assert done.index("heard") <= BUDGET / 0.001 + 2
    while len(done) < 1001:
        loop._turn()
    assert [one for one in done if one != "heard"] == list(range(1000))


def test_t7_busy_readers_leave_timers_and_tasks_their_turn(world: World, loop: Loop) -> None:
    """Five hundred programs that write without end."""
    done: list[Any] = []
    world.readable = list(range(10, 510))
    for fd in world.readable:
        loop.add_reader(fd, work(world, 0.005, done, fd))
    loop.call_soon(done.append, "soon")
    loop.call_soon(done.append, "soon")
    loop.call_later(0.01, done.append, "timer")
    turns = 0
    while set(done) < {"soon", "timer", *world.readable}:
        before = world.now
        loop._turn()
        turns += 1
        assert world.now - before < 0.1
        assert turns < 200, "some are never called"
    assert done.index("timer") < 30


def test_a_reader_that_waits_in_the_queue_is_not_queued_twice(world: World, loop: Loop) -> None:
    done: list[Any] = []
    world.readable = [5, 6]
    loop.add_reader(5, work(world, 1.0, done, 5))
    loop.add_reader(6, work(world, 1.0, done, 6))
    loop._turn()
    assert done == [5]
    world.readable = [6]
    loop._turn()
    loop.remove_reader(5)
    loop.remove_reader(6)
    world.readable = []
    loop.call_soon(lambda: None)
    loop._turn()
    assert done == [5, 6]


def test_a_reader_that_was_removed_while_it_waits_is_not_called(world: World, loop: Loop) -> None:
    done: list[Any] = []
    world.readable = [5, 6]
    loop.add_reader(5, work(world, 1.0, done, 5))
    loop.add_reader(6, work(world, 1.0, done, 6))
    loop._turn()
    loop.remove_reader(6)
    world.readable = []
    loop._turn()
    assert done == [5]


def test_a_callback_that_fails_does_not_end_the_loop(loop: Loop) -> None:
    errors: list[BaseException] = []
    loop.on_error = errors.append
    loop.call_soon(lambda: 1 / 0)
    loop._turn()
    assert [type(error) for error in errors] == [ZeroDivisionError]


class Gone:
    """A stderr whose reader is gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("stderr", [None, Gone()])
def test_an_error_that_cannot_be_said_does_not_end_the_loop(
    loop: Loop, stderr: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    done: list[int] = []
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(done.append, 1)
    loop._turn()
    assert done == [1]


def test_the_guard_names_what_a_task_runs(loop: Loop) -> None:
    async def wait() -> None:
        await sleep(loop, 1)

    task = loop.create_task(wait())
    assert name(task._step).endswith("wait")
    loop._turn()
    task._coro.close()
    assert name(SimpleNamespace) == "SimpleNamespace"


def test_a_signal_handler_acts_at_once_in_a_sleep_only(
    world: World, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[bool]] = []

    def poll(timeout: float | None) -> list[tuple[int, int]]:
        seen.append([loop.wakes(), loop.wakes()])  # the handlers of two signals
        return []

    monkeypatch.setattr(world, "poll", poll)
    assert not loop.wakes(), "no sleep"
    loop._turn()
    loop.call_later(60, lambda: None)
    loop._turn()
    assert seen == [[True, False], [True, False]]
    assert not loop.wakes(), "the sleep is over"
    loop.call_soon(lambda: None)
    loop._turn()
    assert seen.pop() == [False, False], "what is queued goes first"


def test_no_signal_handler_acts_before_a_freeze_is_known(
    world: World, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timer that it sets would be late by the time for which we did not run."""
    seen: list[bool] = []

    def poll(timeout: float | None) -> list[tuple[int, int]]:
        world.now += 3600
        seen.append(loop.wakes())
        return []

    monkeypatch.setattr(world, "poll", poll)
    loop.call_later(60, lambda: None)
    loop._turn()
    assert seen == [False]


def test_a_sleep_ends_where_another_ends_it(world: World, loop: Loop) -> None:
    async def ended(after: float) -> float:
        end = loop.create_future()
        loop.call_later(after, lambda: None if end.done() else end.set_result(None))
        await sleep(loop, 5, end)
        assert end.done()
        return loop.time()

    began = loop.time()
    assert loop.run_until_complete(ended(2)) == pytest.approx(began + 2)
    assert loop.run_until_complete(ended(20)) == pytest.approx(began + 7)
