"""The edges of a look: what counts as a moment ago, how much is read at once, how far a search goes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from supervice.watch import scanner as scanning
from supervice.watch.patterns import Pattern, ignoring
from supervice.watch.scanner import Scanner, TooMany, own_mount_points
from tests.fakes.opening import recorded_flags

NOW = 1_800_000_000


def started(*patterns: object) -> Scanner:
    """One whose files have been read, and are accepted; the last look found nothing."""
    made = Scanner([Pattern(str(pattern)) for pattern in patterns], ignoring((), ()))
    made.look()
    made.contents.accept()
    made.look()
    return made


def found(*patterns: object) -> list[str]:
    return list(started(*patterns)._files)


def age(path: Path, seconds: float) -> None:
    """As if it had changed so many seconds before NOW."""
    at = int((NOW - seconds) * 1_000_000_000)
    os.utime(path, ns=(at, at))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three in a directory; all of it is old."""
    made = [tmp_path / name for name in ("a", "b", "c")]
    for path in made:
        path.write_text("text")
        age(path, 3600)
    age(tmp_path, 3600)
    return made


def changed(made: Scanner) -> list[str]:
    return [os.path.basename(path) for path in made.look().changes.changed]


def test_each_look_counts_the_files(tmp_path: Path, files: list[Path]) -> None:
    made = Scanner([Pattern(f"{tmp_path}/*")], ignoring((), ()))
    assert made.look().files == 3
    files[0].write_text("more")
    assert made.look().files == 3


def test_what_is_away_hides_no_change_behind_it(files: list[Path]) -> None:
    made = started(*files)
    files[0].unlink()
    files[1].write_text("other")
    changes = made.look().changes
    assert (changes.gone, changes.changed) == ((str(files[0]),), (str(files[1]),))


def test_a_name_that_has_gone_from_a_directory_that_was_quiet_is_seen(
    tmp_path: Path, files: list[Path]
) -> None:
    made = started(f"{tmp_path}/*")
    files[1].unlink()
    assert made.look().changes.gone == (str(files[1]),)


def test_another_size_or_inode_is_enough_though_the_time_is_the_same(files: list[Path]) -> None:
    made = started(*files)
    files[0].write_text("longer text")
    age(files[0], 3600)
    assert changed(made) == ["a"]
    other = files[0].with_name("other")
    other.write_text("word")
    age(other, 3600)
    other.rename(files[1])
    assert changed(made) == ["a", "b"]


@pytest.mark.parametrize(("seconds", "again"), [(1.0, True), (-1.0, True), (2.0, False), (-2.0, False)])
def test_a_moment_ago_is_less_than_two_seconds(
    files: list[Path], tmp_path: Path, seconds: float, again: bool
) -> None:
    age(files[0], seconds)
    age(tmp_path, seconds)
    made = started(f"{tmp_path}/*")
    assert made._files[str(files[0])].again is again
    assert (made._folders[str(tmp_path)] is scanning._RECENT) is again


def test_one_that_can_be_read_again_is_told_again(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    made = started(files[0])
    real, told = scanning._mark, []

    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    for number, mark in enumerate((refuse, real, refuse)):
        monkeypatch.setattr(scanning, "_mark", mark)
        files[0].write_text(f"text {number}")
        age(files[0], 100 + number)
        told.append(made.look().unreadable)
    assert told == [(f"{files[0]}: Permission denied",), (), (f"{files[0]}: Permission denied",)]


# -- how much is read ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at_once", "left"), [(5, True), (8, True), (9, False)])
def test_what_one_look_reads_ends_with_its_last_byte(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, at_once: int, left: bool
) -> None:
    monkeypatch.setattr(scanning, "READ_AT_ONCE", at_once)
    made = Scanner([Pattern(str(path)) for path in files], ignoring((), ()))
    assert made.look().unread is left


def test_a_long_file_takes_nothing_of_that(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "LONGEST", 3)
    monkeypatch.setattr(scanning, "READ_AT_ONCE", 1)
    made = Scanner([Pattern(str(path)) for path in files], ignoring((), ()))
    assert made.look().unread is False


def test_each_byte_counts_up_to_the_longest(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "LONGEST", 4)
    made = started(*files)
    files[0].write_text("texT")
    assert changed(made) == ["a"]


def test_a_file_is_read_piece_by_piece_and_one_that_grows_meanwhile_is_long(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "LONGEST", 10)
    real, status = os.read, files[0].stat()
    monkeypatch.setattr(os, "read", lambda fd, size: real(fd, min(size, 3)))
    assert scanning._mark(str(files[0]), status) == (4, (4, hash(b"text")))
    monkeypatch.setattr(os, "read", lambda _, size: b"x" * min(size, 3))
    assert scanning._mark(str(files[0]), status) == (11, scanning._signature(status))


def test_opening_a_file_waits_for_nothing_and_takes_no_terminal(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = recorded_flags(monkeypatch)
    started(files[0])
    for flag in (os.O_CLOEXEC, os.O_NONBLOCK, os.O_NOCTTY):
        assert [flags & flag for flags in seen] == [flag]


# -- how far a search goes -------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [False, True])
def test_the_names_of_all_directories_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: bool
) -> None:
    monkeypatch.setattr(scanning, "MOST_NAMES", 5)
    for name in ("a/1", "a/2", "b/1", *(["b/2"] if more else [])):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    if more:
        with pytest.raises(TooMany, match="more than 5 names"):
            started(f"{tmp_path}/*/*")
    else:
        assert len(found(f"{tmp_path}/*/*")) == 3


def test_a_directory_is_listed_once_though_a_link_leads_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MOST_NAMES", 1)
    (tmp_path / "loop").symlink_to(tmp_path)
    assert found(tmp_path) == []


def test_a_name_between_two_globs(tmp_path: Path) -> None:
    for name in ("X/sub/1.txt", "X/other/2.txt", "y/sub/3.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert found(f"{tmp_path}/*/sub/*.txt") == [f"{tmp_path}/X/sub/1.txt"]
    assert found(f"{tmp_path}/**/*.txt") == [f"{tmp_path}/X/other/2.txt", f"{tmp_path}/X/sub/1.txt"]
    assert found(f"{tmp_path}/**/sub/*.log") == [f"{tmp_path}/y/sub/3.log"]


def test_paths_from_the_root_have_one_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "listdir", lambda path: ["proc"] if path == "/" else ["version"])
    assert found("/pro[c]/version") == ["/proc/version"]
    monkeypatch.setattr(os, "listdir", lambda _: [])
    assert found("/**/proc/version") == ["/proc/version"]


def test_our_own_mount_points() -> None:
    assert {"/", "/proc"} <= own_mount_points()
