"""Who may do what over the control socket."""

from __future__ import annotations

import pytest

from supervice.control.access import READ_ONLY, access, may
from supervice.net.peer import groups_from_status

APP, OTHER, GROUP = 1000, 2000, 500


@pytest.mark.parametrize(
    ("uid", "gids", "daemon", "socket_gid", "level"),
    [
        (0, [], APP, None, "all"),
        (0, [], 0, None, "all"),
        (APP, [], APP, None, "all"),
        (APP, [GROUP], 0, GROUP, "read"),
        (OTHER, [1, GROUP, 3], APP, GROUP, "read"),
        (OTHER, [1, 3], APP, GROUP, None),
        (OTHER, [GROUP], APP, None, None),
        (APP, [], 0, None, None),
        (OTHER, [0], 0, None, None),  # root's group is not root
        (OTHER, [0], APP, 0, "read"),
    ],
)
def test_access(uid: int, gids: list[int], daemon: int, socket_gid: int | None, level: str | None) -> None:
    assert access(uid, gids, daemon, socket_gid) == level


def test_readers_may_only_read() -> None:
    for command in ("status", "logs", "events", "health", "version", "pid", "why", "graph", "boot", "wait"):
        assert command in READ_ONLY
        assert may("read", command)
        assert not may(None, command)
    for command in (
        "start",
        "stop",
        "restart",
        "reload",
        "signal",
        "shutdown",
        "reopen",
        "rotate",
        "config",
        "env",
        "anything",
    ):
        assert not may("read", command)
        assert may("all", command)


STATUS = b"Name:\tsh\nUid:\t1000\t1001\t1000\t1000\nGid:\t5\t5\t5\t5\nGroups:\t4 20 500 \n"


def test_groups_of_a_process() -> None:
    assert groups_from_status(STATUS, 1001) == {4, 20, 500}
    assert groups_from_status(b"Uid:\t1\t1\t1\t1\nGroups:\t\n", 1) == set()
    assert groups_from_status(b"", 1) == set()


def test_a_recycled_pid_lends_no_client_its_groups() -> None:
    assert groups_from_status(STATUS, 1000) == set()
