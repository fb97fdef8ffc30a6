"""Files that are rotated at their times: when that is done, what they are called, and that nothing is lost or torn."""

from __future__ import annotations

import gzip
import os
import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from supervice.output import timed_rotation
from supervice.output.archive import TEMPORARY
from supervice.output.file_sink import FileSink
from supervice.output.sinks import LATER
from supervice.output.timed_rotation import RotationTimer
from tests.fakes.loop import Timer
from tests.fakes.output import CompressingRouter, FakeRouter, FakeSource, put

ZONE = "Europe/Berlin"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp()


class World:
    """A router, its timer and a clock that the test moves."""

    def __init__(self, router: Any, now: float) -> None:
        self.router: Any = router
        self.now = now
        self.was_set: Callable[[float], object] | None = None
        self.timer = RotationTimer(router, lambda: self.now)

    @property
    def waits(self) -> float | None:
        """Seconds until the timer runs."""
        live: list[Timer] = self.router.loop.live
        assert len(live) < 2, "one timer for all"
        return live[0].delay if live else None

    def until(self, now: float) -> None:
        """The clock goes on, and the timer runs at each of its times."""
        while (seconds := self.waits) is not None and self.now + seconds <= now:
            self.now += seconds
            self.elapse()
        self.now = now
        for timer in self.router.loop.live:  # what was armed before the clock went on
            timer.cancel()
        self.timer._arm()

    def elapse(self) -> None:
        self.router.loop.timers = self.router.loop.live
        self.router.loop.elapse()
        while self.router.loop.soon:
            self.router.loop.turn()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("TZ", ZONE)
    made: World

    class Watcher:
        def __init__(self, _loop: Any, was_set: Callable[[float], object], _clock: Any) -> None:
            made.was_set = was_set

        def close(self) -> None:
            made.was_set = None

    monkeypatch.setattr(timed_rotation, "SetClock", Watcher)
    made = World(FakeRouter(), at("2026-11-29 12:00"))
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def names(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir())


def written_at(path: Path, when: float) -> None:
    os.utime(path, (when, when))


def test_a_file_is_rotated_at_its_time_and_not_before(world: World, path: Path) -> None:
    sink = FileSink(world.router, str(path), 0, 5)
    source = FakeSource()
    put(sink, source, b"before\n")
    written_at(path, world.now)
    world.timer.set(sink, "daily", False)
    world.until(at("2026-11-29 23:59:59"))
    assert names(path) == ["log"]
    world.until(at("2026-11-30 00:00"))
    assert names(path) == ["log", "log.1"]
    put(sink, source, b"after\n")
    assert (path.read_bytes(), Path(f"{path}.1").read_bytes()) == (b"after\n", b"before\n")
    world.until(at("2026-12-02 12:00"))
    assert names(path) == ["log", "log.1", "log.2"], "an empty file is not rotated"
    sink.close()


def test_a_timer_that_is_late_gives_the_date_of_what_is_in_the_file(world: World, path: Path) -> None:
    sink = FileSink(world.router, str(path), 0, 5)
    put(sink, FakeSource(), b"of Sunday\n")
    written_at(path, world.now)
    world.timer.set(sink, "daily", True)
    world.now = at("2026-11-30 07:00")  # the machine slept
    world.elapse()
    assert names(path) == ["log", "log.2026-11-29"]
    put(sink, FakeSource(), b"of Monday\n")
    assert sink.rotate() == ""
    put(sink, FakeSource(), b"of Monday too\n")
    assert sink.rotate() == ""
    assert names(path) == ["log", "log.2026-11-29", "log.2026-11-30", "log.2026-11-30.1"]
    sink.close()


def test_a_daemon_that_was_away_rotates_at_its_start(world: World, path: Path) -> None:
    path.write_bytes(b"of last week\n")
    written_at(path, at("2026-11-23 10:00"))
    sink = FileSink(world.router, str(path), 0, 5)
    world.timer.set(sink, "03:30", True)
    assert names(path) == ["log", "log.2026-11-24"], "it was written until 03:30 of the next day"
    assert world.waits == 15.5 * 3600
    sink.close()


def test_a_file_of_today_waits_for_its_time(world: World, path: Path) -> None:
    path.write_bytes(b"of today\n")
    written_at(path, at("2026-11-29 08:00"))
    sink = FileSink(world.router, str(path), 0, 5)
    world.timer.set(sink, "daily", False)
    assert world.waits == 12 * 3600
    sink.close()


def test_an_unfinished_line_ends_in_its_own_file(world: World, path: Path) -> None:
    sink = FileSink(world.router, str(path), 0, 5)
    source = FakeSource()
    put(sink, source, b"whole\nunfin")
    written_at(path, world.now)
    world.timer.set(sink, "daily", True)
    world.until(at("2026-11-30 00:00"))
    assert names(path) == ["log"]
    put(sink, source, b"ish")
    assert names(path) == ["log"]
    world.now = at("2026-11-30 09:00")
    put(sink, source, b"ed\nnext\n")
    assert names(path) == ["log", "log.2026-11-29"], "the date is that of the time that had come"
    assert Path(f"{path}.2026-11-29").read_bytes() == b"whole\nunfinished\n"
    assert path.read_bytes() == b"next\n"
    sink.close()


def test_a_line_that_was_torn_before_us_holds_nothing_up(world: World, path: Path) -> None:
    path.write_bytes(b"torn")
    sink = FileSink(world.router, str(path), 0, 5)
    assert sink.rotate() == ""
    put(sink, FakeSource(), b"new\n")
    assert path.read_bytes() == b"new\n"
    sink.close()


def test_a_rotation_that_fails_is_tried_at_the_next_time(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FileSink(world.router, str(path), 0, 5)
    put(sink, FakeSource(), b"one\n")
    written_at(path, world.now)
    world.timer.set(sink, "hourly", False)

    def refuse(*_arguments: Any, **_more: Any) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        world.until(at("2026-11-29 13:00"))
        put(sink, FakeSource(), b"two\n")
        world.until(at("2026-11-29 14:00"))
    assert [text for _, text in world.router.messages] == [
        f"{path}: cannot be rotated (Permission denied); it grows on"
    ]
    world.until(at("2026-11-29 15:00"))
    assert Path(f"{path}.1").read_bytes() == b"one\ntwo\n"
    sink.close()


def test_many_files_share_a_timer_and_the_time_of_a_turn(world: World, path: Path) -> None:
    sinks = [FileSink(world.router, f"{path}{number}", 0, 5) for number in range(5)]
    for number, sink in enumerate(sinks):
        put(sink, FakeSource(), b"line\n")
        written_at(Path(f"{path}{number}"), world.now)
        world.timer.set(sink, "daily", False)
    world.router.rotations = 2
    world.now = at("2026-11-30 00:00")
    world.router.loop.timers = world.router.loop.live
    world.router.loop.elapse()
    assert sum(Path(f"{path}{number}.1").exists() for number in range(5)) == 2
    world.router.turn(10)
    assert sum(Path(f"{path}{number}.1").exists() for number in range(5)) == 5
    assert world.waits == 86400
    for sink in sinks:
        world.timer.forget(sink)
        sink.close()
    assert world.waits is None
    assert world.was_set is None


def test_a_clock_that_is_set(world: World, path: Path) -> None:
    sink = FileSink(world.router, str(path), 0, 5)
    put(sink, FakeSource(), b"line\n")
    written_at(path, world.now)
    world.timer.set(sink, "daily", False)
    assert world.was_set is not None
    world.now -= 86400
    world.was_set(-86400)
    assert world.waits == 12 * 3600, "midnight comes sooner than it seemed"
    world.now += 3 * 86400
    world.was_set(3 * 86400)
    assert world.waits == 0
    world.elapse()
    assert names(path) == ["log", "log.1"]
    sink.close()


def test_what_a_reload_changes(world: World, path: Path) -> None:
    sink = FileSink(world.router, str(path), 0, 5)
    put(sink, FakeSource(), b"line\n")
    written_at(path, world.now)
    world.timer.set(sink, "daily", True)
    assert world.waits == 12 * 3600
    world.timer.set(sink, "hourly", False)
    assert world.waits == 3600
    assert sink.date == ""
    world.timer.set(sink, None, True)
    assert world.waits is None
    assert sink.date == "2026-11-29"
    world.timer.set(sink, None, False)
    assert sink.timing is None
    sink.close()


def test_no_more_backups_than_there_may_be(world: World, path: Path) -> None:
    sink = FileSink(world.router, str(path), 0, 3)
    written_at(path, world.now)
    world.timer.set(sink, "daily", True)
    for day in range(1, 8):
        put(sink, FakeSource(), b"day %d\n" % day)
        world.until(at(f"2026-12-0{day} 00:00"))
    assert names(path) == ["log", "log.2026-12-04", "log.2026-12-05", "log.2026-12-06"]
    sink.close()


def test_a_directory_with_too_many_names_is_said(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervice.output.dated_backups.LONGEST_LISTING", 3)
    for number in range(4):
        (path.parent / str(number)).touch()
    sink = FileSink(world.router, str(path), 0, 3)
    world.timer.set(sink, None, True)
    put(sink, FakeSource(), b"line\n")
    assert "more than 3 names" in sink.rotate()
    assert path.read_bytes() == b"line\n"
    sink.close()


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("compress", [False, True])
def test_nothing_is_lost_or_torn_over_a_thousand_rotations(
    world: World, path: Path, dated: bool, compress: bool
) -> None:
    """By time, by size, by hand and from outside, in any order, while lines are unfinished and files compressed."""
    router = CompressingRouter()
    world.router = router
    world.timer._router = world.router
    dice = random.Random(f"{dated} {compress}")
    sink = FileSink(router, str(path), 300, 25, compress)
    written_at(path, world.now)
    world.timer.set(sink, "hourly", dated)
    source = FakeSource()
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    count = moved = line = 0
    open_line = False

    def lines(path: Path) -> list[bytes]:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert not data or data.endswith(b"\n"), path
        return data.splitlines()

    def archive() -> None:
        """As a program that collects old files."""
        nonlocal moved
        router.helpers.finish_all()
        for one in sorted(path.parent.glob("log.*")):
            assert not one.name.endswith(TEMPORARY)
            moved += 1
            one.rename(elsewhere / f"{moved}{'.gz' if one.suffix == '.gz' else ''}")

    while count < 1000:
        before = path.stat().st_ino
        way = dice.random()
        if way < 0.6:
            for _ in range(dice.randint(1, 8)):
                text = b"%06d:%s\n" % (line, b"x" * dice.randint(0, 60))
                cut = dice.randint(1, len(text)) if dice.random() < 0.3 else len(text)
                put(sink, source, text[:cut])
                if cut < len(text):
                    put(sink, source, text[cut:]) if dice.random() < 0.5 else None
                    open_line = not path.read_bytes().endswith(b"\n")
                    if open_line:
                        if dice.random() < 0.5:
                            assert sink.rotate() == LATER
                        put(sink, source, text[cut:])
                line += 1
        elif way < 0.8:
            world.until(world.now + dice.choice((600, 3600, 7200)))
        elif way < 0.95:
            sink.rotate()
        elif way < 0.98 and path.stat().st_size:
            moved += 1
            path.rename(elsewhere / str(moved))  # logrotate
            put(sink, source, b"%06d:moved\n" % line)
            line += 1
            sink.reopen()
        elif router.helpers.waiting:
            router.helpers.finish()
        count += path.stat().st_ino != before
        if sum(one.name.startswith("log.") for one in os.scandir(path.parent)) > 12:
            archive()
    archive()
    sink.close()
    assert (source.bytes, source.lines) == (0, 0)
    found = [text for one in [*elsewhere.iterdir(), path] for text in lines(one)]
    assert sorted(int(text[:6]) for text in found) == list(range(line))
    assert all(text[6:7] == b":" for text in found)
