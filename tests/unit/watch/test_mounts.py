"""Mount points, as the kernel writes them: blanks, tabs, newlines and backslashes in octal, other bytes as they are."""

from __future__ import annotations

import pytest

from supervice.watch.mounts import mount_points, mounted_alone


@pytest.mark.parametrize(
    ("word", "path"),
    [
        (rb"/etc/app.yml", "/etc/app.yml"),
        (rb"/with\040blank\011tab\012line\134x", "/with blank\ttab\nline\\x"),
        (rb"/a\134040", "/a\\040"),
        (rb"/ends\040", "/ends "),
        (rb"/\104\377\303\251", "/D\udcff\u00e9"),
        (b"/\xff", "/\udcff"),
        (b"/a\rb\x0bc\x0cd\x85e", "/a\rb\x0bc\x0cd\udc85e"),
        (rb"/a\04", r"/a\04"),
        (rb"/a\X00b", r"/a\X00b"),
        (rb"/a\089", r"/a\089"),
        (rb"/a\xyz", r"/a\xyz"),
        (rb"/a\\b", r"/a\\b"),
    ],
)
def test_the_name_of_a_mount_point(word: bytes, path: str) -> None:
    line = b"30 22 8:1 /srv " + word + b" ro,relatime - ext4 /dev/sda1 rw\n"
    assert mount_points(line) == {path}
    assert mount_points(b"1 2 3 / / rw\n" + line + b"4 5 6 / /x rw\n") == {"/", path, "/x"}


def test_what_is_no_line_of_it_names_nothing() -> None:
    assert mount_points(b"") == set()
    assert mount_points(b"nonsense\n\n1 2 3 /four\n") == set()
    assert mount_points(b"1 2 3 / /five") == {"/five"}


def test_only_files_that_are_mount_points_themselves() -> None:
    points = {"/etc/app.yml", "/etc/dir"}
    assert mounted_alone(["/etc/b", "/etc/app.yml", "/etc/dir/a"], points) == ["/etc/app.yml"]
    assert mounted_alone([], points) == []
