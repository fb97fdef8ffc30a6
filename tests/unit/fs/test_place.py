"""The walk to a file: which links are followed, and what is opened at its end."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from supervice.fs import place as place_module
from supervice.fs.files import APPEND, open_or_create, read_file, rewrite
from supervice.fs.place import Place, Refused, identity

STRANGER, OTHER = 12345, 54321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs files of other users")


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """`own` is ours, `theirs` the stranger's; no descriptor may be left."""
    for name in ("own", "theirs"):
        (tmp_path / name).mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(tmp_path / "theirs", STRANGER, STRANGER)
    before = len(os.listdir("/proc/self/fd"))
    yield tmp_path
    assert len(os.listdir("/proc/self/fd")) == before


def give(path: Path, uid: int = STRANGER) -> Path:
    os.chown(path, uid, uid, follow_symlinks=False)
    return path


def where(path: Path | str) -> str:
    with Place(str(path)) as place:
        assert os.readlink(f"/proc/self/fd/{place.fd}") == os.path.dirname(place.path)
        return place.path


# -- the way ---------------------------------------------------------------------------------------------


def test_the_path_comes_out_without_links_as_the_kernel_reads_it(tree: Path) -> None:
    (tree / "own" / "deep").mkdir()
    (tree / "link").symlink_to("own")
    (tree / "up").symlink_to(tree / "own" / "deep" / "..")
    (tree / "own" / "file").write_text("")
    (tree / "named").symlink_to("link/file")
    for text in ("own/file", "link/file", "up/file", "named", "./own//deep/../file", "link/deep/../../named"):
        assert where(tree / text) == str(tree / "own" / "file"), text
        assert where(f"{tree}/{text}") == str(tree / "own" / "file"), text
    assert where(tree / "own" / "not there") == str(tree / "own" / "not there")
    (tree / "dangling").symlink_to("own/new")
    assert where(tree / "dangling") == str(tree / "own" / "new")
    with Place(str(tree / "named"), follow_last=False) as place:
        assert place.path == str(tree / "named")


def test_a_relative_path_begins_where_we_are(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "own")
    assert where("file") == str(tree / "own" / "file")
    assert where("../own/./file") == str(tree / "own" / "file")


def test_links_of_the_kernel_in_proc_are_its_own_business() -> None:
    for text in ("/proc/self/fd/1", "/dev/fd/1", "/dev/stdout"):
        with Place(text) as place:
            assert place.path == "/proc/self/fd/1"
            assert place.in_proc
            assert identity(place.reached()) == identity(os.fstat(1))
    with Place("/proc/self/root/etc/passwd") as place:
        assert not place.in_proc
        assert identity(place.stat()) == identity(os.lstat("/etc/passwd"))


@pytest.mark.parametrize("text", ["nowhere/file", "file/below", "loop", "loop/below"])
def test_what_leads_nowhere_is_an_ordinary_error(tree: Path, text: str) -> None:
    (tree / "file").write_text("")
    (tree / "loop").symlink_to("loop")
    with pytest.raises(OSError) as caught:
        Place(str(tree / text))
    assert not isinstance(caught.value, Refused)


@needs_root
def test_a_link_of_a_strangers_is_refused_at_every_part(tree: Path) -> None:
    (tree / "own" / "file").write_text("")
    (tree / "directory").symlink_to("own")
    give(tree / "directory")
    (tree / "last").symlink_to("own/file")
    give(tree / "last")
    (tree / "ours").symlink_to("directory")
    for text, part in (
        ("directory/file", "directory"),
        ("last", "last"),
        ("ours/file", "directory"),
        ("own/../directory/file", "directory"),
    ):
        with pytest.raises(Refused) as caught:
            Place(f"{tree}/{text}")
        assert f"{tree}/{part} is a symbolic link of uid 12345" in f"{tree}/{part} {caught.value.strerror}"
        assert "remove it" in str(caught.value.strerror)
    with Place(str(tree / "last"), follow_last=False) as place, pytest.raises(Refused):
        place.open(os.O_RDONLY)


@needs_root
def test_a_link_swapped_between_the_looks_is_not_followed(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read is the link whose owner was looked at, and a link of ours that became a directory is none."""
    (tree / "theirs" / "ours").symlink_to(tree / "own")
    (tree / "theirs" / "evil").symlink_to("/etc")
    give(tree / "theirs" / "evil")
    real = os.fstat

    def swap(fd: int) -> os.stat_result:
        status = real(fd)
        if stat.S_ISLNK(status.st_mode) and (tree / "theirs" / "evil").is_symlink():
            (tree / "theirs" / "evil").rename(tree / "theirs" / "ours")
        return status

    monkeypatch.setattr(os, "fstat", swap)
    Place(str(tree / "theirs" / "ours" / "passwd")).close()
    monkeypatch.undo()
    assert os.readlink(tree / "theirs" / "ours") == "/etc", "it was swapped"


names = st.sampled_from(["a", "b", "c", "..", ".", ""])


@settings(max_examples=300, deadline=None)
@given(
    links=st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.lists(names, min_size=1, max_size=4), max_size=3
    ),
    path=st.lists(names, min_size=1, max_size=6),
    absolute=st.booleans(),
)
@example(links={"a": ["b", "b", ""]}, path=["a"], absolute=False)
def test_it_goes_where_the_kernel_goes(
    tmp_path_factory: pytest.TempPathFactory, links: dict[str, list[str]], path: list[str], absolute: bool
) -> None:
    """For random trees of links: the same file, or an error where the kernel has one too."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("a", "b", "c"):
        if name in links:
            target = "/".join(links[name])
            (tree / name).symlink_to(f"{tree}/{target}" if absolute else target or ".")
        else:
            (tree / name).mkdir()
            (tree / name / "a").mkdir()
            (tree / name / "b").write_text("")
    text = f"{tree}/{'/'.join(path)}"
    try:
        expected = identity(os.stat(text.rstrip("/")))
    except OSError:
        expected = None
    try:
        with Place(text) as place:
            found = identity(place.stat())
    except OSError:
        found = None
    assert found == expected, text


def test_without_proc_it_walks(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "link").symlink_to("own")
    monkeypatch.setattr(place_module, "_straight", lambda _path: None)
    assert where(tree / "own" / "file") == str(tree / "own" / "file")
    assert where(tree / "link" / "file") == str(tree / "own" / "file")


# -- what is opened --------------------------------------------------------------------------------------


def opened(path: Path, **how: object) -> str:
    """ "" when it is opened for appending, else why not."""
    try:
        with Place(str(path)) as place:
            os.close(open_or_create(place, APPEND, 0o640, **how))  # type: ignore[arg-type]
    except Refused as error:
        return str(error.strerror)
    return ""


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes_are_ours(tree: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        opened(tree / "own" / "usual")
        opened(tree / "own" / "exact", exact=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tree / "own" / "usual").stat().st_mode) == 0o640 & ~umask
    assert stat.S_IMODE((tree / "own" / "exact").stat().st_mode) == 0o640
    for path in (tree / "own").iterdir():
        assert path.stat().st_uid == os.geteuid()


def test_descriptors_are_closed_on_exec_and_never_wait(tree: Path) -> None:
    with Place(str(tree / "own" / "file")) as place:
        for fd in (open_or_create(place, APPEND, 0o640), place.open(os.O_RDONLY)):
            assert not os.get_inheritable(fd)
            assert not os.get_blocking(fd)
            os.close(fd)


@pytest.mark.parametrize("kind", ["directory", "FIFO", "socket"])
def test_only_regular_files(tree: Path, kind: str) -> None:
    import socket

    path = tree / "own" / "x"
    if kind == "directory":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
    assert f"is a {kind} of uid {os.geteuid()}, not a regular file; remove it" in opened(path)
    with pytest.raises(Refused, match="not a regular file"):
        read_file(str(path), 100)
    with pytest.raises(OSError):
        rewrite(str(path), b"x", 0o644)


def test_a_device_is_opened_where_it_is_asked_for(tree: Path) -> None:
    with Place("/dev/null") as place:
        with pytest.raises(Refused, match="a device"):
            place.open(os.O_WRONLY)
        os.close(place.open(os.O_WRONLY, device=True))
    rewrite("/dev/null", b"nobody reads it", 0o644)
    with Place(str(tree)) as place, pytest.raises(Refused, match="a directory"):
        place.open(os.O_RDONLY, device=True)


@needs_root
@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6777])
@pytest.mark.parametrize("directory", ["own", "theirs"])
def test_no_set_id_file(tree: Path, directory: str, mode: int) -> None:
    path = tree / directory / "x"
    path.write_text("")
    path.chmod(mode)
    assert f"set-id file (mode {mode:04o})" in opened(path)


@needs_root
def test_hard_links_where_strangers_can_make_them(tree: Path) -> None:
    for directory, refused in (("own", False), ("theirs", True)):
        path = tree / directory / "x"
        (tree / f"victim-{directory}").write_text("")
        path.hardlink_to(tree / f"victim-{directory}")
        assert ("2 names" in opened(path)) == refused


@needs_root
def test_whose_file_it_may_be(tree: Path) -> None:
    """In a directory that others can write: root's, ours and the directory owner's, if `owners` says no other."""
    theirs = tree / "theirs"
    for uid, usual, strict in ((0, True, True), (STRANGER, True, False), (OTHER, False, False)):
        path = theirs / f"of-{uid}"
        path.write_text("")
        give(path, uid)
        assert (opened(path) == "") == usual
        assert (opened(path, owners=()) == "") == strict
        assert (opened(path, owners=(uid,)) == "") is True
    (tree / "own" / "x").write_text("")
    assert opened(give(tree / "own" / "x", OTHER)) == "", "only root and we can have put it there"
    (tree / "own").chmod(0o1777)
    assert "belongs to uid 54321" in opened(tree / "own" / "x")
    (tree / "own").chmod(0o775)
    assert opened(tree / "own" / "x") == "", "the group root is root's"
    os.chown(tree / "own", 0, 4)
    assert "belongs to uid 54321" in opened(tree / "own" / "x")


@needs_root
def test_a_device_of_a_strangers_is_none_that_the_configuration_names(tree: Path) -> None:
    for uid in (0, STRANGER):
        path = tree / "theirs" / f"fifo-{uid}"
        os.mkfifo(path)
        give(path, uid)
        with Place(str(path)) as place:
            if uid:
                with pytest.raises(Refused, match="FIFO of uid 12345"):
                    place.open(os.O_RDWR, device=True)
            else:
                os.close(place.open(os.O_RDWR, device=True))


# -- what is changed and removed -------------------------------------------------------------------------


def test_only_the_file_that_is_meant_is_removed(tree: Path) -> None:
    path = tree / "own" / "x"
    path.write_text("first")
    ours = identity(path.stat())
    with Place(str(path)) as place:
        path.rename(tree / "own" / "kept")
        path.write_text("second")
        assert not place.remove("x", ours)
        assert not place.remove("nowhere", ours)
        assert path.read_text() == "second"
        assert place.remove("kept", ours)
    assert not (tree / "own" / "kept").exists()


def test_what_was_opened_stays_when_its_directory_is_swapped(tree: Path) -> None:
    with Place(str(tree / "own" / "x")) as place:
        (tree / "own").rename(tree / "moved")
        (tree / "own").symlink_to(tree / "theirs")
        os.close(open_or_create(place, APPEND, 0o640))
        place.rename("x", "x.1")
    assert [p.name for p in (tree / "moved").iterdir()] == ["x.1"]
    assert list((tree / "theirs").iterdir()) == []


@needs_root
def test_a_temporary_file_is_swept_only_when_it_is_ours(tree: Path) -> None:
    victim = tree / "victim"
    victim.write_text("")
    for name in ("ours", "theirs", "link", "linked", "directory"):
        path = tree / "theirs" / name
        if name == "link":
            path.symlink_to(victim)
        elif name == "linked":
            path.hardlink_to(victim)
        elif name == "directory":
            path.mkdir()
        else:
            path.write_text("")
        if name == "theirs":
            give(path)
        with Place(str(path)) as place:
            place.sweep(name)
        assert os.path.lexists(path) == (name != "ours"), name
    with Place(str(victim)) as place:
        place.sweep("not there")


def test_names_are_listed_up_to_a_limit(tree: Path) -> None:
    for number in range(5):
        (tree / "own" / str(number)).write_text("")
    with Place(str(tree / "own" / "x")) as place:
        assert sorted(place.names(5) or ()) == ["0", "1", "2", "3", "4"]
        assert place.names(4) is None


@needs_root
def test_whether_the_text_of_a_path_is_as_good_as_its_directory(tree: Path) -> None:
    def fixed(path: Path) -> bool:
        with Place(str(path), follow_last=False) as place:
            return place.is_fixed(str(path))

    assert fixed(tree / "own" / "x")
    assert not fixed(tree / "theirs" / "x")
    (tree / "theirs" / "below").mkdir()
    assert not fixed(tree / "theirs" / "below" / "x"), "its directory can be moved away"
    (tree / "theirs" / "link").symlink_to(tree / "own")
    assert not fixed(tree / "theirs" / "link" / "x"), "the link can be replaced"
    (tree / "own").chmod(0o1777)
    assert fixed(tree / "own" / "x"), "as /tmp: what is ours there stays"
    (tree / "own").chmod(0o777)
    assert not fixed(tree / "own" / "x")


def test_a_file_is_rewritten_in_place(tree: Path) -> None:
    """An orchestrator has mounted this very file."""
    path = tree / "own" / "x"
    rewrite(str(path), b"a longer text", 0o644)
    inode = path.stat().st_ino
    rewrite(str(path), b"short", 0o644)
    assert (path.read_bytes(), path.stat().st_ino) == (b"short", inode)


def test_a_file_is_read_up_to_a_size(tree: Path) -> None:
    path = tree / "own" / "x"
    path.write_bytes(b"x" * 100)
    assert read_file(str(path), 100)[0] == b"x" * 100
    with pytest.raises(OSError, match="larger"):
        read_file(str(path), 99)
