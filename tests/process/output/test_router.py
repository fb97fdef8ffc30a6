"""Output of real children arrives whole: counted, in order, with lines never mixed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervice.models import ProgramConfig
from tests.process.harness.output import SPEW, Lab, Reader, numbered


def rotated(path: Path) -> bytes:
    names = sorted(path.parent.glob(path.name + ".*"), key=lambda p: -int(p.name.rsplit(".", 1)[1]))
    return b"".join(p.read_bytes() for p in [*names, path])


def test_twenty_programs_write_a_mebibyte_and_exit(lab: Lab, tmp_path: Path) -> None:
    """Nothing lost, nothing torn, in rotated files; all exit before anything was read."""
    size = 1 << 20
    programs = []
    for n in range(20):
        path = tmp_path / f"log{n}"
        limits = {"stdout_logfile_maxbytes": 100_000, "stdout_logfile_backups": 20}
        programs.append(lab.program(f"p{n}", stdout_logfile=str(path), **limits))
        programs[-1].python(SPEW + f"spew(b'p{n}', {size})")
    for program in programs:
        program.reap()
    lab.idle()
    for n, program in enumerate(programs):
        path = tmp_path / f"log{n}"
        assert rotated(path).split(b"\n")[:-1] == numbered(b"p%d" % n, size)
        assert all(p.stat().st_size <= 100_000 for p in tmp_path.glob(f"log{n}*"))
        assert all(p.read_bytes().endswith(b"\n") for p in tmp_path.glob(f"log{n}.*"))
        assert program.output.drained()
        assert (program.output.lost_bytes, program.output.dropped_lines) == (0, 0)


def test_lines_of_many_programs_on_one_stdout(lab: Lab, reader: Reader) -> None:
    """In a shared pipe: each line whole, each program's lines in order, all there."""
    lab.make(stdout_fd=reader.write_end)
    size = 300_000
    programs = [lab.program(f"p{n}") for n in range(8)]
    for n, program in enumerate(programs):
        program.python(SPEW + f"spew(b'p{n}', {size}, 7777)")
    for program in programs:
        program.ends(20, reader)
        program.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    lines = reader.read().split(b"\n")
    assert lines.pop() == b""
    for n in range(8):
        tag = b"p%d" % n
        assert [line for line in lines if line.startswith(tag + b" ")] == numbered(tag, size)
    assert len(lines) == 8 * (size // 120)


def test_stdout_byte_for_byte(lab: Lab, reader: Reader, second_reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end, stderr_fd=second_reader.write_end)
    program = lab.program()
    program.sh(r"printf 'a\0b\377\r\n\n'; printf 'oops\n' >&2; printf 'last'")
    assert program.reap() == 0
    lab.idle()
    assert reader.read() == b"a\0b\xff\r\n\nlast"
    assert second_reader.read() == b"oops\n"


def test_the_last_line_of_a_run_gets_a_newline_only_when_another_follows(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end)
    one, two = lab.program("one"), lab.program("two")
    one.sh("printf unfinished")
    one.reap()
    assert reader.read() == b"unfinished"
    one.sh("printf 'second run'")
    one.reap()
    assert reader.read() == b"unfinished\nsecond run"
    two.sh("echo other")
    two.reap()
    assert reader.read() == b"unfinished\nsecond run\nother\n"


def test_the_last_line_between_runs_in_a_file(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = lab.program(stdout_logfile=str(path))
    for _ in range(3):
        program.sh("printf run")
        program.reap()
    lab.idle()
    assert path.read_bytes() == b"run\nrun\nrun"


def test_output_after_the_stop_signal(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = lab.program(stdout_logfile=str(path))
    code = SPEW + (
        "import signal, time\n"
        "def stop(*_):\n    spew(b'bye', 600000)\n    os.write(1, b'end'); os._exit(3)\n"
        "signal.signal(signal.SIGTERM, stop)\nos.write(1, b'ready\\n')\nsignal.pause()"
    )
    child = program.python(code)
    lab.until(lambda: path.read_bytes() == b"ready\n")
    child.send_signal(signal.SIGTERM)
    assert program.reap() == 3
    lab.idle()
    assert path.read_bytes().split(b"\n") == [b"ready", *numbered(b"bye", 600000), b"end"]


def test_a_grandchild_that_outlives_its_parent(lab: Lab, tmp_path: Path) -> None:
    """Its output is kept, and it delays neither the end of the run nor the next one."""
    path = tmp_path / "log"
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    program = lab.program(stdout_logfile=str(path))
    program.sh(f"echo parent; (read x < {fifo}; echo grandchild; printf last) & exit 0")
    program.reap()
    assert program.output.drained()
    assert not lab.router.pending()
    assert path.read_bytes() == b"parent\n"
    program.sh("echo next run")
    program.reap()
    lab.idle()
    assert path.read_bytes() == b"parent\nnext run\n"
    fifo.write_text("go\n")
    lab.until(lambda: path.read_bytes() == b"parent\nnext run\ngrandchild\nlast")


def test_a_grandchild_that_never_stops_writing(lab: Lab, tmp_path: Path) -> None:
    """What the child left is bounded, so its end is reported although the pipe never runs dry."""
    program = lab.program(stdout_logfile=str(tmp_path / "log"), stdout_logfile_backups=1)
    program.sh("yes & echo $! >&2; exit 0")
    program.reap()
    lab.until(program.output.drained, 5)
    assert not lab.router.pending()
    lab.until(lambda: program.output.tail(1, "stderr"))
    os.kill(int(program.output.tail(1, "stderr")[0][1]), signal.SIGKILL)


def test_redirect_stderr_keeps_the_order(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = lab.program(stdout_logfile=str(path), redirect_stderr=True)
    program.sh("for n in 1 2 3 4 5; do echo out $n; echo err $n >&2; done")
    program.reap()
    expected = "".join(f"out {n}\nerr {n}\n" for n in range(1, 6))
    assert path.read_text() == expected


def test_both_streams_and_two_programs_in_one_file(lab: Lab, tmp_path: Path) -> None:
    """Same file by another name too: one sink, so rotation happens once and lines stay whole."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    path = tmp_path / "real" / "log"
    other = tmp_path / "link" / "log"
    common = {
        "stdout_logfile_maxbytes": 50_000,
        "stdout_logfile_backups": 99,
        "stderr_logfile_maxbytes": 50_000,
        "stderr_logfile_backups": 99,
    }
    one = lab.program("one", stdout_logfile=str(path), stderr_logfile=str(other), **common)
    two = lab.program("two", stdout_logfile=str(other), **common)
    one.python(SPEW + "spew(b'one', 300000, 1000); os.dup2(2, 1); spew(b'err', 300000, 1000)")
    two.python(SPEW + "spew(b'two', 300000, 1000)")
    one.reap()
    two.reap()
    lab.idle()
    lines = rotated(path).split(b"\n")[:-1]
    for tag in (b"one", b"err", b"two"):
        assert [line for line in lines if line.startswith(tag)] == numbered(tag, 300000)
    assert len(lines) == 3 * 2500
    for file in path.parent.glob("log.*"):
        assert file.stat().st_size <= 50_000


def test_very_long_lines_flow_in_parts(lab: Lab, reader: Reader, tmp_path: Path) -> None:
    lab.make(stdout_fd=reader.write_end)
    program = lab.program()
    os.mkfifo(tmp_path / "go")
    program.python(
        "import os\nfor _ in range(300): os.write(1, b'x' * 1000)\n"
        f"open({str(tmp_path / 'go')!r}).read()\nos.write(1, b'\\nend\\n')"
    )
    lab.until(lambda: len(reader.read()) >= 300_000 - 65536, message="it flows before it has ended")
    (tmp_path / "go").write_text("")
    lab.until(lambda: reader.read().endswith(b"end\n"))
    program.reap()
    assert reader.read() == b"x" * 300_000 + b"\nend\n"


@pytest.mark.parametrize("length", [65535, 65536])
def test_lines_up_to_64_kib_are_never_mixed(lab: Lab, reader: Reader, length: int) -> None:
    lab.make(stdout_fd=reader.write_end)
    long, short = lab.program("long"), lab.program("short")
    long.python(
        f"import os\nfor n in range(0, {length}, 5): os.write(1, b'x' * min(5, {length} - n))\n"
        "os.write(1, b'\\n')"
    )
    short.python("import os\nfor n in range(3000): os.write(1, b'short\\n')")
    lab.until(lambda: reader.read() is not None and long.child.poll() is not None, 20)
    lab.until(lambda: reader.read() is not None and short.child.poll() is not None, 20)
    long.output.exited()
    short.output.exited()
    lines = reader.read().split(b"\n")
    assert lines.pop() == b""
    assert lines.count(b"x" * length) == 1
    assert lines.count(b"short") == 3000
    assert len(lines) == 3001


def test_none_costs_no_descriptor(lab: Lab) -> None:
    programs = [
        lab.program(f"p{n}", stdout_logfile="NONE", stderr_logfile="none", redirect_stderr=n == 1)
        for n in range(3)
    ]
    before = len(os.listdir("/proc/self/fd"))
    for program in programs:
        assert len(set(program.output.prepare())) == 1
        program.output.started(1)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    for program in programs:
        program.output.exited()
        program.sh("echo without; echo reader >&2")
        program.reap()
        assert program.output.tail(5) == []


def test_json_and_prefix(lab: Lab, reader: Reader, second_reader: Reader, tmp_path: Path) -> None:
    lab.make(stdout_fd=reader.write_end, stderr_fd=second_reader.write_end, log_format="json")
    web = lab.program("web")
    file = lab.program("file", stdout_logfile=str(tmp_path / "log"))
    own = lab.program("own")
    own.config.log_format = "prefix"
    child = web.sh("echo one; echo two >&2; printf three")
    web.reap()
    file.sh("echo raw")
    file.reap()
    own.sh("echo mine")
    own.reap()
    lab.idle()
    first, third, prefixed = reader.read().splitlines()
    assert json.loads(first)["message"] == "one"
    assert json.loads(third)["message"] == "three"
    assert json.loads(third)["pid"] == child.pid
    assert json.loads(second_reader.read())["stream"] == "stderr"
    assert prefixed == b"own | mine"
    assert (tmp_path / "log").read_bytes() == b"raw\n"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_device_paths_are_our_stdout_and_never_rotated(tmp_path: Path, name: str) -> None:
    """In a process of its own: fd 1 is a regular file here, which would be rotated if it were opened."""
    if name == "link":
        (tmp_path / "access.log").symlink_to("/dev/stdout")
        name = str(tmp_path / "access.log")
    code = f"""
import os, subprocess
from supervice.lean.loop import Loop
from supervice.models import ProgramConfig
from supervice.output.router import OutputRouter
router = OutputRouter(Loop(), log=print)
output = router.open(ProgramConfig("a", "x", stdout_logfile={name!r}, stdout_logfile_maxbytes=10))
for n in range(3):
    out, err = output.prepare()
    child = subprocess.Popen(["/bin/echo", "a line longer than ten bytes"], stdout=out, stderr=err)
    output.started(child.pid)
    child.wait()
    output.exited()
router.close()
"""
    with (tmp_path / "out").open("wb") as out:
        out.write(b"before\n")
        out.flush()
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, timeout=20)
    assert (tmp_path / "out").read_bytes() == b"before\n" + b"a line longer than ten bytes\n" * 3
    assert {p.name for p in tmp_path.iterdir()} <= {"out", "access.log"}


def test_a_log_directory_that_is_missing_is_said_and_retried(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "later" / "log"
    program = lab.program(stdout_logfile="NONE", stderr_logfile=str(path))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        program.output.prepare()
    assert len(os.listdir("/proc/self/fd")) == before
    path.parent.mkdir()
    program.sh("echo there >&2")
    program.reap()
    assert path.read_bytes() == b"there\n"


def test_a_spawn_that_fails_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    program = lab.program(stdout_logfile=str(tmp_path / "log"))
    program.sh("true")
    program.reap()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            program.start("/no/such/binary")
    assert len(os.listdir("/proc/self/fd")) == before
    assert program.output.drained()


def test_no_descriptors_left_for_a_second_pipe(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = lab.program(stdout_logfile=str(tmp_path / "log"), stderr_logfile=str(tmp_path / "err"))
    program.sh("true")
    program.reap()
    before = len(os.listdir("/proc/self/fd"))
    real, calls = os.pipe2, []

    def one_only(flags: int) -> tuple[int, int]:
        calls.append(flags)
        if len(calls) == 2:
            raise OSError(24, "Too many open files")
        return real(flags)

    monkeypatch.setattr(os, "pipe2", one_only)
    with pytest.raises(OSError, match="Too many"):
        program.output.prepare()
    assert len(os.listdir("/proc/self/fd")) == before


def test_reload_changes_the_log_of_a_running_program(lab: Lab, tmp_path: Path, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end)
    one, two = tmp_path / "one", tmp_path / "two"
    program = lab.program(stdout_logfile=str(one), stderr_logfile="NONE")
    child = program.start("/bin/cat")  # its stdin is /dev/null: it ends; the next one talks
    program.reap()
    fifo = tmp_path / "in"
    os.mkfifo(fifo)
    child = program.start("/bin/sh", "-c", f"exec cat < {fifo}")
    source = os.open(fifo, os.O_RDWR)

    def say(text: bytes, seen: Callable[[], bytes]) -> None:
        os.write(source, text)
        lab.until(lambda: text in seen())

    def config(**fields: Any) -> ProgramConfig:
        return ProgramConfig("web", "unused", stderr_logfile="NONE", **fields)

    say(b"first\n", one.read_bytes)
    program.output.reconfigure(config(stdout_logfile=str(two)))
    say(b"second\n", two.read_bytes)
    program.output.reconfigure(config(stdout_logfile=str(tmp_path / "no" / "log")))
    assert "cannot be opened" in lab.messages[-1][1]
    say(b"third\n", two.read_bytes)
    program.output.reconfigure(config())
    say(b"fourth\n", reader.read)
    program.output.reconfigure(config(stdout_logfile="NONE"))
    os.write(source, b"nobody\n")
    lab.until(lambda: program.output.tail(1) == [("stdout", b"nobody")])
    program.output.reconfigure(config(stdout_logfile=str(one)))
    say(b"fifth\n", one.read_bytes)
    os.close(source)
    child.kill()
    program.reap()
    assert one.read_bytes() == b"first\nfifth\n"
    assert two.read_bytes() == b"second\nthird\n"
    assert reader.read() == b"fourth\n"


def test_reopen_for_logrotate(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = lab.program(stdout_logfile=str(path))
    program.sh("echo one")
    program.reap()
    path.rename(tmp_path / "log.old")
    lab.router.reopen()
    program.sh("echo two")
    program.reap()
    assert path.read_bytes() == b"two\n"


def test_tail_and_followers_through_restarts(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end, log_buffer=1000)
    program = lab.program(stderr_logfile="NONE")
    got: list[tuple[str, bytes]] = []
    follower = program.output.subscribe(lambda: got.extend(follower.take()[1]))
    slow = program.output.subscribe(lambda: None)
    for n in range(5):
        program.sh(f"echo run {n}; printf 'last {n}'")
        program.reap()
    lab.until(lambda: b"last 4" in b"".join(data for _, data in got))
    assert program.output.tail(3) == [("stdout", b"last 3"), ("stdout", b"run 4"), ("stdout", b"last 4")]
    program.python(SPEW + "spew(b'p', 1200000)")
    lab.until(lambda: reader.read() is not None and program.child.poll() is not None)
    program.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    kept = program.output.tail(1000)
    assert [line for _, line in kept] == numbered(b"p", 1200000)[-len(kept) :]
    assert 5 <= len(kept) <= 8
    lost, pieces = slow.take()
    assert lost + sum(data.count(b"\n") for _, data in pieces) == 10 + 10000
    follower.close()
    slow.close()


def test_close_of_a_removed_program_keeps_its_last_output(lab: Lab, reader: Reader) -> None:
    """With a stalled reader the rest is still in the pipe when the process is forgotten."""
    lab.make(stdout_fd=reader.write_end)
    program = lab.program()
    program.python(SPEW + "spew(b'fill', 3000000)")
    lab.until_stalled(reader)
    lab.until(lambda: reader.read() is not None and program.child.poll() is not None)
    program.output.exited()
    program.output.close()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    assert reader.read().split(b"\n")[:-1] == numbered(b"fill", 3000000)


def test_silent_programs_cost_little(lab: Lab, tmp_path: Path) -> None:
    """200 programs that log both streams to files; 8 KiB a process is the budget for everything."""
    import gc
    import tracemalloc

    for n in range(20):
        program = lab.program(f"warm{n}", stdout_logfile=str(tmp_path / f"w{n}"))
        program.output.prepare()
        program.output.started(1)
    gc.collect()
    tracemalloc.start()
    for n in range(200):
        program = lab.program(
            f"p{n}", stdout_logfile=str(tmp_path / f"o{n}"), stderr_logfile=str(tmp_path / f"e{n}")
        )
        program.output.prepare()
        program.output.started(1)
    gc.collect()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print("bytes a program:", used / 200)
    assert used / 200 < 5500  # the configuration object and the harness are in it


def test_what_the_daemon_imports() -> None:
    """Imports are a decision: SPEC 9, docs/adr/0002."""
    code = (
        "import sys; sys.path.insert(0, '.');"
        "from supervice import logger; from supervice.lean import loop; import supervice.output.router;"
        "logger.use_stream('INFO', lambda line: None); logger.info('x');"
        "bad = {'logging', 'typing', 'dataclasses', 're', 'asyncio', 'subprocess', 'json', 'datetime',"
        "       'shutil', 'pathlib', 'socket', 'supervice.output.formats'} & set(sys.modules);"
        "sys.exit(', '.join(bad) or 0)"
    )
    subprocess.run([sys.executable, "-S", "-I", "-c", code], check=True)
