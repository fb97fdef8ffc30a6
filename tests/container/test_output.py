"""What programs write arrives, whole and all of it: in the container's log or in rotating files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.container.helpers import Box, eventually, programs

MIB = 1024 * 1024
CHILDREN = 20
LINE = 64  # bytes
LINES = MIB // LINE

BURST = f"""
[supervice]

[program:burst]
command = python3 /programs/lines.py burst-%(process_num)02d {LINES} {LINE}
numprocs = {CHILDREN}
startsecs = 0
autorestart = false

[program:complaint]
command = sh -c "python3 /programs/lines.py complaint 1000 >&2"
startsecs = 0
autorestart = false

[program:stump]
command = printf "no newline at the end"
startsecs = 0
autorestart = false
"""


def read_lines(box: Box, path: str) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(box.exec("python3", "/programs/read_lines.py", path, check=True).output)
    return seen


@pytest.mark.long
def test_the_container_log_has_every_byte(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    """Programs that write a mebibyte each, all at once, and end with their last byte."""
    box = run(config=BURST, image=image_for(base), files=programs("lines.py"))
    assert box.wait(timeout=120) == 0
    out = box.container.logs(stdout=True, stderr=False)
    found: dict[bytes, list[bytes]] = {}
    for line in out.split(b"\n"):
        if line.startswith(b"burst-") and b"x" in line:
            found.setdefault(line[:8], []).append(line)
    assert len(found) == CHILDREN
    for tag, lines in found.items():
        assert len(lines) == LINES
        assert lines == [
            (b"%b %08d %04d " % (tag, number, LINE)).ljust(LINE - 1, b"x") for number in range(LINES)
        ]
    assert b"no newline at the end" in out
    assert re.search(rb"complaint \d", out) is None
    err = box.container.logs(stdout=False, stderr=True)
    numbers = [int(number) for number in re.findall(rb"^complaint (\d{8}) ", err, re.M)]
    assert numbers == list(range(1000))


ROTATING = """
[supervice]

[program:keeper]
command = python3 /programs/lines.py keeper 40000
stdout_logfile = /logs/keeper.log
stdout_logfile_maxbytes = 256KB
stdout_logfile_backups = 100
startsecs = 0
autorestart = false

[program:forgetter]
command = python3 /programs/lines.py forgetter 40000
stdout_logfile = /logs/forgetter.log
stdout_logfile_maxbytes = 256KB
stdout_logfile_backups = 3
startsecs = 0
autorestart = false

[program:shared]
command = python3 /programs/lines.py shared-%(process_num)d 10000
numprocs = 4
stdout_logfile = /logs/shared.log
stdout_logfile_maxbytes = 256KB
stdout_logfile_backups = 100
startsecs = 0
autorestart = false

[program:burner]
command = sh -c "while :; do :; done"
numprocs = 2
startsecs = 0
"""
LIMIT = 256 * 1024


@pytest.mark.long
def test_files_are_rotated_under_load(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    files = {**programs("lines.py", "read_lines.py"), "/logs/.keep": ""}
    box = run(config=ROTATING, image=image_for(base), files=files)
    writers = ["keeper", "forgetter", *(f"shared:{number:02d}" for number in range(4))]
    box.wait_state(*writers, state="EXITED", timeout=120)
    rows = box.status()
    assert all(rows[name]["exitcode"] == 0 and rows[name]["dropped_lines"] == 0 for name in writers)

    def check(log: str) -> dict[str, Any]:
        seen = read_lines(box, f"/logs/{log}")
        assert seen["torn"] == []
        names = [file["name"] for file in seen["files"]]
        assert names == [*(f"{log}.{number}" for number in range(len(names) - 1, 0, -1)), log]
        assert all(file["whole"] and file["size"] <= LIMIT for file in seen["files"])
        # Full but for the line that did not fit any more.
        assert all(file["size"] > LIMIT - 400 for file in seen["files"][:-1])
        return seen

    seen = check("keeper.log")
    assert seen["tags"] == {"keeper": {"first": 0, "last": 39999, "count": 40000, "gapless": True}}
    assert len(seen["files"]) > 20

    seen = check("forgetter.log")
    assert len(seen["files"]) == 4
    assert seen["tags"]["forgetter"]["last"] == 39999
    assert seen["tags"]["forgetter"]["gapless"]

    seen = check("shared.log")
    whole = {"first": 0, "last": 9999, "count": 10000, "gapless": True}
    assert seen["tags"] == {f"shared-{number}": whole for number in range(4)}
    assert "keeper 0" not in box.logs()  # not in both places


SMALL_DISK = """
[supervice]

[program:talker]
command = python3 /programs/talker.py
stdout_logfile = /logs/talker.log
stdout_logfile_maxbytes = 0
startsecs = 0

[program:quiet]
command = sleep 1000
startsecs = 0
"""

TALKER = """
import itertools, os, time
progress = open("/tmp/progress", "wb", 0)
for number in itertools.count():
    print(f"{number:08d} " + "x" * 500, flush=True)
    os.pwrite(progress.fileno(), b"%08d" % number, 0)  # there is never a moment without a number
    time.sleep(0.002)
"""


def test_a_full_disk_stops_no_program_and_what_is_lost_is_told(run: Callable[..., Box]) -> None:
    box = run(config=SMALL_DISK, files={"/programs/talker.py": TALKER}, tmpfs={"/logs": "size=64k"})
    box.wait_state("talker", "quiet")
    pid = box.pid("talker")
    box.wait_log("/logs/talker.log: No space left on device")
    lost = int(eventually(lambda: box.status()["talker"]["dropped_lines"], message="lost lines are counted"))

    def progress() -> int:
        return int(box.exec("cat", "/tmp/progress", check=True).output)

    now = progress()
    eventually(lambda: progress() > now + 100, message="the program goes on")
    row = box.status()["talker"]
    assert (row["state"], row["pid"]) == ("RUNNING", pid)
    assert row["dropped_lines"] > lost
    # What is in the file is whole lines, but for the moment between a write that is cut short and its undoing.
    kept = eventually(
        lambda: (text := box.exec("cat", "/logs/talker.log", check=True).output).endswith("\n") and text
    )
    assert re.fullmatch(r"(\d{8} x{500}\n)+", kept)
    assert len(kept) > 60_000

    # There is room again, and output is written again; how much is missing is said.
    box.exec("sh", "-c", ": >/logs/talker.log", check=True)
    box.wait_log("bytes")
    told = re.search(r"/logs/talker\.log: .*?(\d+) bytes", box.logs())
    assert told
    assert int(told[1]) >= 510 * lost
    eventually(lambda: box.exec("cat", "/logs/talker.log").output.count("\n") > 2)
    assert box.pid("talker") == pid
    assert box.stop() == 0


REOPENED = """
[supervice]

[program:ticker]
command = sh -c "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.01; done"
stdout_logfile = /logs/ticker.log
startsecs = 0
"""


def test_usr2_opens_the_files_anew_and_hup_reads_the_configuration(run: Callable[..., Box]) -> None:
    box = run(config=REOPENED, files={"/logs/.keep": ""}, wait=["ticker"])
    pid = box.pid("ticker")
    eventually(lambda: "tick 3\n" in box.exec("cat", "/logs/ticker.log").output)
    box.exec("mv", "/logs/ticker.log", "/logs/away.log", check=True)
    box.kill("USR2")
    eventually(lambda: box.exec("cat", "/logs/ticker.log").output.count("\n") > 3, message="a new file")
    text = box.exec("cat", "/logs/away.log", "/logs/ticker.log", check=True).output
    numbers = [int(line.split()[1]) for line in text.splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))

    box.put(
        "/etc/supervice/supervice.conf", REOPENED + "\n[program:new]\ncommand = sleep 1000\nstartsecs = 0\n"
    )
    box.kill("HUP")
    eventually(lambda: box.state("new") == "RUNNING")
    assert box.pid("ticker") == pid
    box.put("/etc/supervice/supervice.conf", "[supervice]\nnonsense\n")
    box.kill("HUP")
    box.wait_log("nothing was reloaded")
    assert {p["state"] for p in box.status().values()} == {"RUNNING"}
    assert box.pid("ticker") == pid
    assert box.stop() == 0


def test_lines_of_different_programs_are_not_mixed(run: Callable[..., Box]) -> None:
    config = """\
[supervice]
log_format = prefix
[program:writer]
command = python3 /programs/lines.py writer-%(process_num)d 5000
numprocs = 4
startsecs = 0
autorestart = false
"""
    box = run(config=config, files=programs("lines.py"))
    assert box.wait(timeout=60) == 0
    lines = box.container.logs(stdout=True, stderr=False).decode().splitlines()
    pattern = re.compile(r"writer:0(\d) \| writer-(\d) (\d{8}) (\d{4}) x*")
    seen: dict[str, list[int]] = {}
    for line in lines:
        if line.startswith("supervice | "):
            continue
        match = pattern.fullmatch(line)
        assert match, line
        assert match[1] == match[2]
        assert int(match[4]) == len(line) - len("writer:00 | ") + 1
        seen.setdefault(match[1], []).append(int(match[3]))
    assert seen == {str(number): list(range(5000)) for number in range(4)}


FLOOD = """
[supervice]

[program:flood]
command = python3 /programs/lines.py flood-%(process_num)d 200000 100
numprocs = 3
startsecs = 0
autorestart = false
"""


@pytest.mark.parametrize(
    "options",
    [{"user": "12345:12345"}, {"read_only": True}, {"init": True, "user": "12345:12345", "read_only": True}],
    ids=["user", "read-only", "user under an init, read-only"],
)
def test_sixty_megabytes_from_any_writer(run: Callable[..., Box], options: dict[str, Any]) -> None:
    """More than the engine reads at once: pipes are full, and what goes from pipe to pipe ends anywhere."""
    box = run(config=FLOOD, files=programs("lines.py"), **options)
    assert box.wait(timeout=120) == 0
    numbers: dict[bytes, list[int]] = {}
    for line in box.container.logs(stdout=True, stderr=False).split(b"\n"):
        if b"flood-" in line and b"INFO" not in line:
            assert len(line) == 99, line
            tag, number, _ = line.split(b" ", 2)
            numbers.setdefault(tag, []).append(int(number))
    assert numbers == {b"flood-%d" % n: list(range(200_000)) for n in range(3)}


COMPRESSED = """
[supervice]

[program:keeper]
command = python3 /programs/lines.py keeper 20000 100 --hold
stdout_logfile = /logs/keeper.log
stdout_logfile_maxbytes = 100KB
stdout_logfile_backups = 100
stdout_logfile_compress = true
startsecs = 0
"""
UNPACK = "import glob, gzip\nfor f in glob.glob('/logs/*.gz'): print(f, gzip.open(f).read().count(b'\\n'))"


@pytest.mark.parametrize("options", [{}, {"user": "12345:12345", "read_only": True}], ids=["root", "user"])
def test_old_files_are_compressed(run: Callable[..., Box], options: dict[str, Any]) -> None:
    """By the interpreter that the image brings, with nothing but the log directory to write to."""
    box = run(config=COMPRESSED, files=programs("lines.py"), tmpfs={"/logs": "mode=1777"}, **options)

    def names() -> list[str]:
        return box.exec("ls", "/logs", check=True).output.split()

    eventually(lambda: len(names()) == 20 and sum(name.endswith(".gz") for name in names()) == 19, 60)
    counted = box.exec("python3", "-c", UNPACK, check=True).output.split()[1::2]
    last = box.exec("cat", "/logs/keeper.log", check=True).output.count("\n")
    assert sum(map(int, counted)) + last == 20_000
    assert box.status()["keeper"]["state"] == "RUNNING"
    assert box.stop() == 0
    assert "left behind" not in box.logs()
