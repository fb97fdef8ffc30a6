"""`docker exec CONTAINER supervicectl ...`: without options, and for those who may."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.container.helpers import Box

SLEEPERS = """
[program:one]
command = sleep 1000
startsecs = 0

[program:two]
command = sleep 1000
startsecs = 0

[program:three]
command = sleep 1000
startsecs = 0

[group:pair]
programs = two,three
"""

PLAIN = "[supervice]\n" + SLEEPERS

# The mode lets every user in, so that what is refused is refused by the daemon.
OPEN = "[supervice]\nsocket_mode = 0666\n" + SLEEPERS
FOR_A_GROUP = "[supervice]\nsocket_group = users\n" + SLEEPERS
USERS = 100  # the gid of `users` in Debian


@pytest.mark.long
def test_the_verbs(run: Callable[..., Box], image_for: Callable[[str], str], base: str) -> None:
    box = run(config=PLAIN, image=image_for(base), wait=True)
    table = box.ctl("status").output
    assert all(name in table for name in ("one", "two", "three", "RUNNING"))
    assert box.ctl("version").output.startswith("supervice ")
    assert box.ctl("pid").output == "1\n"
    first = box.pid("one")
    assert box.ctl("pid", "one").output == f"{first}\n"

    assert box.ctl("restart", "one").output == "Restarted one\n"
    second = box.pid("one")
    assert second != first
    assert box.ctl("restart", "--force", "one").output == "Restarted one\n"
    assert box.pid("one") != second

    assert box.ctl("stop", "one").output == "Stopped one\n"
    assert box.ctl("status", "one", check=False).code == 3
    assert "already" in box.ctl("stop", "one").output
    assert box.ctl("start", "one").output == "Started one\n"
    assert "already" in box.ctl("start", "one").output

    box.ctl("stopgroup", "pair")
    assert {name: p["state"] for name, p in box.status().items()} == {
        "one": "RUNNING",
        "two": "STOPPED",
        "three": "STOPPED",
    }
    box.ctl("startgroup", "pair")
    box.wait_state("one", "two", "three")

    box.ctl("signal", "KILL", "two")
    box.wait_state("two")
    assert box.status()["two"]["restarts"] == 1  # those that were not asked for

    unknown = box.ctl("start", "for", check=False)
    assert unknown.code == 1
    assert "for" in unknown.output
    assert box.ctl("no-such-verb", check=False).code == 2
    assert box.ctl("health").code == 0


def test_a_failed_start_is_told_and_the_failure_is_true(run: Callable[..., Box]) -> None:
    """`start` of what never gets to RUNNING must not claim success, nor start it behind our back."""
    config = """\
[supervice]
[program:bad]
command = sh -c 'exit 3'
autostart = false
startretries = 1
backoff = 0.1
[program:good]
command = sleep 1000
startsecs = 0
"""
    box = run(config=config, wait=["good"])
    for _ in range(2):  # from STOPPED, then from FATAL
        told = box.ctl("start", "bad", check=False)
        assert told.code == 1
        assert "FATAL" in told.output
        assert "exit code 3" in told.output
        row = box.status()["bad"]
        assert row["state"] == "FATAL"
        assert row["exitcode"] == 3
        assert "exit code 3" in row["reason"]


def test_a_command_that_does_not_exist(run: Callable[..., Box]) -> None:
    config = """\
[supervice]
[program:late]
command = /usr/local/bin/late
startsecs = 0
backoff = 0.2
startretries = 100
[program:never]
command = /nowhere/at-all
startretries = 1
backoff = 0.1
"""
    box = run(config=config)
    box.wait_state("never", state="FATAL")
    assert "/nowhere/at-all" in box.status()["never"]["reason"]
    assert box.status()["never"]["exitcode"] == 127
    assert box.state("late") in ("BACKOFF", "STARTING")
    # It heals: what was not there at the first try is found at a later one.
    box.exec("sh", "-c", "printf '#!/bin/sh\\nexec sleep 1000\\n' >/tmp/late", check=True)
    box.exec("sh", "-c", "chmod 755 /tmp/late && mv /tmp/late /usr/local/bin/late", check=True)
    box.wait_state("late")


def test_other_users_are_refused(run: Callable[..., Box]) -> None:
    box = run(config=PLAIN, wait=True)
    for verb in (["status"], ["stop", "one"], ["shutdown"]):
        refused = box.ctl(*verb, user="nobody", check=False)
        assert refused.code == 4  # the mode of the socket: there is no daemon for them
        assert "permission denied" in refused.output
        assert "root" in refused.output  # what to do
    box.wait_state("one")


def test_other_users_are_refused_although_the_mode_lets_them_in(run: Callable[..., Box]) -> None:
    box = run(config=OPEN, wait=True)
    for verb in (["status"], ["stop", "one"], ["signal", "KILL", "one"], ["shutdown"], ["reload"]):
        refused = box.ctl("--json", *verb, user="nobody", check=False)
        assert refused.code == 1, refused.output
        assert '"FORBIDDEN"' in refused.output
    assert box.status()["one"]["restarts"] == 0


@pytest.mark.parametrize("user", ["nobody:users", f"4711:{USERS}"], ids=["by name", "without a passwd entry"])
def test_members_of_the_socket_group_may_look_and_not_touch(run: Callable[..., Box], user: str) -> None:
    box = run(config=FOR_A_GROUP, wait=True)
    assert "RUNNING" in box.ctl("status", user=user).output
    assert box.ctl("health", user=user).code == 0
    for verb in (["stop", "one"], ["restart", "one"], ["reload"], ["signal", "KILL", "one"], ["shutdown"]):
        refused = box.ctl("--json", *verb, user=user, check=False)
        assert refused.code == 1
        assert '"FORBIDDEN"' in refused.output
    assert box.status()["one"]["restarts"] == 0
    assert box.ctl("status", user="nobody", check=False).code == 4  # who is in no such group


@pytest.mark.parametrize(
    ("argv", "environment"),
    [
        (["-c", "/srv/app/our.conf"], {}),
        (["--configuration=/srv/app/our.conf", "-s", "/srv/app/other.sock"], {}),
        ([], {"SUPERVICE_CONFIG": "/srv/app/our.conf"}),
    ],
    ids=["-c", "-c and -s", "environment"],
)
def test_no_option_is_needed_wherever_the_configuration_lies(
    run: Callable[..., Box], argv: list[str], environment: dict[str, str]
) -> None:
    config = "[supervice]\nsocket = %(here)s/control.sock\nsocket_group = users\n" + SLEEPERS
    box = run(argv, files={"/srv/app/our.conf": config}, environment=environment, wait=True)
    socket = "/srv/app/other.sock" if "-s" in argv else "/srv/app/control.sock"
    assert box.exec("test", "-S", socket).code == 0
    assert "RUNNING" in box.ctl("status", user="nobody:users").output


def test_without_a_socket(run: Callable[..., Box]) -> None:
    box = run(config="[supervice]\nsocket = none\n" + SLEEPERS)
    box.wait_log("three: running")
    told = box.ctl("status", check=False)
    assert told.code == 4
    assert len(told.output.strip().splitlines()) == 1
    assert box.stop() == 0


def test_garbage_on_the_socket_ends_that_connection_only(run: Callable[..., Box]) -> None:
    box = run(config=PLAIN, wait=True)
    script = r"""
import socket
for data in (b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 4, b"\0\0\0\5hello", b"\0\0\0\2[]", b"\0" * 4, b"\0"):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect("/tmp/supervice.sock")
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
    while s.recv(4096):
        pass
"""
    box.exec("python3", "-c", script, check=True)
    assert {process["state"] for process in box.status().values()} == {"RUNNING"}


def test_a_hundred_clients_at_once(run: Callable[..., Box]) -> None:
    box = run(config=PLAIN, wait=True)
    # Silent ones that only hold their connection, and then one that asks.
    script = """
import json, socket, struct
silent = []
for _ in range(99):
    s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect("/tmp/supervice.sock"); silent.append(s)
for s in silent[50:]:
    s.sendall(struct.pack(">I", 1000) + b"{")
s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect("/tmp/supervice.sock")
request = json.dumps({"command": "status"}).encode()
s.sendall(struct.pack(">I", len(request)) + request)
size, = struct.unpack(">I", s.recv(4, socket.MSG_WAITALL))
reply = json.loads(s.recv(size, socket.MSG_WAITALL))
assert len(reply["processes"]) == 3, reply
"""
    box.exec("python3", "-c", script, check=True)
    assert {process["state"] for process in box.status().values()} == {"RUNNING"}


def test_reload_applies_what_changed_and_leaves_the_rest_alone(run: Callable[..., Box]) -> None:
    box = run(config=PLAIN, wait=True)
    before = {name: process["pid"] for name, process in box.status().items()}
    assert "No changes" in box.ctl("reload").output
    changed = PLAIN.replace("[program:one]\ncommand = sleep 1000", "[program:one]\ncommand = sleep 2000")
    changed = changed.replace("[program:two]", "[program:four]").replace("two,three", "four,three")
    box.put("/etc/supervice/supervice.conf", changed)
    told = box.ctl("reload", "--dry-run").output
    assert "four" in told
    assert {name: process["pid"] for name, process in box.status().items()} == before
    box.ctl("reload")
    after = box.wait_state("one", "three", "four")
    assert set(after) == {"one", "three", "four"}
    assert after["three"]["pid"] == before["three"]
    assert after["one"]["pid"] != before["one"]
    assert box.exec("cat", f"/proc/{after['one']['pid']}/cmdline").output == "sleep\x002000\x00"

    pids = {name: process["pid"] for name, process in after.items()}
    box.put("/etc/supervice/supervice.conf", changed.replace("startsecs = 0", "startsecs = soon"))
    refused = box.ctl("reload", check=False)
    assert refused.code == 1
    assert refused.output.count("supervice.conf:") >= 3
    assert {name: process["pid"] for name, process in box.status().items()} == pids


def test_a_socket_in_use_is_refused_and_nothing_is_started(run: Callable[..., Box]) -> None:
    box = run(config=PLAIN, wait=True)
    second = "[supervice]\n[program:witness]\ncommand = touch /tmp/witness\n"
    box.put("/tmp/second.conf", second)
    refused = box.exec("supervice", "-c", "/tmp/second.conf", "-s", "/tmp/supervice.sock")
    assert refused.code == 2
    assert "nothing was started" in refused.output
    assert box.exec("test", "-e", "/tmp/witness").code == 1
    assert box.status().keys() == {"one", "two", "three"}
