"""`logs`: several programs in the order of time, and only what is wanted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.rpc import RawClient
from tests.procfs import sleeps

Make = Callable[..., Daemon]


def ctl(one: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), *words],
        env={**os.environ, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_order_is_that_of_time(daemon: Make) -> None:
    turn = "while ! grep -q '^{n}$' turn; do sleep 0.02; done"
    one = daemon(
        "[program:a]\ncommand = sh -c 'echo first; echo 1 > turn; "
        + turn.format(n=2)
        + "; echo third >&2; echo 3 > turn; sleep 1000'\n"
        "[program:long-name]\ncommand = sh -c '"
        + turn.format(n=1)
        + "; sleep 0.05; echo second; echo 2 > turn; "
        + turn.format(n=3)
        + "; sleep 0.05; echo fourth; sleep 1000'\n"
    )
    eventually(lambda: len(one.ask("logs")["logs"]) == 4)
    frames = one.ask("logs")["logs"]
    assert [frame["data"] for frame in frames] == ["first\n", "second\n", "third\n", "fourth\n"]
    assert [frame["time"] for frame in frames] == sorted(frame["time"] for frame in frames)
    shown = ctl(one, "logs")
    assert shown.stdout == "a         | first\nlong-name | second\na         ! third\nlong-name | fourth\n"
    assert ctl(one, "logs", "--grep", "^f").stdout == "a         | first\nlong-name | fourth\n"
    assert ctl(one, "logs", "-n", "1", "--grep", "t|d").stdout == "a         ! third\nlong-name | fourth\n"
    assert ctl(one, "logs", "--since", "5m", "a").stdout == "first\nthird\n"
    assert ctl(one, "logs", "--until", "5m").stdout == ""
    stamped = ctl(one, "logs", "-t", "a").stdout.splitlines()
    assert stamped[0] == f"{frames[0]['time']} first"
    assert one.ask("logs", since=time.time() + 5)["logs"] == []


def test_what_cannot_be_understood_says_what_to_write(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sleep 1000\n")
    for words, said in (
        (("--since", "x"), "write how long ago"),
        (("--grep", "("), "no regular expression"),
        (("-f", "--until", "5m"), "leave one of them out"),
        (("-n", "-1"), "-n"),
    ):
        result = ctl(one, "logs", *words)
        assert (result.returncode, result.stdout) == (2, "")
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["logs", "attach"])
def test_a_client_that_is_gone_when_it_is_written_to_leaves_no_timer(daemon: Make, command: str) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'while read line; do echo $line; done'\nstdin = pipe\nstartsecs = 0\n"
    )
    one.wait_state("a", "RUNNING")
    clients = [RawClient(one.socket) for _ in range(20)]
    for client in clients:
        client.send({"command": command, "names": ["a"], "follow": True})
    assert one.ask("input", "a", data="first\n")["message"] == "a has been sent 6 bytes"
    for client in clients:
        assert any("first" in frame["data"] for frame in iter(client.receive, None))
        # The daemon is not woken by this: it finds out when it writes the next line.
        client.sock.shutdown(socket.SHUT_RD)
    one.ask("input", "a", data="second\n")
    eventually(lambda: sleeps(one.pid), timeout=15)
    for client in clients:
        client.close()
