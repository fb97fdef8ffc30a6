"""A container with a memory limit whose processes want more: the kernel itself decides, in containers of 96 MiB."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.container.helpers import Box, eventually

LIMIT: dict[str, Any] = {"mem_limit": "96m", "memswap_limit": "96m", "pids_limit": 50}
FACTS = "out of memory (container limit 96 MiB)"
REASON = f"killed by the kernel: {FACTS}"
# Grows by 4 MiB at a time until it is killed.
HOG = "import time; a = [];\nwhile True: a.append(b'x' * (4 << 20)); time.sleep(0.01)\n"
LEADER = """\
import subprocess, sys, time
worker = subprocess.Popen([sys.executable, "/hog.py"])
print("worker ended with", worker.wait(), flush=True)
time.sleep(1000)
"""
OTHER = "[program:other]\ncommand = sleep 1000\nstartsecs = 0\n"


def why(box: Box, name: str) -> dict[str, Any]:
    exits = json.loads(box.ctl("--json", "why", name).output)["exits"]
    assert exits
    return dict(exits[-1])


def test_a_program_that_the_kernel_kills(run: Callable[..., Box]) -> None:
    """Its end has the reason everywhere, and the daemon is spared."""
    box = run(
        config="[supervice]\n[program:web]\ncommand = python3 /hog.py\nautorestart = false\nstartsecs = 0\n"
        + OTHER,
        files={"/hog.py": HOG},
        **LIMIT,
    )
    box.wait_state("web", state="EXITED")
    assert box.status()["web"]["reason"] == REASON
    exit_ = why(box, "web")
    assert (exit_["reason"], exit_["oom"], exit_["signal"]) == (REASON, True, 9)
    assert f"web: ended, {REASON} (unexpected)" in box.logs()
    assert REASON in box.ctl("events").output
    assert box.state("other") == "RUNNING"
    # no other end is called that
    box.ctl("signal", "KILL", "other")
    eventually(lambda: why(box, "other"))
    assert (why(box, "other")["reason"], why(box, "other")["oom"]) == ("killed by SIGKILL", False)
    assert box.stop() in (0, 137)


def test_a_worker_whose_leader_lives(run: Callable[..., Box]) -> None:
    box = run(
        config="[supervice]\n[program:web]\ncommand = python3 /leader.py\nstartsecs = 0\n" + OTHER,
        files={"/hog.py": HOG, "/leader.py": LEADER},
        **LIMIT,
    )
    box.wait_log("worker ended with -9")
    leader = box.pid("web")
    line = f"a process of this container was killed: {FACTS}"
    # cgroup v1 tells no process that it has counted: a request is where it is looked at

    def said() -> bool:
        box.status()
        return line in box.logs()

    eventually(said, 10)
    assert (box.state("web"), box.pid("web")) == ("RUNNING", leader)
    assert "OUT_OF_MEMORY" in box.ctl("events").output
    assert box.stop() == 0


def test_the_termination_message_names_it(run: Callable[..., Box], tmp_path: Any) -> None:
    box = run(
        config="[supervice]\ntermination_log = /out/message\n"
        "[program:web]\ncommand = python3 /hog.py\nautorestart = false\nstartsecs = 0\nmain = true\n",
        files={"/hog.py": HOG},
        volumes={str(tmp_path): "/out"},
        **LIMIT,
    )
    assert box.wait() == 137
    assert REASON in (tmp_path / "message").read_text()
