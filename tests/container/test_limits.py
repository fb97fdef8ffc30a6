"""What programs may do, under what the container itself may do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.container.helpers import Box

BIND = "NET_BIND_SERVICE"
KEPT = f"{1 << 10:016x}"


def rights(box: Box, name: str) -> dict[str, str]:
    status = box.exec("cat", f"/proc/{box.pid(name)}/status", check=True).output
    found = dict(re.findall(r"^(Uid|NoNewPrivs|Cap\w+):\s+(\S+)", status, re.M))
    return found


def program(name: str, options: str) -> str:
    return f"[program:{name}]\ncommand = sleep 1000\nstartsecs = 0\n{options}\n"


CONFIG = (
    "[supervice]\n"
    + program("user", f"user = nobody\ncapabilities = {BIND}\nno_new_privs = true\nnice = 4")
    + program("root", f"capabilities = {BIND}, SETUID")
    + program("none", "user = 12345\ncapabilities = none")
    + program("much", "capabilities = SYS_ADMIN")
    + program("limited", "rlimit_nofile = 64:128\noom_score_adj = 900\nrlimit_core = 0")
    + program("higher", "rlimit_nofile = unlimited\noom_score_adj = -500")
)


def test_with_docker_s_usual_capabilities(run: Callable[..., Box]) -> None:
    box = run(config=CONFIG, wait=["user", "root", "none", "limited"])
    user = rights(box, "user")
    assert (user["Uid"], user["NoNewPrivs"]) == ("65534", "1")
    assert {user[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {KEPT}
    root = rights(box, "root")
    assert {root[f"Cap{name}"] for name in ("Prm", "Eff", "Bnd")} == {f"{1 << 10 | 1 << 7:016x}"}
    none = rights(box, "none")
    assert {none[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    box.wait_state("much", "higher", state="FATAL")
    reasons = {name: row["reason"] for name, row in box.status().items()}
    assert "capabilities: we do not have SYS_ADMIN ourselves" in reasons["much"]
    assert re.search("rlimit_nofile|oom_score_adj", reasons["higher"])
    limits = box.exec("cat", f"/proc/{box.pid('limited')}/limits", check=True).output
    assert re.search(r"Max open files +64 +128 ", limits)
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert box.exec("cat", f"/proc/{box.pid('limited')}/oom_score_adj").output == "900\n"
    assert box.stop() == 126  # two are FATAL


@pytest.mark.parametrize(
    ("options", "states"),
    [
        ({"cap_drop": ["ALL"]}, {"root": "FATAL", "limited": "RUNNING"}),
        (
            {"cap_drop": ["ALL"], "cap_add": [BIND, "SETPCAP", "SETUID", "SETGID"]},
            {"user": "RUNNING", "root": "RUNNING", "none": "RUNNING"},
        ),
        ({"cap_drop": ["SETPCAP"]}, {"root": "FATAL", "limited": "RUNNING"}),
        ({"user": "12345"}, {"root": "FATAL", "none": "FATAL", "limited": "RUNNING"}),
    ],
)
def test_with_fewer(run: Callable[..., Box], options: dict[str, Any], states: dict[str, str]) -> None:
    box = run(config=CONFIG, **options)
    for name, state in states.items():
        box.wait_state(name, state=state)
    if states.get("user") == "RUNNING":
        assert rights(box, "user")["CapEff"] == KEPT
    for name, state in states.items():
        if state == "FATAL":
            assert "capabilities: " in box.status()[name]["reason"]


def test_a_port_below_1024_as_a_user(run: Callable[..., Box]) -> None:
    """What the option is for; Docker's own sysctl would allow it to every user."""
    listen = (
        "python3 -c \"import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 80)); s.listen();"
        ' time.sleep(1000)"'
    )
    text = (
        "[supervice]\n"
        f"[program:with]\ncommand = {listen}\nuser = nobody\ncapabilities = {BIND}\nstartsecs = 1\n"
        f"[program:without]\ncommand = {listen.replace('80', '81')}\nuser = nobody\nstartretries = 0\n"
    )
    box = run(config=text, sysctls={"net.ipv4.ip_unprivileged_port_start": "1024"})
    box.wait_state("with")
    box.wait_state("without", state="FATAL")


def test_a_daemon_that_is_no_longer_root(run: Callable[..., Box]) -> None:
    text = (
        "[supervice]\nuser = nobody\npidfile = /run/supervice.pid\nlogfile = /var/log/daemon.log\n"
        + program("a", "oom_score_adj = 5")
        + "[program:who]\ncommand = sh -c 'id -u; echo home $HOME $USER; echo err >&2; exec sleep 1000'\nstartsecs = 0\n"
        + program("other", "user = daemon")
    )
    box = run(config=text, wait=["a", "who"])
    box.wait_state("other", state="FATAL")
    status = box.exec("cat", "/proc/1/status", check=True).output
    assert re.search(r"^Uid:\s+65534\s+65534\s+65534\s+65534", status, re.M)
    assert re.search(r"^CapEff:\s+0+$", status, re.M)
    box.wait_log("home /nonexistent nobody")
    assert "65534" in box.logs()
    assert "err" in box.logs()
    assert "only root may start" in box.status()["other"]["reason"]
    assert box.ctl("restart", "a", user="nobody").code == 0  # its own user may
    assert box.ctl("status", user="12345", check=False).code != 0
    first = box.pid("a")
    box.ctl("signal", "KILL", "a")  # root too
    box.wait_state("a")
    assert box.pid("a") != first
    assert "a: running" in box.exec("cat", "/var/log/daemon.log", check=True).output
    assert box.ctl("reload").code == 0
    assert box.stop() == 126  # other is FATAL
