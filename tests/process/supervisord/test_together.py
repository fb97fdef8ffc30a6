"""What stock files combine: listeners that call back by XML-RPC, and supervisorctl's changes as listeners hear them."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from supervisor.childutils import getRPCInterface

from tests.eventually import eventually
from tests.process.harness.listeners import LISTENER, names, payloads, told, wait_for
from tests.process.harness.supervisorctl import HEAD, Stock

Make = Callable[..., Stock]
SECRET = "{SHA}" + hashlib.sha1(b"secret").hexdigest()
CALLER = """
import os, sys
from supervisor import childutils

rpc = childutils.getRPCInterface(os.environ)
while True:
    headers, payload = childutils.listener.wait()
    if headers["eventname"] == "REMOTE_COMMUNICATION":
        rpc.supervisor.stopProcess("victim")
        rpc.supervisor.startProcess("victim")
        with open(sys.argv[1], "a") as file:
            file.write(rpc.supervisor.getProcessInfo("victim")["statename"] + " " + payload + "\\n")
    childutils.listener.ok()
"""


def listener(file: Path, events: str, name: str = "l", how: str = "ok") -> str:
    return (
        f"[eventlistener:{name}]\ncommand={sys.executable} {LISTENER} {file} {how}\nevents={events}\n"
        "startsecs=0\nbuffer_size=100\n"
    )


def program(name: str, more: str = "") -> str:
    return f"[program:{name}]\ncommand=sleep 1000\nstartsecs=0\n{more}"


def ask(one: Stock, method: str, *params: str, **env: str) -> Any:
    proxy = getRPCInterface({"SUPERVISOR_SERVER_URL": f"unix://{one.socket}", **env})
    try:
        return getattr(proxy.supervisor, method)(*params)
    finally:
        proxy("close")()


@pytest.mark.parametrize("server", ["unix", "inet"])
def test_a_listener_calls_back(with_supervisorctl: Make, tmp_path: Path, server: str) -> None:
    """As superlance's memmon and httpok do: over the server that the daemon names, with its password."""
    script = tmp_path / "caller.py"
    script.write_text(CALLER)
    secured = f"username=me\npassword={SECRET}\n"
    if server == "unix":
        head = HEAD.replace("[supervisord]", f"{secured}[supervisord]", 1)
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        head = f"[inet_http_server]\nport={address}\n{secured}" + HEAD.partition("s.sock\n")[2]
        head = head.replace("serverurl=unix://{dir}/s.sock", f"serverurl=http://{address}")
    head = head.replace("[supervisorctl]\n", "[supervisorctl]\nusername=me\npassword=secret\n")
    file = tmp_path / "said"
    one = with_supervisorctl(
        f"[eventlistener:caller]\ncommand={sys.executable} {script} {file}\nstartsecs=0\n"
        'events=REMOTE_COMMUNICATION\nenvironment=SUPERVISOR_USERNAME="me",SUPERVISOR_PASSWORD="secret"\n'
        + program("victim"),
        head,
    )
    one.wait_status(r"victim +RUNNING")
    url = f"unix://{one.socket}" if server == "unix" else f"http://{address}"
    known = {"SUPERVISOR_SERVER_URL": url, "SUPERVISOR_USERNAME": "me", "SUPERVISOR_PASSWORD": "secret"}
    before = ask(one, "getProcessInfo", "victim", **known)["pid"]
    assert ask(one, "sendRemoteCommEvent", "kind", "grün", **known)
    eventually(lambda: file.exists() and file.read_text() == "RUNNING type:kind\ngrün\n", message=one.text())
    assert ask(one, "getProcessInfo", "victim", **known)["pid"] != before


def test_listeners_hear_of_groups_that_supervisorctl_changes(
    with_supervisorctl: Make, tmp_path: Path
) -> None:
    file = tmp_path / "events"
    fcgi = f"[fcgi-program:f]\nsocket=unix://{tmp_path}/f.sock\ncommand=sleep 1000\nstartsecs=0\n"
    base = listener(file, "PROCESS_GROUP") + program("a")
    one = with_supervisorctl(base + fcgi + listener(tmp_path / "other", "TICK_3600", "other"))
    wait_for(file, "PROCESS_GROUP_ADDED", 4)
    infos = {info["name"]: info for info in ask(one, "getAllConfigInfo")}
    assert (infos["l"]["group_prio"], infos["l"]["process_prio"]) == (-1, 999)  # as supervisord tells it
    assert (infos["f"]["group_prio"], infos["f"]["inuse"]) == (999, True)
    file.unlink()
    for words in ("stop f", "remove f", "add f", "stop other", "remove other", "add other"):
        assert one.ctl(*words.split())[1] == 0
    one.wait_status(r"f +RUNNING")
    assert (tmp_path / "f.sock").is_socket()
    one.write(base.replace("sleep 1000", "sleep 1001"))
    assert one.ctl("update")[1] == 0
    heard = [
        ("REMOVED", "f"), ("ADDED", "f"), ("REMOVED", "other"), ("ADDED", "other"),
        ("REMOVED", "other"), ("REMOVED", "f"), ("REMOVED", "a"), ("ADDED", "a"),
    ]  # fmt: skip

    def found() -> list[tuple[str, str]]:
        return [(h["eventname"][14:], p.removeprefix("groupname:").rstrip("\\n")) for h, p in told(file)]

    eventually(lambda: len(found()) == len(heard), message=str(told(file)))
    assert found()[:4] == heard[:4]
    assert sorted(found()) == sorted(heard)
    assert not (tmp_path / "f.sock").exists()


def test_supervisorctl_reload_stops_listeners_last(with_supervisorctl: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    text = listener(file, "SUPERVISOR_STATE_CHANGE,PROCESS_STATE_STOPPED", how="slow 100") + program("a")
    one = with_supervisorctl(text + program("b", "autostart=false\n"))
    one.wait_status(r"a +RUNNING")
    wait_for(file, "SUPERVISOR_STATE_CHANGE_RUNNING")
    listening = ask(one, "getProcessInfo", "l")["pid"]
    assert one.ctl("reload")[1] == 0
    wait_for(file, "SUPERVISOR_STATE_CHANGE_RUNNING", 2)
    assert names(file)[:3] == [
        "SUPERVISOR_STATE_CHANGE_RUNNING",
        "SUPERVISOR_STATE_CHANGE_STOPPING",
        "PROCESS_STATE_STOPPED",
    ]
    assert payloads(file, "PROCESS_STATE_STOPPED")[0].startswith("processname:a ")
    assert "ended without an answer" not in (one.directory / "main.log").read_text()
    one.wait_status(r"a +RUNNING")
    assert ask(one, "getProcessInfo", "l")["pid"] != listening
    assert ask(one, "getProcessInfo", "b")["statename"] == "STOPPED"


def test_a_listener_that_comes_later_hears_running_programs(with_supervisorctl: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    talker = (
        "[program:talker]\ncommand=sh -c 'while :; do echo line; sleep 0.1; done'\nstartsecs=0\n"
        "stdout_events_enabled=true\n"
    )
    one = with_supervisorctl(talker)
    one.wait_status(r"talker +RUNNING")
    one.write(talker + listener(file, "PROCESS_LOG,PROCESS_GROUP"))
    assert one.ctl("update") == ("l: added process group\n", 0)
    wait_for(file, "PROCESS_LOG_STDOUT")
    # what was there before it is not new
    assert payloads(file, "PROCESS_GROUP_ADDED") == ["groupname:l\\n"]


def test_a_new_name_counts_at_once_and_strip_ansi_with_a_new_start(
    with_supervisorctl: Make, tmp_path: Path
) -> None:
    file = tmp_path / "events"
    red = "[program:red]\ncommand=sh -c 'printf \"\\033[31mred\\n\"; exec sleep 1000'\nstartsecs=0\n"
    one = with_supervisorctl(program("a"))
    one.head = HEAD.replace("[supervisord]", "[supervisord]\nidentifier=other\nstrip_ansi=true")
    one.write(program("a") + red + listener(file, "REMOTE_COMMUNICATION"))
    own = [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.directory / "own.sock"), "reload"]
    for _ in range(2):  # it stays true
        said = subprocess.run(own, capture_output=True, text=True, check=True).stdout
        assert "Restart the container to apply: strip_ansi\n" in said
    assert ask(one, "getIdentification") == "other"
    ask(one, "sendRemoteCommEvent", "kind", "data")
    wait_for(file, "REMOTE_COMMUNICATION")
    assert told(file)[0][0]["server"] == "other"
    eventually(lambda: "\033[31mred\n" in one.text(), message=one.text())
    one.head = one.head.replace("other", "third")
    one.write(program("a") + red + listener(file, "REMOTE_COMMUNICATION"))
    subprocess.run(own, capture_output=True, check=True)
    ask(one, "sendRemoteCommEvent", "kind", "data")
    wait_for(file, "REMOTE_COMMUNICATION", 2)
    assert told(file)[1][0]["server"] == "third"


@pytest.mark.parametrize("how", ["update", "SIGHUP"])
def test_tail_f_ends_with_its_program(with_supervisorctl: Make, how: str) -> None:
    gone = "[program:gone]\ncommand=sh -c 'echo here; trap \"echo bye; exit\" TERM; while :; do sleep 0.1; done'\n"
    one = with_supervisorctl(program("a") + gone)
    eventually(lambda: "here" in one.ctl("tail", "gone")[0])
    client = subprocess.Popen(one.command("tail", "-f", "gone"), stdout=subprocess.PIPE, text=True)
    try:
        assert client.stdout is not None
        while "here" not in client.stdout.readline():
            assert client.poll() is None
        one.write(program("a"))
        if how == "update":
            assert one.ctl("update")[1] == 0
        else:
            one.process.send_signal(1)
        assert "bye" in client.stdout.read()
        assert client.wait(10) == 0
    finally:
        client.kill()
        client.wait()
        if client.stdout is not None:
            client.stdout.close()
