"""Reading logs by offset, held against supervisord's own function; and what is loaded when."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor.options import readFile

from supervice.output.ring import Ring
from supervice.supervisord.rpc import logs
from supervice.supervisord.rpc.codec import Fault
from tests.paths import ROOT

NUMBERS = st.integers(-30, 30)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("logs") / "log")


def ours(text: logs.Text | None, offset: int, length: int) -> Any:
    try:
        return logs.read(text, offset, length)
    except Fault as fault:
        return fault.name


@given(st.binary(max_size=20), NUMBERS, NUMBERS)
def test_read_is_supervisords(path: str, content: bytes, offset: int, length: int) -> None:
    Path(path).write_bytes(content)
    try:
        theirs: Any = readFile(path, offset, length)
    except ValueError as error:
        theirs = str(error)
    assert ours(logs.file_text(path), offset, length) == theirs


def part(begin: int, kept: bytes, at: int, size: int) -> bytes:
    return kept[at - begin : at - begin + size]


@given(st.lists(st.binary(min_size=1, max_size=10).map(lambda line: line + b"\n"), max_size=30), st.data())
def test_a_client_that_tails_the_ring_misses_nothing_that_is_there(lines: list[bytes], data: Any) -> None:
    ring = Ring(64)
    offset, said = 0, b""
    for line in lines:
        ring.append(0, b"", memoryview(line))
        said += line
        if data.draw(st.booleans()):
            begin, kept = ring.kept("stdout")
            text = logs.Text(begin, begin + len(kept), partial(part, begin, kept))
            piece, following, overflow = logs.tail(text, offset, 1000)
            assert (following, overflow) == (len(said), False)
            assert said.endswith(piece)
            if begin <= offset:
                assert piece == said[offset:]
            offset = following


def test_tail_says_when_it_leaves_something_out() -> None:
    text = logs.Text(0, 10, lambda at, n: b"0123456789"[at : at + n])
    assert logs.tail(text, 0, 4) == (b"6789", 10, True)
    assert logs.tail(text, 6, 4) == (b"6789", 10, False)
    assert logs.tail(text, 10, 4) == (b"", 10, False)
    assert logs.tail(text, 50, 4) == (b"", 10, False)
    assert logs.tail(text, 0, -4) == (b"", 10, True)
    assert logs.tail(None, 5, 4) == (b"", 0, False)


def test_one_call_reads_so_much_and_no_more() -> None:
    asked: list[int] = []

    def part(_at: int, length: int) -> bytes:
        asked.append(length)
        return b""

    text = logs.Text(0, 10**12, part)
    for offset, length in ((0, 0), (-(10**11), 0), (5, 10**11)):
        ours(text, offset, length)
    assert max(asked) == logs.MOST


def test_without_servers_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    config = tmp_path / "supervisord.conf"
    config.write_text("[supervisord]\n[program:a]\ncommand=x\n")
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from supervice.core import Supervisor\n"
        "s = Supervisor(daemon=True)\n"
        f"s.load_config({str(config)!r})\n"
        "s.live.on_demand.serve([])\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "supervice.core" in loaded
    assert not [
        name
        for name in loaded
        if name.startswith(("h11", "pyexpat", "supervice.supervisord.rpc", "supervice.http.server"))
    ]
