"""Nothing that happens to a reader or a disk stops the loop, and what is lost is counted."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from supervice.models import ProgramConfig
from supervice.output.process_output import HELD_PIPES, STALLED_RUNS
from tests.process.harness.descriptors import descriptors
from tests.process.harness.output import SPEW, Lab, Program, Reader, numbered

if TYPE_CHECKING:
    from supervice.output.sinks import Sink


def test_a_stalled_reader_holds_up_only_the_writer(lab: Lab, reader: Reader, tmp_path: Path) -> None:
    lab.make(stdout_fd=reader.write_end)
    size = 6_000_000
    stalled = lab.program("stalled")
    stalled.python(SPEW + f"spew(b'slow', {size})")
    lab.until_stalled(reader)
    quick = lab.program("quick", stdout_logfile=str(tmp_path / "log"))
    quick.python(SPEW + f"spew(b'quick', {size})")
    quick.reap()
    assert (tmp_path / "log").read_bytes().split(b"\n")[:-1] == numbered(b"quick", size)
    assert stalled.child is not None
    assert stalled.child.poll() is None
    began = os.times().user + os.times().system
    lab.turn(0.3)
    assert os.times().user + os.times().system - began < 0.2, "it spins while the reader is stalled"
    assert lab.router.pending()
    lab.until(lambda: reader.read() is not None and stalled.child.poll() is not None)
    stalled.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    assert reader.read().split(b"\n")[:-1] == numbered(b"slow", size)
    assert stalled.output.lost_bytes == 0


def test_with_drop_the_writer_goes_on_and_lines_are_counted(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end, log_overflow="drop")
    size = 6_000_000
    program = lab.program()
    program.python(SPEW + f"spew(b'drop', {size})")
    program.reap()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    program.sh("echo still here")
    program.reap()
    lines = reader.read().split(b"\n")[:-1]
    assert lines[-1] == b"still here"
    everything = numbered(b"drop", size)
    assert set(lines[:-1]) <= set(everything)
    assert lines[:-1] == sorted(lines[:-1])
    assert program.output.dropped_lines == len(everything) - len(lines) + 1 > 0
    assert program.output.lost_bytes == program.output.dropped_lines * 120
    assert "lines were dropped" in lab.messages[0][1]
    assert len(lab.messages) == 1  # and not one for each short stall


def test_runs_stay_in_order_behind_a_stalled_reader(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end)
    fill, program = lab.program("fill"), lab.program()
    fill.python(SPEW + "spew(b'fill', 3000000)")
    lab.until_stalled(reader)
    for n in range(10):
        program.python(SPEW + f"spew(b'run{n}', 60000)")
        program.reap()
        assert not program.output.drained()
    lab.until(lambda: reader.read() is not None and fill.child.poll() is not None)
    fill.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    lines = [line for line in reader.read().split(b"\n") if line.startswith(b"run")]
    assert lines == [line for n in range(10) for line in numbered(b"run%d" % n, 60000)]
    assert program.output.drained()


def test_a_run_that_stalls_again_half_read_stays_before_the_next(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end)
    fill, program = lab.program("fill"), lab.program(stderr_logfile="NONE")
    fill.python(SPEW + "spew(b'fill', 3000000)")
    lab.until_stalled(reader)
    for n in range(3):  # each in a big pipe, more than what is read at once
        program.python(SPEW + f"import fcntl; fcntl.fcntl(1, 1031, 1 << 20); spew(b'run{n}', 960000)")
        program.reap()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    lines = [line for line in reader.read().split(b"\n") if line.startswith(b"run")]
    assert lines == [line for n in range(3) for line in numbered(b"run%d" % n, 960000)]


def test_a_grandchild_that_floods_a_slow_reader(lab: Lab, reader: Reader, tmp_path: Path) -> None:
    """The ended run counts as read at some point, though its pipe never is empty."""
    lab.make(stdout_fd=reader.write_end)
    program = lab.program()
    program.sh(f"yes & echo $! > {tmp_path}/pid; exit 0")  # not into the flood, where it might wait
    program.reap()

    def drained() -> bool:
        reader.data = reader.data[:100]
        try:
            reader.data += os.read(reader.fd, 16384)
        except BlockingIOError:
            pass
        return program.output.drained()

    lab.until(drained)
    os.kill(int((tmp_path / "pid").read_text()), 9)


def test_dropping_never_shows_the_end_of_a_line_without_its_beginning(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end, log_overflow="drop")
    program = lab.program()
    code = "import os\nfor n in range(60): os.write(1, b'<%d ' % n + b'x' * 200000 + b'>\\n')\n"
    program.python(code + "os.write(1, b'<short>\\n' * 10)")

    def drip() -> bool:
        """A reader that is too slow, so that dropping ends and begins in the middle of lines."""
        try:
            reader.data += os.read(reader.fd, 100_000)
        except BlockingIOError:
            pass
        return program.child.poll() is not None

    lab.until(drip)
    program.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    program.sh("echo '<end>'")
    program.reap()
    lines = reader.read().split(b"\n")[:-1]
    assert all(line.startswith(b"<") for line in lines)
    assert lines[-1] == b"<end>"
    whole = [line for line in lines if line.endswith(b">")]
    assert all(len(line) in (200004, 200005, 7, 5) for line in whole)
    assert len(whole) > 5
    assert program.output.dropped_lines > 0


def test_a_crash_loop_behind_a_stalled_reader_does_not_eat_descriptors(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end)
    fill, program = lab.program("fill"), lab.program(stderr_logfile="NONE")
    fill.python(SPEW + "spew(b'fill', 3000000)")
    lab.until_stalled(reader)
    before = len(descriptors())
    runs = STALLED_RUNS + 14
    for n in range(runs):
        program.sh(f"echo run{n:04}")
        program.reap()
    assert len(descriptors()) <= before + STALLED_RUNS + 1
    assert program.output.lost_bytes == 14 * 8
    lab.until(lambda: reader.read() is not None and fill.child.poll() is not None)
    fill.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    lines = [line for line in reader.read().split(b"\n") if line.startswith(b"run")]
    assert lines == [b"run%04d" % n for n in range(14, runs)]


def test_processes_that_hold_the_output_of_ended_runs_do_not_eat_descriptors(
    lab: Lab, tmp_path: Path
) -> None:
    """Each run leaves a process with both of its pipes, in a crash loop: the oldest pipes are closed."""
    path = tmp_path / "log"
    program = lab.program(stdout_logfile=str(path), stderr_logfile=str(path))
    hold, held = os.pipe()
    before = len(descriptors())
    runs = HELD_PIPES // 2 + 10

    def leave(n: int) -> None:
        # `read` ends when we close our end; then it writes once more
        out, err = program.output.prepare()
        script = f"exec 3<&0; (read line <&3; echo late{n:04}) & echo run{n:04}"
        child = subprocess.Popen(["/bin/sh", "-c", script], stdin=hold, stdout=out, stderr=err)
        program.output.started(child.pid)
        lab.until(lambda: child.poll() is not None)
        program.output.exited()

    try:
        for n in range(runs):
            leave(n)
        assert len(descriptors()) <= before + HELD_PIPES + 3
        said = [text for level, text in lab.messages if level == "warning"]
        assert len(said) == 1, lab.messages
        assert said[0].startswith("web: processes that its earlier runs left hold their output")
        assert program.output.lost_bytes == 0
    finally:
        os.close(hold)
        os.close(held)
    lab.until(lambda: program.output.alone)
    lines = path.read_bytes().split(b"\n")
    assert [line for line in lines if line.startswith(b"run")] == [b"run%04d" % n for n in range(runs)]
    late = sorted(line for line in lines if line.startswith(b"late"))
    assert late == [b"late%04d" % n for n in range(10, runs)]  # the newest are read to their end


def test_the_reader_of_our_stdout_goes_away(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end)
    program = lab.program()
    program.sh("echo one")
    program.reap()
    os.close(reader.fd)
    for _ in range(3):
        program.sh("echo two; echo three")
        assert program.reap() == 0
    assert (program.output.lost_bytes, program.output.dropped_lines) == (30, 6)
    lost = [text for _, text in lab.messages]
    assert len(lost) == 1, lost
    reader.fd = os.open("/dev/null", os.O_RDONLY)


def test_one_pipe_for_both_is_one_sink(lab: Lab, reader: Reader) -> None:
    other = os.dup(reader.write_end)
    lab.make(stdout_fd=reader.write_end, stderr_fd=other)
    assert lab.router.own(0) is lab.router.own(1)
    program = lab.program()
    program.sh("printf out; printf err >&2")
    program.reap()
    assert reader.read() in (b"out\nerr", b"err\nout")
    os.close(other)


def test_the_pipe_of_pid_1_under_an_init_is_our_stdout(lab: Lab, reader: Reader) -> None:
    """`stdout_logfile=/proc/1/fd/1` with `docker run --init`: another process' descriptor, the same pipe."""
    child = subprocess.Popen(["/bin/sleep", "1000"], stdout=reader.write_end)
    try:
        lab.make(stdout_fd=reader.write_end)
        programs = [lab.program(stdout_logfile=f"/proc/{child.pid}/fd/1"), lab.program("other")]
        for program in programs:
            program.sh("printf hello")
            program.reap()
        assert reader.read() == b"hello\nhello"
        router = lab.make()
        program = lab.program(stdout_logfile=f"/proc/{child.pid}/fd/1")
        program.sh("printf '\\nbye'")
        program.reap()
        assert router.own(0) is not stdout_of(program)
        assert reader.read() == b"hello\nhello\nbye"
    finally:
        child.kill()
        child.wait()


def stdout_of(program: Program) -> Sink:
    sinks = program.output._sinks
    assert sinks is not None
    assert sinks[0] is not None
    return sinks[0]


def test_moved_away_from_a_stalled_target_by_reload(lab: Lab, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    program = lab.program(stdout_logfile=str(tmp_path / "fifo"), stderr_logfile="NONE")
    program.python(SPEW + "spew(b'move', 3000000)")
    lab.until(lambda: stdout_of(program).blocked)
    program.output.reconfigure(
        ProgramConfig("web", "unused", stdout_logfile=str(tmp_path / "log"), stderr_logfile="NONE")
    )
    program.reap()
    lines = (tmp_path / "log").read_bytes().split(b"\n")[:-1]
    assert lines == numbered(b"move", 3000000)[-len(lines) :]
    assert len(lines) > 20000 - (1 << 20) // 120 - (1 << 19) // 120


def test_the_daemons_log_goes_between_the_lines(lab: Lab, reader: Reader) -> None:
    lab.make(stdout_fd=reader.write_end)
    write = lab.router.log_stream()
    program = lab.program()
    program.sh("printf unfinished")
    program.reap()
    write(b"daemon\n")
    assert reader.read() == b"unfinished\ndaemon\n"
    program.python(SPEW + "spew(b'fill', 6000000)")
    lab.until_stalled(reader)
    for n in range(50000):
        write(b"line %d of a daemon that has much to say\n" % n)
    assert 0 < write.lost_lines < 50000
    lab.until(lambda: reader.read() is not None and program.child.poll() is not None)
    program.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    assert reader.read().count(b"much to say\n") == 50000 - write.lost_lines


def test_the_daemons_log_in_a_rotating_file(lab: Lab, tmp_path: Path) -> None:
    write = lab.make().log_file(str(tmp_path / "log"), 100, 2)
    for n in range(20):
        write(b"message number %04d\n" % n)
    lab.idle()
    assert (tmp_path / "log.2").read_bytes().startswith(b"message number 0005\n")


class Terminal:
    """A pty as our stdout; `controller` is where the user sits."""

    def __init__(self) -> None:
        self.controller, self.fd = pty.openpty()
        settings = termios.tcgetattr(self.fd)
        settings[1] &= ~termios.OPOST
        termios.tcsetattr(self.fd, termios.TCSANOW, settings)
        os.set_blocking(self.controller, False)
        self.data = b""

    def read(self) -> bytes:
        try:
            while chunk := os.read(self.controller, 65536):
                self.data += chunk
        except BlockingIOError:
            pass
        return self.data

    def close(self) -> None:
        os.close(self.controller)
        os.close(self.fd)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


@pytest.mark.parametrize("shared", [False, True])
def test_a_stopped_terminal(
    lab: Lab, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    """Ctrl-S, or no reader: the loop lives; also where the terminal cannot be opened anew."""
    if shared:
        real = os.open

        def refused(path: Any, *args: Any, **kwargs: Any) -> int:
            if str(path).startswith("/proc/self/fd/"):
                raise PermissionError
            return real(path, *args, **kwargs)

        monkeypatch.setattr(os, "open", refused)
    lab.make(stdout_fd=terminal.fd)
    termios.tcflow(terminal.fd, termios.TCOOFF)
    program = lab.program()
    program.python(SPEW + "spew(b'tty', 600000)")
    lab.until(lambda: lab.router.own(0).blocked)
    lab.turn()
    termios.tcflow(terminal.fd, termios.TCOON)
    lab.until(lambda: terminal.read() is not None and program.child.poll() is not None)
    program.output.exited()
    lab.until(lambda: terminal.read() is not None and not lab.router.pending())
    assert terminal.read().split(b"\n")[:-1] == numbered(b"tty", 600000)
    assert os.get_blocking(terminal.fd)


def test_colours_on_a_terminal_only(
    lab: Lab, terminal: Terminal, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for fd, colours in ((terminal.fd, True), (reader.write_end, False)):
        lab.make(stdout_fd=fd, log_format="prefix")
        program = lab.program()
        program.sh("echo hello")
        program.reap()
        lab.idle()
        seen = terminal.read() if colours else reader.read()
        assert (b"\x1b[" in seen) is colours
        assert b"web | " in seen


def test_a_fifo_without_a_reader(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    program = lab.program(stdout_logfile=str(path), stdout_logfile_maxbytes=10)
    program.sh("echo a line longer than ten bytes")
    assert program.reap() == 0
    program.python(SPEW + "spew(b'fifo', 3000000)")  # more than fits: the writer waits for a reader
    lab.turn()
    assert program.child is not None
    assert program.child.poll() is None
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    found = b""

    def ended() -> bool:
        nonlocal found
        while select.select([fd], [], [], 0)[0]:
            found += os.read(fd, 1 << 20)
        return program.child.poll() is not None

    lab.until(ended)
    program.output.exited()
    lab.until(lambda: ended() and not lab.router.pending())
    os.close(fd)
    assert found.split(b"\n")[:-1] == [b"a line longer than ten bytes", *numbered(b"fifo", 3000000)]
    assert [p.name for p in tmp_path.iterdir()] == ["fifo"]


def test_a_device_that_is_always_full(lab: Lab) -> None:
    program = lab.program(stdout_logfile="/dev/full")
    program.python(SPEW + "spew(b'full', 1200000)")
    assert program.reap() == 0
    assert program.output.lost_bytes == 1_200_000
    assert program.output.dropped_lines == 10_000
    assert len(lab.messages) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "disk"
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(path)], capture_output=True)
    if done.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk(lab: Lab, small_disk: Path) -> None:
    """Programs keep running, lost bytes are counted and reported, no line is torn, and it recovers."""
    path = small_disk / "log"
    program = lab.program(stdout_logfile=str(path), stdout_logfile_maxbytes=50_000, stdout_logfile_backups=99)
    program.python(SPEW + "spew(b'disk', 1200000)")
    assert program.reap() == 0
    kept = sum(p.stat().st_size for p in small_disk.iterdir())
    assert program.output.lost_bytes == 1_200_000 - kept > 0
    assert program.output.dropped_lines * 120 == program.output.lost_bytes
    for file in small_disk.iterdir():
        assert file.read_bytes()[-1:] in (b"\n", b"")
    assert len(lab.messages) == 1, lab.messages
    assert "No space left" in lab.messages[0][1]
    for file in small_disk.glob("log.*"):
        file.unlink()
    program.sh("echo again")
    program.reap()
    assert path.read_bytes().endswith(b"\nagain\n")
    assert f"{program.output.lost_bytes} bytes" in lab.messages[1][1]
    lab.router.close()


def test_the_log_directory_disappears(lab: Lab, tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    path = directory / "log"
    program = lab.program(stdout_logfile=str(path), stdout_logfile_maxbytes=1000)
    program.sh("echo one")
    program.reap()
    path.unlink()
    directory.rmdir()
    program.python(SPEW + "spew(b'gone', 120000)")
    assert program.reap() == 0
    lab.idle()  # what is held for the next turn would go into the new file
    directory.mkdir()
    lab.router.reopen()
    program.sh("echo two")
    program.reap()
    assert path.read_bytes() == b"two\n"
    assert len(lab.messages) == 1


def test_flush_at_shutdown_reads_what_killed_leftovers_wrote(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = lab.program(stdout_logfile=str(path))
    program.sh("(echo pid $$; exec sleep 1000) & echo $!; exit 0")
    program.reap()
    lab.until(lambda: len(path.read_bytes().split(b"\n")) == 3)
    pid = next(int(line) for line in path.read_text().split("\n") if line.isdigit())
    os.kill(pid, 9)
    lab.router.flush()
    lab.idle()
    lab.until(lambda: not lab.router.pending() and program.output.drained())


def test_as_a_user_who_may_not_open_our_stdout(tmp_path: Path) -> None:
    """`docker run -u 12345`: the pipe is root's. Output arrives all the same, and a stall does not block."""
    if os.getuid():
        pytest.skip("needs root to become another user")
    code = """
import os, subprocess, sys
from supervice.lean.loop import Loop, sleep
from supervice.models import ProgramConfig
from supervice.output.router import OutputRouter
import errno, fcntl, select, termios  # loaded on demand, which another user may not do here
os.setresgid(12345, 12345, 12345)
os.setresuid(12345, 12345, 12345)
try:
    os.open("/proc/self/fd/1", os.O_WRONLY)
    sys.exit("this test tests nothing")
except PermissionError:
    pass
loop = Loop()
router = OutputRouter(loop, log=lambda *a: print(*a, file=sys.stderr))
output = router.open(ProgramConfig("a", "x"))
async def main():
    out, err = output.prepare()
    child = subprocess.Popen(["/bin/sh", "-c", "yes | head -c 4000000"], stdout=out, stderr=err)
    output.started(child.pid)
    while not router.own(0).blocked:
        await sleep(loop, 0.002)
    os.write(2, b"stalled, and alive\\n")
    while child.poll() is None:
        await sleep(loop, 0.002)
    output.exited()
    while router.pending():
        await sleep(loop, 0.002)
    assert os.get_blocking(1)
loop.run_until_complete(main())
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stderr is not None
    assert child.stdout is not None
    said = child.stderr.readline()
    out = child.stdout.read()
    said += child.stderr.read()
    child.stdout.close()
    child.stderr.close()
    assert (child.wait(20), said) == (0, b"stalled, and alive\n")
    assert out == b"y\n" * 2_000_000
