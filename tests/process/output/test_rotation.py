"""Rotations one after the other: whatever a program writes, a turn of the loop stays short and no line is lost."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from supervice.lean.long_turns import CPU, slowness
from tests.eventually import eventually
from tests.process.harness.output import Lab

LINES = 60_000


def contents(path: Path) -> bytes:
    """All files of the log, oldest first."""
    backups = sorted(path.parent.glob(f"{path.name}.*"), key=lambda p: -int(p.suffix[1:]))
    return b"".join(one.read_bytes() for one in [*backups, path])


def watch(lab: Lab) -> list[float]:
    """CPU seconds of each turn of the loop from now on; not the time that other processes take."""
    turns: list[float] = []
    before = time.process_time()

    def tick() -> None:
        nonlocal before
        now = time.process_time()
        turns.append(now - before)
        before = now
        lab.loop.call_soon(tick)

    lab.loop.call_soon(tick)
    return turns


@pytest.mark.parametrize(("maxbytes", "backups"), [(100, 10), (4096, 1000), (1, 3), (100, 0)])
def test_a5_small_files_hold_no_turn_of_the_loop(
    lab: Lab, tmp_path: Path, maxbytes: int, backups: int
) -> None:
    """3 MB of short lines into files of 100 bytes: no answer for 9 s."""
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    program = lab.program(
        stdout_logfile=str(path),
        stdout_logfile_maxbytes=maxbytes,
        stdout_logfile_backups=backups,
        stderr_logfile="NONE",
    )
    lines = LINES if maxbytes == 4096 else LINES // 20
    turns = watch(lab)
    program.python(f"for n in range({lines}): print(f'{{n:010}}')")
    program.reap(60)
    lab.idle(60)
    assert max(turns) < CPU * slowness(), sorted(turns)[-3:]
    found = contents(path).split()
    assert found == [b"%010d" % n for n in range(lines - len(found), lines)]
    if backups == 1000:
        assert len(found) == lines
    assert len(list(path.parent.iterdir())) <= backups + 1


def test_a5_back_pressure_reaches_only_who_writes_there(lab: Lab, tmp_path: Path) -> None:
    """Another program's output arrives while the first one's waits for its rotations."""
    path = tmp_path / "log"
    busy = lab.program(
        "busy",
        stdout_logfile=str(path),
        stdout_logfile_maxbytes=50,
        stdout_logfile_backups=5,
        stderr_logfile="NONE",
    )
    quiet = lab.program("quiet", stdout_logfile=str(tmp_path / "quiet"), stderr_logfile="NONE")
    busy.python("while True: print('x' * 30)")
    sink = lab.router._sinks
    lab.until(lambda: any(one.blocked for one in sink.values()), message="it waits")
    quiet.sh("echo at once")
    lab.until(lambda: (tmp_path / "quiet").exists() and (tmp_path / "quiet").read_bytes() == b"at once\n")
    assert quiet.child is not None
    quiet.reap()
    assert busy.child is not None
    busy.child.kill()
    busy.reap(30)
    lab.idle(60)
    assert all(len(line) in (0, 30) for line in contents(path).split(b"\n")[1:-1])


def test_a5_what_is_held_is_written_when_the_router_closes(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = lab.program(
        stdout_logfile=str(path),
        stdout_logfile_maxbytes=50,
        stdout_logfile_backups=1000,
        stderr_logfile="NONE",
    )
    program.python("import sys; sys.stdout.write(''.join(f'{n:09}\\n' for n in range(3000)))")
    sinks = lab.router._sinks
    lab.until(lambda: any(one.blocked for one in sinks.values()), message="something is held")
    assert program.child is not None
    program.child.wait(20)
    program.output.exited()
    lab.router.close()
    found = contents(path).split()
    assert found == [b"%09d" % n for n in range(len(found))]
    assert found


def test_a6_a_log_with_thousands_of_backups_holds_no_turn(lab: Lab, tmp_path: Path) -> None:
    """As an application may ask for it: `check` allows a thousand."""
    path = tmp_path / "log"
    for number in range(1, 1001):
        Path(f"{path}.{number}").write_bytes(b"old\n")
    turns = watch(lab)
    program = lab.program(
        stdout_logfile=str(path),
        stdout_logfile_maxbytes=4096,
        stdout_logfile_backups=5_000_000,
        stderr_logfile="NONE",
    )
    program.python(f"for n in range({LINES // 20}): print(f'{{n:010}}')")
    program.reap(60)
    lab.idle(60)
    assert max(turns) < CPU * slowness(), sorted(turns)[-3:]
    eventually(lambda: path.exists())
    assert len(list(tmp_path.iterdir())) == 1001
