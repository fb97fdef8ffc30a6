"""The memory cgroup as files: where it is, and what they say. The files are copies of real ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervice.lean.text import size
from supervice.pid1.cgroup import Cgroup, KillCounter, find
from supervice.pid1.container_memory import Memory, kills_whole_container, look, words
from tests.fakes.loop import FakeLoop

MIB = 1024 * 1024
V1 = "9:name=systemd:/docker/ab\n4:cpu,memory:/docker/ab\n0::/docker/ab\n"


def write(directory: Path, **files: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text)


def found(tmp_path: Path, membership: str) -> tuple[str, int] | None:
    file = tmp_path / "self_cgroup"
    file.write_text(membership)
    one = find(str(tmp_path / "sys"), str(file))
    return None if one is None else (os.path.relpath(one.path, tmp_path / "sys"), one.version)


def test_v2_with_a_namespace_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "sys", memory__events="oom_kill 0\n")
    assert found(tmp_path, "0::/\n") == (".", 2)


def test_v2_below_the_mount(tmp_path: Path) -> None:
    write(tmp_path / "sys/pod/one", memory__events="oom_kill 0\n")
    write(tmp_path / "sys", memory__events="oom_kill 9\n")
    assert found(tmp_path, "0::/pod/one\n") == ("pod/one", 2)


def test_v1_shows_the_container_s_cgroup_as_the_mount(tmp_path: Path) -> None:
    write(tmp_path / "sys/memory", memory__oom_control="oom_kill 0\n")
    assert found(tmp_path, V1) == ("memory", 1)


def test_a_hybrid_has_its_memory_in_v1(tmp_path: Path) -> None:
    write(tmp_path / "sys/memory/docker/ab", memory__oom_control="oom_kill 0\n")
    write(tmp_path / "sys/unified", cgroup__events="populated 1\n")
    assert found(tmp_path, V1) == ("memory/docker/ab", 1)


@pytest.mark.parametrize("membership", ["", "garbage", "0::/", V1])
def test_without_a_cgroup_there_is_none(tmp_path: Path, membership: str) -> None:
    assert found(tmp_path, membership) is None
    assert find(str(tmp_path), str(tmp_path / "missing")) is None


@pytest.mark.parametrize(
    ("version", "name", "text", "count"),
    [
        (2, "memory.events", "low 0\nhigh 0\nmax 40\noom 3\noom_kill 2\noom_group_kill 0\n", 2),
        (1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n", 5),
        (1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n", None),  # before Linux 4.13
        (2, "memory.events", "oom_kill nonsense\n", None),
    ],
)
def test_the_counter(tmp_path: Path, version: int, name: str, text: str, count: int | None) -> None:
    (tmp_path / name).write_text(text)
    counter = KillCounter(Cgroup(str(tmp_path), version, str(tmp_path)))
    assert counter.read() == count
    # a file that is no cgroup's cannot be waited for
    assert counter.watch(FakeLoop(), lambda: None) is False
    counter.close()


def test_what_v2_says(tmp_path: Path) -> None:
    write(
        tmp_path / "pod",
        memory__current=f"{300 * MIB}\n",
        memory__max="max\n",
        memory__peak=f"{500 * MIB}\n",
        memory__stat=f"anon {MIB}\ninactive_file {20 * MIB}\n",
        memory__swap__current="0\n",
        memory__swap__max="max\n",
    )
    write(tmp_path, memory__max=f"{512 * MIB}\n")  # of the pod, above the container
    memory = look(Cgroup(str(tmp_path / "pod"), 2, str(tmp_path)))
    assert memory == Memory(280 * MIB, 512 * MIB, 500 * MIB, 0, None)


def test_what_v1_says(tmp_path: Path) -> None:
    write(
        tmp_path,
        memory__usage_in_bytes=f"{60 * MIB}\n",
        memory__limit_in_bytes=f"{64 * MIB}\n",
        memory__max_usage_in_bytes=f"{64 * MIB}\n",
        memory__memsw__usage_in_bytes=f"{70 * MIB}\n",
        memory__memsw__limit_in_bytes=f"{128 * MIB}\n",
        memory__stat=f"total_inactive_file {MIB}\nhierarchical_memory_limit {64 * MIB}\n",
    )
    memory = look(Cgroup(str(tmp_path), 1, str(tmp_path)))
    assert memory == Memory(59 * MIB, 64 * MIB, 64 * MIB, 10 * MIB, 64 * MIB)


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "memory.limit_in_bytes").write_text(f"{2**63 - 4096}\n")
    for version in (1, 2):
        assert look(Cgroup(str(tmp_path), version, str(tmp_path))) == Memory()


@pytest.mark.parametrize(("text", "whole"), [("1\n", True), ("0\n", False), ("", False)])
def test_whether_the_kernel_kills_the_whole_container(tmp_path: Path, text: str, whole: bool) -> None:
    (tmp_path / "memory.oom.group").write_text(text)
    assert kills_whole_container(Cgroup(str(tmp_path), 2, str(tmp_path))) is whole
    assert kills_whole_container(Cgroup(str(tmp_path), 1, str(tmp_path))) is False


@pytest.mark.parametrize(
    ("memory", "text"),
    [
        (Memory(limit=512 * MIB), "container limit 512 MiB"),
        (Memory(limit=512 * MIB, peak=512 * MIB, swap=0), "container limit 512 MiB"),
        (Memory(limit=512 * MIB, peak=100 * MIB), "container limit 512 MiB, peak 100 MiB"),
        (Memory(peak=100 * MIB), "no container limit, peak 100 MiB"),
        (
            Memory(limit=3 * 512 * MIB, swap=MIB, swap_limit=2 * MIB),
            "container limit 1.5 GiB, swap 1 MiB of 2 MiB",
        ),
        (Memory(limit=64 * MIB, swap=252 * 1024, swap_limit=0), "container limit 64 MiB"),  # v1 is not exact
        (Memory(), "no container limit"),
    ],
)
def test_the_reason_names_facts(memory: Memory, text: str) -> None:
    assert words(memory) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (512 * MIB, "512 MiB"), (2**50, "1024 TiB")],
)
def test_sizes_for_people(count: int, text: str) -> None:
    assert size(count) == text
