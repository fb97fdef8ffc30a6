"""Many small pieces are read in larger ones: when that begins and ends, and that nothing is late or lost by it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from supervice.output import pump as pump_module
from supervice.output.paced_reader import PAUSE
from supervice.output.pump import BRISK, MANY, Pump
from tests.fakes.output import FakeOutput, FakeRouter, FakeSink

LINE = b"x" * 99 + b"\n"


class Scene:
    def __init__(self) -> None:
        self.router, self.sink = FakeRouter(), FakeSink()
        self.loop = self.router.loop
        ours, self.end = os.pipe()
        self.pump = Pump(self.router, FakeOutput(), ours, 0, self.sink, None)
        self.fd = ours
        self.pump.start(7)

    def say(self, text: bytes = LINE) -> None:
        os.write(self.end, text)
        if self.watched:
            self.loop.readers[self.fd]()

    def brisk(self, pause: float = BRISK / 4) -> None:
        for _ in range(MANY + 1):
            self.loop.advance(pause)
            self.say()

    @property
    def watched(self) -> bool:
        return self.fd in self.loop.readers


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.pump.close()
    assert made.loop.live == []
    os.close(made.end)


def test_a_program_that_writes_many_small_pieces_is_read_once_a_millisecond(scene: Scene) -> None:
    scene.brisk()
    assert not scene.watched
    done = len(scene.sink.data)
    for _ in range(50):
        scene.say()
    assert len(scene.sink.data) == done
    scene.loop.advance(PAUSE)
    assert len(scene.sink.data) == done + 50 * len(LINE)
    assert not scene.watched, "it goes on"
    scene.loop.advance(PAUSE)
    assert scene.watched, "nothing came"
    scene.say()
    assert len(scene.sink.data) == done + 51 * len(LINE)


def test_one_that_writes_now_and_then_is_read_at_once(scene: Scene) -> None:
    for _ in range(5):
        scene.brisk(BRISK * 1.01)
    assert scene.watched
    assert len(scene.sink.data) == 5 * (MANY + 1) * len(LINE)


def test_a_pipe_that_cannot_hold_a_pause_is_read_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user may have 64 MiB in big pipes, and no more."""
    monkeypatch.setattr(pump_module, "BIG_PIPE", 1 << 17)
    scene.brisk()
    assert scene.watched


def test_what_an_exited_child_wrote_is_read_at_once(scene: Scene) -> None:
    scene.brisk()
    scene.say()
    scene.pump.finish()
    assert scene.sink.data == (MANY + 2) * LINE
    assert scene.loop.live == []


def test_a_sink_that_is_blocked_is_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[object] = []
    monkeypatch.setattr(scene.sink, "wait", lambda pump, first: waiting.append(pump), raising=False)
    scene.brisk()
    scene.say()
    done = len(scene.sink.data)
    monkeypatch.setattr(scene.sink, "blocked", True)
    scene.loop.advance(PAUSE)
    assert waiting == [scene.pump]
    assert scene.loop.live == []
    assert len(scene.sink.data) == done
    monkeypatch.setattr(scene.sink, "blocked", False)
    scene.pump.resume()
    assert scene.watched
    scene.say()
    assert len(scene.sink.data) == done + 2 * len(LINE)


def test_its_end_is_seen(scene: Scene) -> None:
    scene.brisk()
    scene.say(b"the last words")
    os.close(scene.end)
    scene.end = os.open(os.devnull, os.O_RDONLY)
    scene.loop.advance(PAUSE)
    scene.loop.advance(PAUSE)
    assert scene.sink.data.endswith(b"the last words")
    assert scene.pump.fd < 0
