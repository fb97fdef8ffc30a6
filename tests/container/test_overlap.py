"""A new process beside the old one, as PID 1: no request waits for its start, and a bad one changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.container.helpers import Box, eventually, programs

CONFIG = """\
[supervice]
[program:web]
command = python3 -S /programs/http_answers.py 2
listen = tcp:127.0.0.1:80
ready = log:serving
ready_timeout = 30
overlap = true
user = nobody
"""
# The slowest answer while a restart lasts, as a share of that time, and how many answers were cut.
SLOWEST = """\
import socket, subprocess, sys, time
begun = time.monotonic()
restart = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
slowest, cut = 0.0, 0
while restart.poll() is None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", 80), timeout=20) as sock:
        sock.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            cut += 1
    slowest = max(slowest, time.monotonic() - began)
print(restart.returncode, cut, slowest / (time.monotonic() - begun))
"""


def slowest(box: Box, *restart: str) -> tuple[int, int, float]:
    code, cut, share = box.exec("python3", "/slowest.py", *restart, check=True).output.split()
    return int(code), int(cut), float(share)


def test_a_restart_beside_the_old_process(run: Callable[..., Box]) -> None:
    files = {"/slowest.py": SLOWEST, **programs("http_answers.py", "load.py")}
    box = run(config=CONFIG, files=files, wait=["web"])
    before = str(box.pid("web"))
    ran = box.exec("python3", "/programs/load.py", "http", "80", "supervicectl", "restart", "web", check=True)
    result: dict[str, Any] = json.loads(ran.output.splitlines()[-1])
    assert result["failures"] == {}
    after = str(box.pid("web"))
    assert set(result["answers"]) == {before, after}
    code, cut, share = slowest(box, "supervicectl", "restart", "web")
    assert (code, cut) == (0, 0)
    assert share < 0.6, "no request waits for the two seconds of the start"
    # Without it they do, and the one that the killed process has may be cut: that is the control.
    assert slowest(box, "supervicectl", "restart", "--force", "web")[2] > 0.6
    serving = box.pid("web")
    box.exec("touch", "/tmp/bad", check=True)
    failed = box.ctl("restart", "web", check=False)
    assert failed.code == 1
    assert "web was not restarted: exit code 7 after 2" in failed.output
    assert box.pid("web") == serving
    assert "restart failed: exit code 7" in box.ctl("status").output
    eventually(lambda: box.status()["web"]["beside"] is None, 20, 0.2)
    box.exec("rm", "/tmp/bad", check=True)
    both = "until supervicectl status --json | grep -q 'not ready yet'; do sleep 0.1; done"
    box.exec("sh", "-c", f"supervicectl restart web >/dev/null 2>&1 & {both}", check=True)
    assert box.stop() == 0
    log = box.logs()
    assert "killed by SIGKILL" not in log
    assert "what the programs left behind" not in log, "both were stopped in order"
