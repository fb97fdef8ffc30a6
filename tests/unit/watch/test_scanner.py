"""What a watch finds and sees: globs beside the standard library's, links, renames, what is away, mounts."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervice.watch import scanner as scanning
from supervice.watch.contents import Changes
from supervice.watch.mounts import mount_points, mounted_alone
from supervice.watch.patterns import Pattern, ignoring
from supervice.watch.scanner import LONGEST, Scanner, TooMany


def scanner(*patterns: object, ignore: tuple[str, ...] = (), logs: tuple[str, ...] = ()) -> Scanner:
    return Scanner([Pattern(str(pattern)) for pattern in patterns], ignoring(ignore, logs))


def started(*patterns: object, **options: tuple[str, ...]) -> Scanner:
    """One whose files have been read, and are accepted."""
    made = scanner(*patterns, **options)
    made.look()
    made.contents.accept()
    return made


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def old(*paths: Path) -> None:
    """As if written an hour ago: what changed a moment ago is looked at twice."""
    for path in paths:
        os.utime(path, (time.time() - 3600,) * 2, follow_symlinks=False)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content was read."""
    found: list[str] = []
    real = scanning._mark

    def counting(path: str, status: os.stat_result) -> object:
        found.append(os.path.basename(path))
        return real(path, status)

    monkeypatch.setattr(scanning, "_mark", counting)
    return found


# -- which files -----------------------------------------------------------------------------------------

names = st.sampled_from(
    [
        "a",
        "b",
        "c.yml",
        "d.yml",
        "x",
        "conf",
        ".hidden",
        "n~",
        "m.swp",
        "t.tmp",
        "node_modules",
        "__pycache__",
    ]
)
trees = st.sets(st.lists(names, min_size=1, max_size=4).map("/".join), max_size=12)
globs = st.lists(
    st.sampled_from(["*", "**", "a", "*.yml", "[ab]", "[!a]*", "?", "conf", "*o*", "d.y?l"]),
    min_size=1,
    max_size=4,
).map("/".join)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees, globs)
def test_globs_find_what_the_standard_librarys_find(
    tmp_path_factory: pytest.TempPathFactory, tree: set[str], pattern: str
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for path in tree:
        try:
            write(root / path, "x")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            pass
    never = ("node_modules", "__pycache__")
    expected = {
        found
        for found in glob.glob(str(root / pattern), recursive=True)
        if os.path.isfile(found)
        and not any(
            part in never or part.endswith(("~", ".swp", ".tmp"))
            for part in Path(found).relative_to(root).parts
        )
    }
    if not glob.has_magic(pattern) and os.path.isdir(root / pattern):
        return  # a directory is everything below it, see below
    made = scanner(root / pattern)
    made.look()
    assert {path for path, file in made._files.items() if file.signature is not None} == expected


def found(made: Scanner) -> list[str]:
    made.look()
    return sorted(os.path.basename(path) for path, file in made._files.items() if file.signature is not None)


def test_a_directory_is_all_that_is_below_it(tmp_path: Path) -> None:
    for name in (
        "one",
        "sub/two",
        "sub/deep/three",
        ".git/config",
        "sub/.env",
        "node_modules/x/y",
        "__pycache__/z",
        "e~",
    ):
        write(tmp_path / name, "x")
    assert found(scanner(tmp_path)) == ["one", "three", "two"]


def test_a_name_that_is_written_out_is_watched_whatever_it_is(tmp_path: Path) -> None:
    write(tmp_path / ".env", "x")
    write(tmp_path / ".config/app.tmp", "x")
    write(tmp_path / ".config/b.yml", "x")
    assert found(scanner(tmp_path / ".env", tmp_path / ".config/app.tmp")) == [".env", "app.tmp"]
    assert found(scanner(tmp_path / ".config/*")) == ["b.yml"]
    assert found(scanner(tmp_path / ".e*")) == [".env"]


def test_watch_ignore_is_for_names_and_for_paths(tmp_path: Path) -> None:
    for name in ("a.log", "b.yml", "cache/c.yml", "sub/cache/d.yml", "sub/e.yml", "sub/f.log"):
        write(tmp_path / name, "x")
    assert found(scanner(tmp_path, ignore=("*.log",))) == ["b.yml", "c.yml", "d.yml", "e.yml"]
    assert found(scanner(tmp_path, ignore=("cache",))) == ["a.log", "b.yml", "e.yml", "f.log"]
    assert found(scanner(tmp_path, ignore=("sub/cache", "*.log"))) == ["b.yml", "c.yml", "e.yml"]
    assert found(scanner(tmp_path, ignore=(f"{tmp_path}/sub/**",))) == ["a.log", "b.yml", "c.yml"]
    assert found(scanner(tmp_path, ignore=("sub/",))) == ["a.log", "b.yml", "c.yml"]
    assert found(scanner(tmp_path / "a.log", ignore=("*.log",))) == []


def test_our_own_log_files_are_never_watched(tmp_path: Path) -> None:
    for name in ("web.log", "web.log.1", "web.log.2.gz", "web.logic"):
        write(tmp_path / name, "x")
    log = str(tmp_path / "web.log")
    assert found(scanner(tmp_path, tmp_path / "web.log", logs=(log,))) == ["web.logic"]


def test_two_thousand_files_are_the_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scanning.MOST_FILES == 2000
    monkeypatch.setattr(scanning, "MOST_FILES", 5)
    for number in range(5):
        write(tmp_path / str(number), "x")
    made = started(tmp_path / "*")
    write(tmp_path / "more", "x")
    with pytest.raises(TooMany, match="more than 5 files"):
        made.look()
    (tmp_path / "more").unlink()
    assert made.look().changes == Changes()


def test_a_glob_in_the_wrong_place_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "MOST_NAMES", 20)
    for number in range(25):
        write(tmp_path / "deep" / str(number), "x")
    with pytest.raises(TooMany, match="more than 20 names"):
        scanner(tmp_path / "**" / "*.yml").look()


def test_directories_that_are_nested_without_end_are_given_up(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(scanning.DEEPEST):
        deep = deep / "d"
    write(deep / "file", "x")
    made = scanner(tmp_path)
    assert made.look().files == 1
    write(deep / "d" / "file", "x")
    with pytest.raises(TooMany, match="directories more than 100 deep"):
        scanner(tmp_path).look()


def test_links_that_go_round_end(tmp_path: Path) -> None:
    write(tmp_path / "a/file", "x")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    assert "file" in found(scanner(tmp_path))


# -- what is a change ------------------------------------------------------------------------------------


def test_stat_only_until_something_differs_then_content(tmp_path: Path, reads: list[str]) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / name, "one")
    old(tmp_path / "a", tmp_path / "b", tmp_path / "c", tmp_path)
    made = started(tmp_path / "*")
    assert sorted(reads) == ["a", "b", "c"]
    reads.clear()
    for _ in range(3):
        assert made.look().changes == Changes()
    assert reads == []
    write(tmp_path / "b", "two")
    assert made.look().changes == Changes(True, (str(tmp_path / "b"),))
    assert reads == ["b"]


def test_a_touch_is_no_change(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write(file, "one")
    old(file)
    made = started(file)
    os.utime(file)
    assert made.look().changes == Changes()


def test_a_file_that_is_replaced_with_the_same_bytes_is_no_change(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write(file, "one")
    made = started(file)
    write(tmp_path / "new", "one")
    (tmp_path / "new").rename(file)
    assert made.look().changes == Changes()


def test_an_editors_rename_is_a_change(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write(file, "one")
    made = started(file)
    file.rename(tmp_path / "a~")
    write(file, "two")
    assert made.look().changes == Changes(True, (str(file),))


@pytest.mark.parametrize("pattern", ["*", "", "app.yml", "**"])
def test_a_configmap_is_seen_through_its_links(tmp_path: Path, pattern: str) -> None:
    """As kubelet swaps them: same bytes are nothing, one byte is a change of one file."""
    volume = tmp_path / "config"

    def publish(version: str, app: str, other: str) -> None:
        write(volume / f"..{version}/app.yml", app)
        write(volume / f"..{version}/other.yml", other)
        (volume / "..data_tmp").symlink_to(f"..{version}")
        (volume / "..data_tmp").rename(volume / "..data")

    publish("1", "app", "other")
    for name in ("app.yml", "other.yml"):
        (volume / name).symlink_to(f"..data/{name}")
    made = started(volume / pattern if pattern else volume)
    publish("2", "app", "other")
    assert made.look().changes == Changes()
    publish("3", "App", "other")
    assert made.look().changes == Changes(True, (str(volume / "app.yml"),))


def test_a_glob_sees_new_files_and_new_directories(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "x")
    made = started(tmp_path / "**/*.yml")
    write(tmp_path / "sub/new.yml", "x")
    assert made.look().changes == Changes(True, (str(tmp_path / "sub/new.yml"),))
    made.contents.accept()
    write(tmp_path / "sub/deep/more.yml", "x")
    assert made.look().changes == Changes(True, (str(tmp_path / "sub/deep/more.yml"),))


def test_a_path_that_does_not_exist_is_watched_until_it_does(tmp_path: Path) -> None:
    file, folder = tmp_path / "no/file", tmp_path / "no/folder"
    made = started(file, folder, tmp_path / "none/*.yml")
    assert made.look().changes == Changes()
    write(file, "x")
    assert made.look().changes == Changes(True, (str(file),))
    write(folder / "below", "x")
    write(tmp_path / "none/c.yml", "x")
    assert made.look().changes.changed == tuple(
        sorted(map(str, (file, folder / "below", tmp_path / "none/c.yml")))
    )


def test_a_file_that_is_away_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write(file, "one")
    made = started(file, tmp_path / "*")
    file.unlink()
    assert made.look().changes == Changes(gone=(str(file),))
    assert made.look().changes == Changes()
    write(file, "one")
    assert made.look().changes == Changes(back=(str(file),))
    file.unlink()
    made.look()
    write(file, "two")
    assert made.look().changes == Changes(True, (str(file),), back=(str(file),))


def test_two_writes_within_one_tick_are_told_apart(tmp_path: Path) -> None:
    """The second has the size, the inode and the time of the first."""
    file = tmp_path / "a"
    write(file, "one")
    made = started(file)
    write(file, "two")
    now = time.time_ns()
    os.utime(file, ns=(now, now))
    assert made.look().changes.moved
    with file.open("r+") as stream:
        stream.write("six")
    os.utime(file, ns=(now, now))
    assert made.look().changes.moved
    assert not made.look().changes.moved


def test_a_directory_that_changes_within_one_tick_of_its_listing_is_listed_again(tmp_path: Path) -> None:
    write(tmp_path / "a", "x")
    made = started(tmp_path / "*")
    status = tmp_path.stat()
    write(tmp_path / "b", "x")
    os.utime(tmp_path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert made.look().changes.changed == (str(tmp_path / "b"),)


def test_a_large_file_counts_by_size_inode_and_time(tmp_path: Path, reads: list[str]) -> None:
    file = tmp_path / "big"
    file.write_bytes(bytes(LONGEST + 1))
    old(file)
    made = started(file)
    os.utime(file)
    assert made.look().changes.moved
    exactly = tmp_path / "exact"
    exactly.write_bytes(bytes(LONGEST))
    made = started(exactly)
    os.utime(exactly)
    assert not made.look().changes.moved


def test_a_file_that_cannot_be_read_is_told_once_and_counts_by_its_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    write(file, "one")
    old(file)

    def refuse(path: str, *_: object) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(scanning, "_mark", refuse)
    made = scanner(file)
    assert made.look().unreadable == (f"{file}: Permission denied",)
    made.contents.accept()
    write(file, "more")
    look = made.look()
    assert (look.changes.moved, look.unreadable) == (True, ())


def test_a_pipe_and_a_directory_in_its_place_are_away(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write(file, "one")
    made = started(file)
    file.unlink()
    os.mkfifo(file)
    assert made.look().changes == Changes(gone=(str(file),))
    file.unlink()
    file.mkdir()
    assert made.look().changes == Changes()
    file.rmdir()
    write(file, "one")
    assert made.look().changes == Changes(back=(str(file),))


def test_one_look_reads_so_much_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "READ_AT_ONCE", 10)
    for number in range(10):
        write(tmp_path / str(number), "12345")
    old(*tmp_path.glob("*"))
    made = scanner(tmp_path / "*")
    looks = 1
    while made.look().unread:
        looks += 1
    assert looks == 5
    made.contents.accept()
    assert made.look().changes == Changes()


def test_a_file_with_another_owners_name_or_bytes_is_no_trouble(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\xfe.yml"
    with open(name, "w") as file:
        file.write("x")
    made = started(tmp_path / "*.yml")
    assert found(made) == [os.fsdecode(b"\xff\xfe.yml")]


def test_a_thousand_files_cost_a_thousand_stats_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: a stat for each file and each directory, nothing else (the time is in the benchmarks)."""
    for number in range(1000):
        write(tmp_path / f"d{number % 10}" / f"{number}.yml", "x")
    old(*tmp_path.glob("*/*"), *tmp_path.glob("*"), tmp_path)
    made = started(tmp_path / "**/*.yml")
    calls: dict[str, int] = {}

    def counted(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            calls[name] = calls.get(name, 0) + 1
            return real(*args, **options)

        return call

    for name in ("stat", "open", "listdir", "lstat", "scandir"):
        monkeypatch.setattr(os, name, counted(name, getattr(os, name)))
    look = made.look()
    assert calls == {"stat": 1011}
    assert look.files == 1000


# -- mounts ----------------------------------------------------------------------------------------------


def test_a_file_that_is_mounted_alone_is_named() -> None:
    lines = (
        b"22 1 0:21 / / rw,relatime - overlay overlay rw\n"
        b"30 22 8:1 /srv/app.yml /etc/app.yml ro,relatime - ext4 /dev/sda1 rw\n"
        b"31 22 8:1 /srv/with\\040blank /etc/with\\040blank\\134x rw - ext4 /dev/sda1 rw\n"
        b"32 22 8:1 /srv/dir /etc/dir rw - ext4 /dev/sda1 rw\n"
        b"nonsense\n"
    )
    points = mount_points(lines)
    assert points == {"/", "/etc/app.yml", "/etc/with blank\\x", "/etc/dir"}
    assert mounted_alone(["/etc/app.yml", "/etc/dir/a.yml", "/etc/with blank\\x"], points) == [
        "/etc/app.yml", "/etc/with blank\\x",
    ]  # fmt: skip
    assert mount_points(b"") == set()
