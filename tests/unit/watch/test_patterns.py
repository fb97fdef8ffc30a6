"""What a glob of `watch` and `watch_ignore` finds, beside the standard library's."""

from __future__ import annotations

import fnmatch
import itertools
import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.watch.patterns import Pattern, ignoring, is_found

ANY = re.compile("[^/]*")
NAMES = ("a", "b", "c", "d", "-", "]", "!", "&", "\\", "^", "[a", "[]", "a]", "b]", "ab", "X")


def finds(glob: str, name: str) -> bool:
    (part,) = Pattern(f"/x/{glob}").parts
    return is_found(name, part)


def test_brackets_mean_what_they_mean_to_the_standard_library() -> None:
    """Those that a regular expression reads in another way too: `[b-a]`, `[a--]`, `[&&b]`, `[]-a]`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # re warns of sets that may mean something else one day
        for length in range(1, 5):
            for inside in itertools.product("a-c]&\\", repeat=length):
                for glob in (f"[{''.join(inside)}", f"[!{''.join(inside)}"):
                    for name in NAMES:
                        assert finds(glob, name) == fnmatch.fnmatchcase(name, glob), (glob, name)


@given(st.text("ab*?[]!^-.\\&~|{}()+$ \n", max_size=12))
def test_no_glob_is_an_error(glob: str) -> None:
    Pattern(f"/x/{glob}")
    ignoring([glob, f"x/{glob}"], [])("/x/a")


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("*.yml", ["a.yml", "a.b.yml"], [".yml", ".a.yml", "a.yml2", "a.ymk", "ayml"]),
        ("?.yml", ["a.yml"], ["ab.yml", "a.yml2", ".yml"]),
        ("[ab]", ["a", "b"], ["c", "ab"]),
        ("[!ab]", ["c"], ["a", "b", ".", "cc"]),
        ("[^ab]", ["c", "^"], ["a", "b"]),
        ("[a^]", ["a", "^"], ["b"]),
        ("[]a]?", ["]x", "ax"], ["bx", "[]a]x"]),
        ("[!]a]", ["b"], ["]", "a"]),
        ("[^]a]", ["b"], ["]", "a"]),
        ("[a-c]x", ["ax", "bx", "cx"], ["dx", "-x"]),
        ("[c-a]*", [], ["a", "b", "c", "-", "c-a"]),
        ("[!c-a]", ["a", "b", "-"], []),
        ("[a-]", ["a", "-"], ["b"]),
        ("*[", ["[", "a["], ["a"]),
        ("*[!", ["a[!"], ["a"]),
        ("*.[ch]", ["x.c", "x.h"], ["x.o", "x.ch"]),
        (".*", [".env"], ["env", ".git", ".x.swp", ".x~", ".x.tmp"]),
        ("[.]*", [], [".env"]),
        (
            "*",
            ["a", "a.git", "node_modules2"],
            [".env", "node_modules", "__pycache__", "a~", "a.swp", "a.tmp"],
        ),
        ("*a(b)+", ["xa(b)+"], ["xab", "xabb"]),
    ],
)
def test_what_a_glob_finds(glob: str, yes: list[str], no: list[str]) -> None:
    assert [name for name in yes + no if finds(glob, name)] == yes


@pytest.mark.parametrize(
    ("text", "base", "rest"),
    [
        ("/etc/app.yml", "/etc/app.yml", []),
        ("/etc//app/", "/etc/app", []),
        ("/etc/*/x", "/etc", [ANY, "x"]),
        ("/*", "/", [ANY]),
        ("/etc/*/**/**", "/etc", [ANY, "**"]),
        ("/etc/**", "/etc", ["**"]),
        ("/etc/**/**/**/x", "/etc", ["**", "x"]),
        ("/etc/**/a/**", "/etc", ["**", "a", "**"]),
    ],
)
def test_a_pattern_is_a_place_and_what_is_below_it(text: str, base: str, rest: list[object]) -> None:
    pattern = Pattern(text)
    assert pattern.text == text
    assert pattern.base == base
    assert pattern.parts == rest


@pytest.mark.parametrize(
    ("globs", "yes", "no"),
    [
        ([], [], ["/a", "/a/b"]),
        (["*.log"], ["/a.log", "/a.log/b", "/x/a.log", "/x/.log"], ["/a.logs", "/alog"]),
        (["cache"], ["/cache", "/x/cache", "/x/cache/y"], ["/caches", "/x/acache"]),
        (["cache/"], ["/cache", "/x/cache/y"], ["/caches"]),
        (["cacheX/"], ["/cacheX", "/x/cacheX/y"], ["/cache"]),
        (["*.a", "*.b", "x/c", "x/d"], ["/1.a", "/1.b", "/x/c", "/x/d"], ["/c", "/1.c"]),
        (["cache//"], ["/x/cache/y"], ["/caches"]),
        (["cache/**"], ["/cache", "/x/cache/y"], ["/caches"]),
        (["/srv/x"], ["/srv/x", "/srv/x/y/z"], ["/srv/xy", "/a/srv/x", "/srv"]),
        (["/srv/x/"], ["/srv/x", "/srv/x/y"], ["/srv/xy"]),
        (["/srv/*/y"], ["/srv/x/y", "/srv/x/y/z"], ["/srv/x/z/y", "/srv/y"]),
        (["/srv/**/y"], ["/srv/y", "/srv/a/y", "/srv/a/b/y/c"], ["/srvy", "/srv/ay", "/y"]),
        (["sub/y"], ["/sub/y", "/a/sub/y", "/a/b/sub/y/z"], ["/y", "/sub/a/y", "/asub/y"]),
        (["/srv/x", "*.log", "a/b"], ["/srv/x/1", "/q/w.log", "/x/a/b"], ["/srv", "/a/c/b"]),
        (["/srv/a\nb"], ["/srv/a\nb", "/srv/a\nb/c\nd"], ["/srv/a"]),
        (["/", ""], [], ["/", "/a"]),
        (["/srv[.-0]x"], ["/srv.x", "/srv0x"], ["/srv/x"]),
        (["/srv[!a]x"], ["/srvbx"], ["/srv/x", "/srvax"]),
        (["/srv?x", "/srv*y"], ["/srvbx", "/srvby"], ["/srv/x", "/srv/y"]),
    ],
)
def test_what_is_ignored(globs: list[str], yes: list[str], no: list[str]) -> None:
    is_ignored = ignoring(globs, ["/log/web.log"])
    assert [path for path in yes + no if is_ignored(path)] == yes


@pytest.mark.parametrize("globs", [[], ["*.txt"], ["a/b"]])
def test_our_own_log_files_are_ignored_with_their_backups(globs: list[str]) -> None:
    is_ignored = ignoring(globs, ["/log/web.log", "/log/b"])
    ours = ["/log/web.log", "/log/web.log.1", "/log/web.log.2.gz", "/log/b", "/log/b.1"]
    others = ["/log/web.log2", "/log/web", "/web.log", "/log/web.log/x", "/log/bc"]
    assert [path for path in ours + others if is_ignored(path)] == ours
