"""What real programs leave unfinished is seen, and tears no line of another one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from supervice.control.client import Client
from supervice.output.unfinished import is_running
from tests import procfs
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.output import Lab, Reader


def test_r3_a_prompt_is_seen_while_the_program_waits(lab: Lab, reader: Reader, tmp_path: Path) -> None:
    """On stdout, in a file of its own, in the last lines and by a follower (R3)."""
    lab.make(stdout_fd=reader.write_end)
    prompt = lab.program("prompt")
    heard: list[tuple[str, bytes]] = []
    follower = prompt.output.subscribe(lambda: heard.extend(follower.take()[1]))
    prompt.sh("printf 'Enter password: '; exec sleep 1000")
    dots = lab.program("dots", stdout_logfile=str(tmp_path / "dots"))
    dots.sh("printf ...; exec sleep 1000")
    lab.until(lambda: reader.read() == b"Enter password: ")
    lab.until(lambda: (tmp_path / "dots").read_bytes() == b"...")
    assert prompt.output.tail(5) == [("stdout", b"Enter password: ")]
    assert prompt.output.is_midline("stdout")
    lab.until(lambda: heard == [("stdout", b"Enter password: ")])


def test_r3_the_lines_of_others_begin_below(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end)
    prompt, other = lab.program("prompt"), lab.program("other")
    prompt.sh("printf 'Enter password: '; exec sleep 1000")
    lab.until(lambda: reader.read() == b"Enter password: ")
    other.sh("echo a line")
    other.reap()
    lab.until(lambda: reader.read() == b"Enter password: \na line\n")
    prompt.kill()
    prompt.output.exited()
    prompt.sh("echo next run")
    prompt.reap()
    lab.idle()
    assert reader.read() == b"Enter password: \na line\nnext run\n"
    assert prompt.output.tail(5) == [("stdout", b"Enter password: "), ("stdout", b"next run")]


def test_a_block_that_is_cut_is_whole_though_its_program_computes(lab: Lab, reader: Reader) -> None:
    """As on a machine where a program waits for a CPU: more than the second that any cut line has."""
    lab.make(stdout_fd=reader.write_end)
    block, other = lab.program("block"), lab.program("other")
    other.python("import time\nwhile True: print('other', flush=True); time.sleep(0.01)")
    block.python(
        "import os, time\nos.write(1, b'whole line of a block\\n' * 100 + b'begun ')\n"
        "end = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass\nos.write(1, b'ended\\n')"
    )
    block.reap()
    other.kill()
    other.output.exited()
    lab.idle()
    assert b"\nbegun ended\n" in reader.read()


def test_a_process_that_computes_is_running_and_one_that_waits_is_not() -> None:
    assert is_running(os.getpid())
    with subprocess.Popen(["sleep", "1000"]) as waits:
        eventually(lambda: not is_running(waits.pid))
        waits.kill()
        waits.wait()
        assert not is_running(waits.pid)


def test_r3_a_slow_line_among_fast_ones_is_whole_when_it_ends_in_time(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end)
    slow, fast = lab.program("slow"), lab.program("fast")
    fast.python("import time\nwhile True: print('fast', flush=True); time.sleep(0.001)")
    slow.python(
        "import os, time\nfor n in range(40):\n    os.write(1, b'begun '); time.sleep(0.01); os.write(1, b'ended\\n')"
    )
    slow.ends(20, reader)
    slow.output.exited()
    fast.kill()
    fast.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    lines = reader.read().split(b"\n")
    assert lines.count(b"begun ended") == 40
    assert {line for line in lines if line} == {b"begun ended", b"fast"}


@pytest.mark.parametrize("log_format", ["raw", "prefix", "json"])
def test_r3_as_users_see_it(daemon: Callable[..., Daemon], tmp_path: Path, log_format: str) -> None:
    go = tmp_path / "go"
    one = daemon(
        f"log_format = {log_format}\n[program:prompt]\nstartsecs = 0\n"
        f"command = sh -c 'printf \"Enter password: \"; until test -e {go}; do sleep 0.05; done; echo thanks; sleep 1000'\n"
    )
    one.wait_text("Enter password: ")
    (line,) = one.ask("logs", "prompt")["logs"]
    assert (line["name"], line["stream"], line["data"]) == ("prompt", "stdout", "Enter password: \n")
    with Client(str(one.socket)) as client:
        client.send({"command": "logs", "name": "prompt", "follow": True, "lines": 10})
        frame = client.receive(10)
        assert frame is not None
        assert frame["data"] == "Enter password: "
        go.touch()
        frame = client.receive(10)
        assert frame is not None
        assert frame["data"] == "thanks\n"
    text = one.wait_text("thanks")
    if log_format == "json":
        rows = [json.loads(row) for row in text.splitlines() if '"prompt"' in row and '"stream"' in row]
        assert [(row["message"], row.get("partial")) for row in rows] == [
            ("Enter password: ", True),
            ("thanks", None),
        ]
    else:
        prefix = "prompt | " if log_format == "prefix" else ""
        assert f"{prefix}Enter password: thanks\n" in eventually(lambda: one.out.read_text())


# The child opens a FIFO before it becomes the program: until then the kernel lets its parent wait as for a disk.
WAITS = "import os; os.posix_spawn('/bin/true', ['true'], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, 'fifo', os.O_RDONLY, 0)])"


def test_a_process_that_waits_for_the_disk_is_running(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", WAITS], cwd=tmp_path) as waits:
        eventually(lambda: procfs.state(waits.pid) == "D")
        runs = is_running(waits.pid)
        fifo.write_text("")
    assert runs
    assert waits.returncode == 0
