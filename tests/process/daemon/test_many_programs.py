"""Thousands of programs: what is said of them does not fit into one frame of the control socket."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from supervice.client import Controller
from supervice.control.protocol import MAX_FRAME
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.rpc import RawClient

COUNT = 6000
FILE = f"""
[program:web]
command = sleep 1000
process_name = %(program_name)s-with-a-name-of-some-length-{"x" * 40}-%(process_num)05d
numprocs = {COUNT}
autostart = false
"""


def ctl(daemon: Daemon, *words: str) -> str:
    line = [sys.executable, "-m", "supervice.cli.ctl", "-s", str(daemon.socket), *words]
    return subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.timeout(180)
def test_t6_all_verbs_answer_for_6000_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = Daemon(tmp_path, FILE)
    try:
        eventually(daemon.socket.exists, 60)
        reply = json.loads(ctl(daemon, "--json", "status"))
        assert len(json.dumps(reply)) > 2 * MAX_FRAME
        assert "more" not in reply
        assert len({row["name"] for row in reply["processes"]}) == COUNT
        assert ctl(daemon, "status").count("\n") == COUNT + 1
        assert f"{COUNT} STOPPED" in ctl(daemon, "graph")
        assert asyncio.run(Controller(str(daemon.socket)).status()) is True
        assert capsys.readouterr().out.count("STOPPED") == COUNT
        names = json.loads(ctl(daemon, "--json", "stop", "all"))["results"]
        assert len(names) == COUNT
        with RawClient(daemon.socket) as client:  # one that knows nothing of pages stays in step
            first = client.ask({"command": "status"})
            assert first["more"] is True
            assert client.ask({"command": "version"})["status"] == "ok"
            assert client.ask({"command": "more"})["code"] == "INVALID_REQUEST"
    finally:
        daemon.process.terminate()
        daemon.wait()
