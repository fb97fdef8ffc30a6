"""Rotated and compressed files: counted together, and no moment at which a kill loses a line."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest

from supervice.fs.place import Place
from supervice.output.archive import Archive
from supervice.output.backups import Backups
from supervice.output.file_sink import FileSink
from tests.fakes.output import CompressingRouter, FakeSource, Killed, KilledAt, put

BACKUPS = 4


def content(path: Path) -> list[bytes]:
    """The lines of all files, in the order of their age; of a number twice if it is there twice."""

    def age(p: Path) -> int:
        return -int(p.name.removesuffix(".gz").rpartition(".")[2]) if p != path else 0

    names = [p for p in path.parent.iterdir() if p.name.startswith("log") and p.suffix != ".tmp"]
    found = []
    for name in sorted(names, key=lambda p: (age(p), p.name)):
        data = name.read_bytes()
        found += (gzip.decompress(data) if name.suffix == ".gz" else data).split(b"\n")[:-1]
    return found


def line(number: int) -> bytes:
    return b"line %03d" % number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def names(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir())


def test_old_files_become_gzip_files_and_are_counted_with_the_plain_ones(path: Path) -> None:
    owner = CompressingRouter()
    sink = FileSink(owner, str(path), 10, BACKUPS, True)
    for number in range(20):
        put(sink, FakeSource(), line(number) + b"\n")
        owner.helpers.finish_all()
    assert names(path) == ["log", *(f"log.{n}.gz" for n in range(1, BACKUPS + 1))]
    assert content(path) == [line(n) for n in range(15, 20)]
    sink.close()


def test_a_rotation_while_a_file_is_compressed(path: Path) -> None:
    """The file has another number when it is done, or is gone."""
    owner = CompressingRouter()
    sink = FileSink(owner, str(path), 10, BACKUPS, True)
    for number in range(4):
        put(sink, FakeSource(), line(number) + b"\n")
    assert owner.helpers.started == 1, "two helpers at a time"
    owner.helpers.finish()
    assert "log.3.gz" in names(path)
    assert content(path) == [line(n) for n in range(4)]
    for number in range(4, 12):
        put(sink, FakeSource(), line(number) + b"\n")
    owner.helpers.finish()  # its file was removed meanwhile
    assert content(path) == [line(n) for n in range(7, 12)]
    owner.helpers.finish_all()
    assert content(path) == [line(n) for n in range(7, 12)]
    assert names(path) == ["log", *(f"log.{n}.gz" for n in range(1, BACKUPS + 1))]
    sink.close()


def test_a_helper_that_fails_loses_nothing(path: Path) -> None:
    owner = CompressingRouter()
    sink = FileSink(owner, str(path), 10, BACKUPS, True)
    put(sink, FakeSource(), line(0) + b"\n")
    put(sink, FakeSource(), line(1) + b"\n")
    owner.helpers.finish(1)
    assert names(path) == ["log", "log.1"]
    assert content(path) == [line(0), line(1)]
    assert [level for level, _ in owner.messages] == ["warning"]
    assert owner.helpers.started == 1, "it tries again at once"
    put(sink, FakeSource(), line(2) + b"\n")
    owner.helpers.finish_all()
    assert names(path) == ["log", "log.1.gz", "log.2.gz"]
    sink.close()


def test_a_helper_that_cannot_be_started(path: Path) -> None:
    owner = CompressingRouter()

    def refuse(argv: object, stdin: object, stdout: object, ended: object) -> NoReturn:
        raise OSError("no processes left")

    owner.archive = Archive(refuse, owner.log)
    sink = FileSink(owner, str(path), 10, BACKUPS, True)
    for number in range(3):
        put(sink, FakeSource(), line(number) + b"\n")
    assert names(path) == ["log", "log.1", "log.2"]
    assert "no processes left" in owner.messages[0][1]
    sink.close()


def test_the_end_leaves_no_half_file(path: Path) -> None:
    owner = CompressingRouter()
    sink = FileSink(owner, str(path), 10, BACKUPS, True)
    put(sink, FakeSource(), line(0) + b"\n")
    put(sink, FakeSource(), line(1) + b"\n")
    owner.archive.close()
    assert owner.helpers.killed == 1
    owner.helpers.finish(-9)
    put(sink, FakeSource(), line(2) + b"\n")
    assert owner.helpers.started == 1
    assert names(path) == ["log", "log.1", "log.2"]
    assert not owner.messages
    sink.close()


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "log.gz.tmp").symlink_to(victim)
    owner = CompressingRouter()
    sink = FileSink(owner, str(path), 10, BACKUPS, True)
    put(sink, FakeSource(), line(0) + b"\n")
    put(sink, FakeSource(), line(1) + b"\n")
    assert not owner.helpers.started
    assert "log.gz.tmp is in the way" in owner.messages[0][1]
    assert victim.read_bytes() == b"precious"
    assert content(path)[-2:] == [line(0), line(1)]
    (tmp_path / "log.gz.tmp").unlink()
    put(sink, FakeSource(), line(2) + b"\n")
    owner.helpers.finish_all()
    assert gzip.decompress((tmp_path / "log.2.gz").read_bytes()) == line(0) + b"\n"
    sink.close()


@pytest.mark.parametrize("mode", [(0o640, False), (0o604, True)])
def test_the_time_is_that_of_the_plain_file_and_the_mode_that_of_the_log(
    path: Path, mode: tuple[int, bool]
) -> None:
    """A mode is never copied: the plain file may be a stranger's by now (A1)."""
    owner = CompressingRouter()
    sink = FileSink(owner, str(path), 10, BACKUPS, True, mode)
    put(sink, FakeSource(), line(0) + b"\n")
    path.chmod(0o777)
    os.utime(path, ns=(10**18, 10**18 + 7))
    put(sink, FakeSource(), line(1) + b"\n")
    owner.helpers.finish_all()
    status = Path(f"{path}.1.gz").stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (mode[0], 10**18 + 7)
    sink.close()


def test_two_different_files_of_one_number_are_both_kept(path: Path) -> None:
    """Compression was switched off and on again, or another program compresses here."""
    Path(f"{path}.1").write_bytes(b"plain\n")
    Path(f"{path}.1.gz").write_bytes(gzip.compress(b"other\n"))
    with Place(str(path)) as place:
        assert Backups(place).next_plain(BACKUPS) == ""
        assert Backups(place).shift(BACKUPS) == "log.1"
    assert names(path) == ["log.2", "log.2.gz"]


@pytest.mark.parametrize("step", range(1, 130, 2))
def test_killed_at_any_step(path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """SIGKILL before the n-th system call that changes a name, of rotation and compression together: all lines
    are in some file afterwards (in two at most), and the next daemon makes it as it should be."""
    owner = CompressingRouter()
    sink = FileSink(owner, str(path), 10, 20, True)
    counted = KilledAt(step)
    written = 0
    with monkeypatch.context() as patched:
        for name in ("rename", "unlink", "open", "utime"):
            patched.setattr(os, name, counted(getattr(os, name)))
        try:
            for number in range(5):
                put(sink, FakeSource(), line(number) + b"\n")
                written += 1
                owner.helpers.finish_all()
        except Killed:
            pass
        else:
            pytest.fail("there are not so many steps") if step < 60 else None
    for stdin, stdout, _ in owner.helpers.waiting:
        os.close(stdin)
        os.close(stdout)
    sink.close()
    assert sorted(set(content(path))) == [line(n) for n in range(written)] or sorted(set(content(path))) == [
        line(n) for n in range(written + 1)
    ]
    written = len(set(content(path)))
    owner = CompressingRouter()
    sink = FileSink(owner, str(path), 10, 20, True)
    for number in range(written, written + 3):
        put(sink, FakeSource(), line(number) + b"\n")
        owner.helpers.finish_all()
    sink.close()
    assert content(path) == [line(n) for n in range(written + 3)]
    assert not [name for name in names(path) if name.endswith(".tmp")]


def test_a6_backups_are_listed_and_not_probed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there may be: one listing a rotation, and no look at a name that is not there."""
    for number in (1, 2, 3, 7):
        Path(f"{path}.{number}").write_bytes(b"%d\n" % number)
    (path.parent / "log.old").write_bytes(b"")
    (path.parent / "log.01").write_bytes(b"")
    (path.parent / "log.99999").write_bytes(b"")
    (path.parent / "log.1.gz.tmp").write_bytes(b"")
    looks: list[object] = []
    real = os.stat

    def stat(*args: Any, **more: Any) -> os.stat_result:
        looks.append(args)
        return real(*args, **more)

    monkeypatch.setattr(os, "stat", stat)
    with Place(str(path)) as place:
        backups = Backups(place)
        assert backups.next_plain(5_000_000) == f"{place.name}.1"
        assert not looks
        assert backups.shift(5_000_000) == "log.1"
    assert not looks
    assert [p.name for p in sorted(path.parent.glob("log.[2-7]"))] == ["log.2", "log.3", "log.4", "log.7"]


def test_a6_a_directory_that_takes_too_long_to_list_is_asked_for_its_thousand_names(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervice.output import backups as module

    monkeypatch.setattr(module, "LONGEST_LISTING", 3)
    for number in (1, 2, 5):
        Path(f"{path}.{number}").write_bytes(b"%d\n" % number)
    Path(f"{path}.2.gz").write_bytes(b"")
    with Place(str(path)) as place:
        assert Backups(place).shift(10) == "log.1"
    assert names(path) == ["log.2", "log.3", "log.3.gz", "log.5"]
