"""Output that goes through the supervisor: how fast, at what cost, and whether every line arrives whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests import procfs
from tests.benchmarks.peers import BareCopy, Peer, Program
from tests.benchmarks.results import Results
from tests.benchmarks.session import Bench, Failed, Session

GROUPS = ("file", "small", "stdout")
WIDTH = 120
BLOCK = 65536
GIB = 1 << 30
SMALL = GIB // 4  # what is written line by line
SLOW_SHARE = 16


def to_file(bench: Bench, peer: Peer, results: Results, size: int = GIB) -> None:
    """Into a file that is rotated every 10 MB. It counts until the last line stands in the file."""
    _to_file("file", BLOCK, bench, peer, results, size)


def small_writes(bench: Bench, peer: Peer, results: Results, size: int = SMALL) -> None:
    """The same by a program that writes each line by itself."""
    _to_file("small", WIDTH, bench, peer, results, size)


def _to_file(row: str, block: int, bench: Bench, peer: Peer, results: Results, size: int) -> None:
    total = _lines(peer, size)

    def program(run: Session) -> list[Program]:
        return [Program("p0", run.child("lines", "p0", total * WIDTH, block), "file")]

    with Session(bench, peer, program) as run:
        begin = run.up(1)[0].when
        own = run.own()
        cpu = sum(map(procfs.cpu_seconds, own))
        run.reports.wait("written", 1, 120, run.alive)
        end = _until_last(run, peer, total)
        spent = sum(map(procfs.cpu_seconds, own)) - cpu
        _rates(row, peer, results, total, (end - begin) / 1e9, spent)
        whole, wrong = check_files(peer.logs(run.folder, "p0"), total)
        if not whole:
            raise Failed("no whole line in the files")
        if not isinstance(peer, BareCopy):  # which does not look for line ends
            results.add(f"{row}.wrong", peer.name, wrong)


def to_stdout(bench: Bench, peer: Peer, results: Results, size: int = GIB) -> None:
    """To the supervisor's own stdout, where a reader checks each line."""
    total = _lines(peer, size)

    def program(run: Session) -> list[Program]:
        return [Program("p0", run.child("lines", "p0", total * WIDTH, BLOCK), "stdout")]

    with Session(bench, peer, program, count_stdout=total) as run:
        run.up(1)
        own = run.own()
        cpu = sum(map(procfs.cpu_seconds, own))
        good, bad, took = run.reports.wait("counted", 1, 120)[0].values
        spent = sum(map(procfs.cpu_seconds, own)) - cpu
        _rates("stdout", peer, results, total, took / 1e9, spent)
        # A supervisor may say something of its own there; a line that is missing is one too few.
        results.add("stdout.wrong", peer.name, max(bad, total - good - bad) if good < total else 0)


def _lines(peer: Peer, size: int) -> int:
    return (size // SLOW_SHARE if peer.slow_copy else size) // WIDTH


def _rates(row: str, peer: Peer, results: Results, total: int, seconds: float, cpu: float) -> None:
    # in miniature all of it may come in one read, and then no time has passed
    results.add(f"{row}.rate", peer.name, total * WIDTH / max(seconds, 1e-6) / 1e6)
    results.add(f"{row}.cpu", peer.name, cpu * GIB / (total * WIDTH))


def _until_last(run: Session, peer: Peer, total: int) -> int:
    """When the last line was in the file, in ns."""
    last = b"%012d" % (total - 1)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        files = peer.logs(run.folder, "p0")
        if files and _tail(files[-1]).startswith(last):
            return time.monotonic_ns()
        time.sleep(0.0005)
    raise Failed("the last line never came to the file")


def _tail(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(-WIDTH, os.SEEK_END)
            return file.read()
    except OSError:
        return b""


def check_files(files: list[Path], total: int) -> tuple[int, int]:
    """Lines that are whole and in order in the files that were kept, and lines that are torn, missing or out of order."""
    whole = wrong = 0
    expected: int | None = None
    for path in files:
        data = path.read_bytes()
        rows = data.split(b"\n")
        wrong += rows.pop() != b""  # a file ends with a whole line
        for row in rows:
            if len(row) != WIDTH - 1 or not row[:12].isdigit():
                wrong += 1
                continue
            number = int(row[:12])
            wrong += expected is not None and number != expected
            expected = number + 1
            whole += 1
    return whole, wrong + (expected != total)
