"""What processes use as cells of a table."""

from __future__ import annotations

import pytest

from supervice.control.render import status_table
from supervice.control.resource_cells import cells, container_line, cpu_time

MIB = 1024 * 1024
USED = {
    "cpu_seconds": 1.25,
    "cpu_percent": 12.34,
    "memory": 40 * MIB,
    "memory_estimated": False,
    "processes": 3,
    "open_files": 12,
}


def test_each_has_its_cell() -> None:
    assert cells({"resources": USED}) == ["12.3", "1.25s", "40 MiB", "3", "12"]
    assert cells({"resources": {**USED, "memory_estimated": True}})[2] == "~40 MiB"


@pytest.mark.parametrize("process", [{}, {"resources": None}, {"resources": {}}, {"resources": "x"}])
def test_what_is_not_known_is_not_nothing(process: dict[str, object]) -> None:
    assert cells(process) == ["-"] * 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00s"),
        (9.994, "9.99s"),
        (59.4, "59s"),
        (125, "2m05s"),
        (11521, "3h12m"),
        (None, "-"),
        (True, "-"),
    ],
)
def test_cpu_time(seconds: object, text: str) -> None:
    assert cpu_time(seconds) == text


@pytest.mark.parametrize(
    ("container", "line"),
    [
        ({"memory": 200 * MIB, "limit": 512 * MIB, "oom_kills": 0}, "container: 200 MiB of 512 MiB"),
        ({"memory": 200 * MIB, "limit": None}, "container: 200 MiB, no limit"),
        (
            {"memory": 200 * MIB, "limit": 512 * MIB, "oom_kills": 2},
            "container: 200 MiB of 512 MiB; 2 killed: out of memory",
        ),
        ({"memory": None, "limit": 5}, ""),
        (None, ""),
    ],
)
def test_the_container(container: object, line: str) -> None:
    assert container_line({"container": container}) == line


def test_the_table_has_them_where_they_were_asked_for() -> None:
    rows = [{"name": "web", "state": "RUNNING", "pid": 7, "uptime": 61, "resources": USED},
            {"name": "off", "state": "FATAL", "resources": None}]  # fmt: skip
    reply = {"processes": rows, "container": {"memory": 200 * MIB, "limit": 512 * MIB}}
    assert status_table(reply).splitlines() == [
        "container: 200 MiB of 512 MiB",
        "NAME  STATE    PID  UPTIME  CPU%    CPU  MEMORY  PROCS  FILES  HEALTH  RESTARTS  EXIT",
        "off   FATAL      -       -     -      -       -      -      -  -              -  -",
        "web   RUNNING    7    1m1s  12.3  1.25s  40 MiB      3     12  -              -  -",
    ]
    assert "CPU" not in status_table({"processes": [{"name": "web", "state": "RUNNING"}]})
