"""Peers that are built from a registry: once, only where they are measured, and with a reason when they cannot be had."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests import peer_builds
from tests.benchmarks.__main__ import steps
from tests.benchmarks.built import GoSupervisord, Horust, Pebble, ProcessCompose
from tests.benchmarks.peer import Peer, Program
from tests.benchmarks.results import Results
from tests.benchmarks.session import Bench
from tests.peer_builds import Build, Missing

PEER = Build("peer", "1.0", "npm", "peer")
CONFIGURATION = (".conf", ".toml", ".yaml")
KINDS: list[type[Peer]] = [GoSupervisord, Horust, Pebble, ProcessCompose]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tools").mkdir()
    monkeypatch.setattr(peer_builds, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", f"{tmp_path}/tools:{os.environ['PATH']}")
    return tmp_path


def tool(folder: Path, text: str) -> None:
    path = folder / "tools/npm"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_it_is_built_once(cache: Path) -> None:
    tool(cache, f"echo built >>{cache}/built")
    assert PEER.get() == PEER.get() == cache / "cache/peer-1.0/bin"
    assert (cache / "built").read_text() == "built\n"


def test_what_the_registry_says_is_the_reason(cache: Path) -> None:
    tool(cache, "echo one >&2; echo 403 Forbidden >&2; exit 1")
    with pytest.raises(Missing, match="npm fails: 403 Forbidden"):
        PEER.get()
    assert not PEER.there(), "it is tried again the next time"


def test_a_build_that_hangs_is_ended(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_builds, "LIMIT", 0.2)
    tool(cache, "exec sleep 60")
    with pytest.raises(Missing, match=r"more than 0\.2 s"):
        PEER.get()


def test_without_its_tool_it_is_missing() -> None:
    with pytest.raises(Missing, match="there is no no-such-tool"):
        Build("peer", "1.0", "no-such-tool", "peer").get()


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_measured_in_their_rows_only(kind: type[Peer]) -> None:
    bench = cast(Bench, SimpleNamespace(compiled=True, namespaces=True))
    groups = {"start", "memory", "restart", "stop", "idle", "status", "file", "stdout", "crashloop"}
    found = {group for group, _what, _do in steps(bench, kind(), groups, Results(), True)}
    assert kind.groups is not None
    assert {"start", "restart", "stop"} <= found <= kind.groups
    assert "crashloop" not in found


@pytest.mark.parametrize("kind", KINDS)
def test_each_program_is_in_its_configuration(kind: type[Peer], tmp_path: Path) -> None:
    kind(tmp_path).configure(tmp_path, [Program(name, ("/bin/child", name)) for name in ("one", "two")])
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.suffix in CONFIGURATION)
    written = written.replace('", "', " ")  # where it is told a list of words
    assert written.count("/bin/child one") == written.count("/bin/child two") == 1


@pytest.mark.parametrize(("kind", "old"), [(GoSupervisord, "p0.log.1"), (ProcessCompose, "p0-2026.log")])
def test_the_files_of_a_log_are_found_the_newest_last(kind: type[Peer], old: str, tmp_path: Path) -> None:
    command = kind(tmp_path).configure(tmp_path, [Program("p0", ("/bin/child", "p0"), "file")])
    for name in (old, "p0.log", "p01.log"):
        (tmp_path / name).touch()
    assert command
    assert [path.name for path in kind(tmp_path).logs(tmp_path, "p0")] == [old, "p0.log"]


def test_results_go_where_no_folder_is(tmp_path: Path) -> None:
    """`make bench PEERS=pebble` made none before, and lost what it had measured."""
    Results().save(tmp_path / "new/results.json")
    assert (tmp_path / "new/results.json").is_file()
