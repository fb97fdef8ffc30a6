"""Rotating files: whole lines, nothing lost, whatever happens to the directory or the disk."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervice.output.file_sink import LOOK, FileSink
from supervice.output.sinks import CUT
from tests.fakes.output import FakeRouter, FakeSource, Killed, KilledAt, put


def files(path: Path) -> list[bytes]:
    """Contents, oldest first."""
    found = [path] + [p for p in path.parent.iterdir() if p.name.startswith(path.name + ".")]
    found.sort(key=lambda p: -int(p.name.rsplit(".", 1)[1]) if p != path else 0)
    return [p.read_bytes() for p in found if p.exists()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


lines = st.lists(st.integers(0, 60), min_size=1, max_size=80)


@settings(max_examples=150, deadline=None)
@given(
    lengths=lines,
    maxbytes=st.integers(1, 120),
    cuts=st.lists(st.integers(1, 90), max_size=20),
    at_once=st.booleans(),
)
def test_every_line_is_whole_and_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    maxbytes: int,
    cuts: list[int],
    at_once: bool,
) -> None:
    """However it is written: `at_once` in the parts in which it came."""
    path = tmp_path_factory.mktemp("rot") / "log"
    text = b"".join(b"%d:%s\n" % (number, b"x" * length) for number, length in enumerate(lengths))
    sink = FileSink(FakeRouter(), str(path), maxbytes, 1000)
    source = FakeSource()
    carry = b""
    pos = 0
    sizes = iter(cuts * len(text))
    while pos < len(text):  # as a pump does it: blocks at any place, unfinished lines carried over
        block = text[pos : pos + next(sizes, len(text))]
        pos += len(block)
        cut = block.rfind(b"\n") + 1
        if at_once:
            put(sink, source, block)
        elif cut:
            put(sink, source, block[:cut], carry)
            carry = block[cut:]
        else:
            carry += block
    sink.close()
    contents = files(path)
    assert b"".join(contents) == text
    for content in contents[:-1]:
        assert content.endswith(b"\n")
        assert len(content) <= maxbytes or content.count(b"\n") == 1
    for older, newer in itertools.pairwise(contents):
        if newer:
            first = newer.split(b"\n")[0]
            assert len(older) + len(first) + 1 > maxbytes  # no file ends before it has to


def test_only_so_many_backups(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 10, 3)
    for number in range(50):
        put(sink, FakeSource(), b"line %03d\n" % number)
    sink.close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["log", "log.1", "log.2", "log.3"]
    assert b"".join(files(path)) == b"".join(b"line %03d\n" % n for n in range(46, 50))


def test_no_backups_means_starting_again(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 20, 0)
    for number in range(5):
        put(sink, FakeSource(), b"line %03d\n" % number)
    sink.close()
    assert [p.name for p in path.parent.iterdir()] == ["log"]
    assert path.read_bytes() == b"line 004\n"


def test_zero_is_never(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 0, 3)
    for _ in range(100):
        put(sink, FakeSource(), b"x" * 99 + b"\n")
    sink.close()
    assert path.stat().st_size == 10000
    assert len(list(path.parent.iterdir())) == 1


def test_a_line_longer_than_the_file_stays_whole_also_in_parts(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 10, 9)
    source = FakeSource()
    put(sink, source, b"short\n")
    put(sink, source, b"a" * 30)
    put(sink, source, b"b" * 30)
    put(sink, source, b"end\nnext\n")
    sink.close()
    assert files(path) == [b"short\n", b"a" * 30 + b"b" * 30 + b"end\n", b"next\n"]


def test_another_source_never_continues_a_line(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 0, 0)
    one, two = FakeSource(), FakeSource()
    put(sink, one, b"first\nunfinished")
    put(sink, one, b" still\nlast")
    put(sink, two, b"other\n")
    put(sink, one, b"again\n")
    sink.close()
    assert path.read_bytes() == b"first\nunfinished still\nlast\nother\nagain\n"


def test_the_unfinished_line_ends_in_its_own_file(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 12, 5)
    put(sink, FakeSource(), b"unfinished")
    put(sink, FakeSource(), b"other line\n")
    sink.close()
    assert files(path) == [b"unfinished\n", b"other line\n"]


def test_what_was_there_before_us(path: Path) -> None:
    path.write_bytes(b"old unfinished")
    sink = FileSink(FakeRouter(), str(path), 20, 2)
    put(sink, FakeSource(), b"new\n")
    put(sink, FakeSource(), b"newer\n")
    sink.close()
    assert files(path) == [b"old unfinished\nnew\n", b"newer\n"]


@pytest.mark.parametrize("call", range(1, 24))
def test_killed_in_the_middle_of_a_rotation(path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """SIGKILL before the n-th step: all lines are in some file, and the next daemon goes on cleanly."""
    backups = 5
    sink = FileSink(FakeRouter(), str(path), 10, backups)
    for number in range(4):
        put(sink, FakeSource(), b"line %03d\n" % number)
    counted = KilledAt(call)
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", counted(os.rename))
        patched.setattr(os, "open", counted(os.open))
        try:
            put(sink, FakeSource(), b"line 004\n")
            written = 5
        except Killed:
            written = 4
    sink.close()
    assert sorted(b"".join(files(path)).split()) == sorted(
        b"".join(b"line %03d\n" % n for n in range(written)).split()
    )
    sink = FileSink(FakeRouter(), str(path), 10, backups)
    put(sink, FakeSource(), b"line 004\n" if written == 4 else b"line 005\n")
    sink.close()
    assert b"".join(files(path)) == b"".join(b"line %03d\n" % n for n in range(written + 1))


def test_a_gap_keeps_the_oldest(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 10, 3)
    for number in range(4):
        put(sink, FakeSource(), b"line %03d\n" % number)
    os.unlink(f"{path}.1")
    put(sink, FakeSource(), b"line 004\n")
    sink.close()
    assert b"".join(files(path)) == b"line 000\nline 001\nline 003\nline 004\n"


def test_reopen_after_the_file_was_moved(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 0, 0)
    put(sink, FakeSource(), b"one\n")
    os.rename(path, f"{path}.old")
    put(sink, FakeSource(), b"two\n")
    sink.reopen()
    put(sink, FakeSource(), b"three\n")
    sink.close()
    assert Path(f"{path}.old").read_bytes() == b"one\ntwo\n"
    assert path.read_bytes() == b"three\n"


def test_reopen_of_the_same_file_keeps_its_unfinished_line(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 0, 0)
    source = FakeSource()
    put(sink, source, b"begun")
    sink.reopen()
    put(sink, source, b" and ended\n")
    sink.close()
    assert path.read_bytes() == b"begun and ended\n"


def test_the_directory_disappears_and_comes_back(tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    owner = FakeRouter()
    sink = FileSink(owner, str(directory / "log"), 10, 2)
    source = FakeSource()
    put(sink, source, b"before\n")
    (directory / "log").unlink()
    directory.rmdir()
    for _ in range(20):
        put(sink, source, b"nobody\n")  # to the file without a name
    assert len(owner.messages) == 1
    assert "cannot be rotated" in owner.messages[0][1]
    sink.reopen()
    assert "opened again" in owner.messages[1][1]
    directory.mkdir()
    sink.reopen()
    put(sink, source, b"after\n")
    sink.close()
    assert (directory / "log").read_bytes() == b"after\n"
    assert source.bytes == 0


def test_a_removed_file_is_made_again(path: Path) -> None:
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 0, 0)
    put(sink, FakeSource(), b"one\n")
    path.unlink()
    put(sink, FakeSource(), b"nobody reads this\n")
    assert not path.exists(), "asked at each write"
    owner.loop.now += LOOK
    put(sink, FakeSource(), b"two\n")
    assert path.read_bytes() == b"two\n"
    assert [level for level, _ in owner.messages] == ["warning"]
    sink.close()


def test_a_removed_directory_is_said_once_and_its_file_made_when_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 0, 0)
    put(sink, FakeSource(), b"one\n")
    path.unlink()
    path.parent.rmdir()
    for _ in range(5):
        owner.loop.now += LOOK
        put(sink, FakeSource(), b"x" * 1000 + b"\n")
    assert os.fstat(sink._fd).st_size <= 1001, "it fills the disk unseen"
    assert len(owner.messages) == 1
    assert "lost" in owner.messages[0][1]
    path.parent.mkdir()
    owner.loop.now += LOOK
    put(sink, FakeSource(), b"two\n")
    assert path.read_bytes() == b"two\n"
    assert len(owner.messages) == 2
    sink.close()


@pytest.mark.parametrize("how", ["the next look", "reopen"])
def test_a_file_that_its_server_has_forgotten_is_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """NFS: each question about it is ESTALE, and so is the write that it still takes."""
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 0, 0)
    old, real = sink._fd, os.fstat
    path.rename(f"{path}-elsewhere")

    def stale(fd: int) -> os.stat_result:
        if fd == old:
            raise OSError(errno.ESTALE, "Stale file handle")
        return real(fd)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", stale)
        assert sink.rotate() == "is empty"  # no error: it would end the rotations of all other files
        if how == "reopen":
            assert sink.reopen() == ""
        owner.loop.now += LOOK
        put(sink, FakeSource(), b"one\n")
    assert path.read_bytes() == b"one\n"
    sink.close()


def test_a_close_that_reports_what_was_not_written_leaves_the_new_file_in_use(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS says so at close(2), which frees the number all the same: another file may have it by then."""
    sink = FileSink(FakeRouter(), str(path), 10, 2)
    put(sink, FakeSource(), b"line 000\n")
    real = os.close

    def close(fd: int) -> None:
        log = os.readlink(f"/proc/self/fd/{fd}").startswith(str(path))
        real(fd)
        if log:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with monkeypatch.context() as patched:
        patched.setattr(os, "close", close)
        put(sink, FakeSource(), b"line 001\n")
        path.unlink()
        assert sink.reopen() == ""
        put(sink, FakeSource(), b"line 002\n")
        sink.close()
    assert path.read_bytes() == b"line 002\n"


def test_a_moved_file_is_left_alone(path: Path) -> None:
    """logrotate moves first and asks for `reopen` later; what comes in between belongs to the old file."""
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 0, 0)
    path.rename(f"{path}-20260101")
    owner.loop.now += LOOK
    put(sink, FakeSource(), b"one\n")
    assert not path.exists()
    sink.reopen()
    put(sink, FakeSource(), b"two\n")
    assert Path(f"{path}-20260101").read_bytes() == b"one\n"
    assert path.read_bytes() == b"two\n"
    assert not owner.messages
    sink.close()


def test_a_directory_that_cannot_be_written_any_more(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 10, 2)

    def refused(*_args: object, **_directories: int) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refused)
        for number in range(6):
            put(sink, FakeSource(), b"line %03d\n" % number)
    assert path.read_bytes() == b"".join(b"line %03d\n" % n for n in range(6))
    assert len(owner.messages) == 1
    for number in range(6, 10):
        put(sink, FakeSource(), b"line %03d\n" % number)
    sink.close()
    assert path.read_bytes() == b"line 009\n"  # once it works again, files have their size again


def test_a_new_file_that_cannot_be_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rename is taken back, so that the current file has its name."""
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 10, 2)
    put(sink, FakeSource(), b"line 000\n")
    real = os.open

    def refused(name: str, *args: Any, **kwargs: Any) -> int:
        if name == path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(name, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refused)
        put(sink, FakeSource(), b"line 001\n")
    assert path.read_bytes() == b"line 000\nline 001\n"
    put(sink, FakeSource(), b"line 002\n")
    sink.close()
    assert b"".join(files(path)) == b"line 000\nline 001\nline 002\n"


def full_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> list[int]:
    """`os.write` as on a disk with `room` bytes: short writes, then ENOSPC."""
    left = [room]
    real_write = os.write

    def write(fd: int, data: bytes) -> int:
        return writev(fd, [data])

    def writev(fd: int, parts: Iterable[bytes]) -> int:
        data = b"".join(bytes(part) for part in parts)
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        take = data[: left[0]]
        left[0] -= len(take)
        return real_write(fd, take)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "writev", writev)
    return left


def test_a_full_disk_costs_lines_not_torn_lines(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 0, 0)
    source = FakeSource()
    left = full_disk(monkeypatch, 25)
    put(sink, source, b"line 000\nline 001\nline 002\n", b"head ")
    assert path.read_bytes() == b"head line 000\nline 001\n"
    assert (source.bytes, source.lines, source.torn) == (9, 1, False)
    for _ in range(5):
        put(sink, source, b"line xxx\n")
    assert (source.bytes, source.lines) == (54, 6)
    assert len(owner.messages) == 1
    assert "No space left" in owner.messages[0][1]
    owner.loop.timers[0].run()
    assert "54 bytes" in owner.messages[1][1]
    left[0] = 1000
    put(sink, source, b"again\n")
    sink.close()
    assert path.read_bytes() == b"head line 000\nline 001\nagain\n"
    assert owner.messages[2][0] == "warning"
    assert "54 bytes" in owner.messages[2][1]


def test_a_disk_that_is_full_every_other_moment_is_no_flood_of_messages(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 0, 0)
    source = FakeSource()
    left = full_disk(monkeypatch, 9)
    for _ in range(100):
        put(sink, source, b"line 000\n")
        put(sink, source, b"line 001\n")
        left[0] = 9
    assert source.lines == 100
    assert len(owner.messages) == 2
    owner.loop.timers.pop().run()
    assert len(owner.messages) == 3
    sink.close()
    said = [int(word) for _, text in owner.messages for word in text.split() if word.isdigit()]
    assert sum(said) == source.bytes == 900


def test_nothing_of_others_is_cut_off_on_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FileSink(FakeRouter(), str(path), 0, 0)
    with path.open("ab") as other:
        other.write(b"theirs\n")
    left = full_disk(monkeypatch, 4)
    source = FakeSource()
    put(sink, source, b"line 000\n")
    left[0] = 100
    put(sink, source, b"next\n")
    sink.close()
    assert path.read_bytes() == b"theirs\nline\nnext\n"


def test_a_line_whose_rest_a_full_disk_does_not_take_is_dropped_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FileSink(FakeRouter(), str(path), 0, 0)
    source = FakeSource()
    put(sink, source, b"one\nbegin of")
    put(sink, source, b" a line")
    left = full_disk(monkeypatch, 2)
    put(sink, source, b" that ends\n")
    assert (source.bytes, source.lines, source.torn) == (len(b"begin of a line that ends\n"), 1, False)
    left[0] = 100
    put(sink, source, b"whole\n")
    sink.close()
    assert path.read_bytes() == b"one\nwhole\n"


def test_a_very_long_line_on_a_full_disk_is_not_continued_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FileSink(FakeRouter(), str(path), 0, 0)
    source = FakeSource()
    long = b"begin of a long line" + b"." * 65536
    put(sink, source, long)
    left = full_disk(monkeypatch, 0)
    put(sink, source, b"middle")
    assert source.torn
    left[0] = 100
    put(sink, source, b"whole\n")
    sink.close()
    assert path.read_bytes() == long + b"\nwhole\n"
    assert sink.tail is not CUT


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a file of another user")
def test_a_link_that_appears_later_is_not_followed(path: Path, tmp_path: Path) -> None:
    """A program that owns its log directory must not make a root daemon write elsewhere."""
    target = tmp_path / "passwd"
    target.write_text("precious\n")
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 0, 0)
    path.unlink()
    path.symlink_to(target)
    os.chown(path, 12345, 12345, follow_symlinks=False)
    assert "symbolic link of uid 12345" in sink.reopen()
    put(sink, FakeSource(), b"evil\n")
    sink.close()
    assert target.read_text() == "precious\n"
    assert owner.messages


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileSink(FakeRouter(), str(tmp_path / "no" / "log"), 0, 0)


def test_mode_and_descriptor(path: Path) -> None:
    before = os.umask(0o027)
    try:
        sink = FileSink(FakeRouter(), str(path), 0, 0)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    sink.close()


# -- many rotations --------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    blocks=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9)), min_size=1, max_size=30),
    allowed=st.lists(st.integers(1, 4), min_size=1, max_size=10),
    maxbytes=st.integers(1, 60),
)
def test_a5_rotations_are_bounded_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    blocks: list[tuple[int, int]],
    allowed: list[int],
    maxbytes: int,
) -> None:
    """Whatever is written and however few rotations a turn allows: all lines, in order, in files that are full."""
    path = tmp_path_factory.mktemp("held") / "log"
    owner = FakeRouter()
    sink = FileSink(owner, str(path), maxbytes, 1000)
    sources = [FakeSource(), FakeSource()]
    turns = itertools.cycle(allowed)
    expected = b""
    number = 0
    for which, count in blocks:
        text = b"".join(b"%d:%04d\n" % (which, number + i) for i in range(count))
        number += count
        expected += text
        owner.turn(next(turns))
        before = len(files(path))
        put(sink, sources[which], text)
        assert len(files(path)) - before <= max(allowed)
    for _ in range(10_000):
        if not owner.loop.soon:
            break
        before = len(files(path))
        owner.turn(next(turns))
        assert len(files(path)) - before <= max(allowed)
    assert (sink.blocked, sink.queued, owner.level) == (False, 0, 0)
    sink.close()
    contents = files(path)
    assert b"".join(contents) == expected
    for older, newer in itertools.pairwise(contents):
        assert len(older) + len(newer.split(b"\n")[0]) + 1 > maxbytes


def test_a5_who_writes_waits_until_what_is_held_is_written(path: Path) -> None:
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 10, 50)
    first, second = FakeSource(), FakeSource()
    owner.turn(1)
    put(sink, first, b"".join(b"line %03d\n" % n for n in range(5)))
    assert sink.blocked
    assert owner.level == 1, "the end of the daemon waits for it"
    assert sink.queued
    sink.wait(second, first=False)
    sink.wait(first, first=True)
    put(sink, second, b"of a source that cannot wait\n")
    owner.turn(1)
    assert (first.resumed, second.resumed) == (0, 0)
    for _ in range(10):
        owner.turn(1)
    assert (first.resumed, second.resumed, sink.blocked, owner.level) == (1, 1, False, 0)
    sink.wait(first, first=False)
    assert first.resumed == 2, "at once"
    assert b"".join(files(path)).splitlines()[-1] == b"of a source that cannot wait"
    sink.close()


def test_a5_what_is_held_is_written_when_the_file_is_closed(path: Path) -> None:
    """Then into one file, however long it gets."""
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 10, 50)
    waiting = FakeSource()
    owner.turn(1)
    text = b"".join(b"line %03d\n" % n for n in range(100))
    put(sink, waiting, text)
    sink.wait(waiting, first=False)
    sink.release()
    assert b"".join(files(path)) == text
    assert (waiting.resumed, owner.level) == (1, 0)
    owner.turn(5)  # what was due in the next turn finds nothing
    assert b"".join(files(path)) == text


def test_a5_other_limits_hold_for_what_is_held(path: Path) -> None:
    owner = FakeRouter()
    sink = FileSink(owner, str(path), 10, 50)
    owner.turn(1)
    put(sink, FakeSource(), b"".join(b"line %03d\n" % n for n in range(20)))
    sink.limits(0, 0, False)
    owner.turn(1)
    assert not sink.blocked
    sink.close()
    assert len(files(path)) <= 3
    assert b"".join(files(path)).count(b"\n") == 20


# -- whose files these are -------------------------------------------------------------------------------

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs files of other users")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A log in a directory of uid 12345's."""
    directory = tmp_path / "theirs"
    directory.mkdir()
    os.chown(directory, 12345, 12345)
    return directory / "log"


@needs_root
@pytest.mark.parametrize("kind", ["file", "link", "directory", "hard link", "set-id"])
def test_a_backup_that_is_not_ours_is_passed_over_and_said_once(
    theirs: Path, tmp_path: Path, kind: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    planted = Path(f"{theirs}.2")
    if kind == "link":
        planted.symlink_to(victim)
    elif kind == "directory":
        planted.mkdir()
    elif kind == "hard link":
        planted.hardlink_to(victim)
    else:
        planted.write_text("theirs")
    if kind != "hard link":
        os.chown(planted, 12345, 12345, follow_symlinks=False)
    if kind == "set-id":
        planted.chmod(0o4777)
    before = os.lstat(planted)
    owner = FakeRouter()
    sink = FileSink(owner, str(theirs), 10, 3)
    for number in range(8):
        put(sink, FakeSource(), b"line %03d\n" % number)
    sink.close()
    after = os.lstat(planted)
    assert (before.st_ino, before.st_mode, before.st_ctime_ns) == (
        after.st_ino,
        after.st_mode,
        after.st_ctime_ns,
    )
    assert victim.read_text() == "precious"
    assert sorted(p.name for p in theirs.parent.iterdir()) == ["log", "log.1", "log.2", "log.3", "log.4"]
    assert [Path(f"{theirs}.{n}").read_bytes() for n in (4, 3, 1)] == [b"line %03d\n" % n for n in (4, 5, 6)]
    assert owner.messages == [("warning", f"{planted}: is not a backup of ours and is left alone; remove it")]


@needs_root
def test_when_all_names_are_taken_the_log_goes_on_growing(
    theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervice.output import backups

    monkeypatch.setattr(backups, "MOST", 5)
    for number in range(1, 6):
        planted = Path(f"{theirs}.{number}")
        planted.write_text("theirs")
        os.chown(planted, 12345, 12345)
    owner = FakeRouter()
    sink = FileSink(owner, str(theirs), 10, 3)
    for number in range(4):
        put(sink, FakeSource(), b"line %03d\n" % number)
    sink.close()
    assert theirs.read_bytes().count(b"\n") == 4
    assert "taken by files of other users; remove them" in owner.messages[0][1]


@needs_root
def test_a_log_that_was_replaced_is_not_moved(theirs: Path) -> None:
    """What has the name now is not the file that we have written."""
    owner = FakeRouter()
    sink = FileSink(owner, str(theirs), 10, 3)
    put(sink, FakeSource(), b"line 000\n")
    theirs.rename(theirs.with_name("moved"))
    theirs.write_text("of another user")
    os.chown(theirs, 54321, 54321)
    put(sink, FakeSource(), b"line 001\n")
    sink.close()
    assert theirs.read_text() == "of another user"
    assert theirs.with_name("moved").read_bytes() == b"line 000\nline 001\n"
    assert "cannot be rotated" in owner.messages[0][1]
    assert "belongs to uid 54321" in owner.messages[0][1]


def test_a_log_is_emptied_for_who_reads_it_too(path: Path) -> None:
    sink = FileSink(FakeRouter(), str(path), 0, 0)
    put(sink, FakeSource(), b"one\n")
    sink.empty()
    assert path.read_bytes() == b""
    put(sink, FakeSource(), b"two\n")
    assert path.read_bytes() == b"two\n"
    path.rename(f"{path}.moved")
    sink.empty()
    assert Path(f"{path}.moved").read_bytes() == b"two\n", "only ours, and only under its name"
    sink.close()
