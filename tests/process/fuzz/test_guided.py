"""Byte targets under atheris: how the engine is started, and what comes of what it finds.

A program stands for the engine, because there is no atheris for every Python; the last test takes the real one.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import __main__, guided
from tests.fuzz.parsers import CORPUS
from tests.paths import ROOT

# Wrong for every input with an x behind an a.
WRONG = """
def target(data):
    if b"x" in data.partition(b"a")[2]:
        raise RuntimeError("planted")
"""
FOUND = b"so much a before and x behind"

ENGINE = """
import sys, time
from pathlib import Path

Path({record!r}).write_text("\\n".join(sys.argv[1:]))
prefix = next(word.partition("=")[2] for word in sys.argv if word.startswith("-artifact_prefix="))
print("INFO: Instrumenting supervice.x", file=sys.stderr)
print("#1024 pulse  cov: 31 ft: 50 corp: 9/1Kb", file=sys.stderr)
print("#2048 DONE   cov: 33 ft: 56 corp: 9/1Kb", file=sys.stderr)
print("stat::number_of_executed_units: 2048", file=sys.stderr)
print("said by the engine")
if {name!r}:
    Path(prefix + {name!r}).write_bytes({data!r})
sys.exit({code})
"""


class Stub:
    """A program in place of the engine, what it was given, and a target that is wrong."""

    def __init__(self, folder: Path) -> None:
        self.record = folder / "record"
        self.script = folder / "engine.py"
        self.kept = folder / "kept"
        self.wrong = folder / "wrong.py"
        self.wrong.write_text(WRONG)

    def run(self, name: str, found: str = "", data: bytes = FOUND, code: int = 0) -> str:
        self.script.write_text(ENGINE.format(record=str(self.record), name=found, data=data, code=code))
        return guided.fuzz(name, 7, 5, engine=(sys.executable, str(self.script)), kept=self.kept)

    @property
    def words(self) -> list[str]:
        return self.record.read_text().split("\n")


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    return Stub(tmp_path)


def test_the_engine_has_limits_and_begins_with_the_corpus(
    stub: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stub.run("http") == ""
    assert stub.words[0] == "http"
    assert stub.words[-2:] == [str(stub.kept / "http"), str(CORPUS / "http")]
    assert {"-max_total_time=7", "-seed=5", "-max_len=2048", "-timeout=10", "-rss_limit_mb=1024"} < set(
        stub.words
    )
    assert (stub.kept / "http").is_dir()
    said = capsys.readouterr().out
    assert re.fullmatch(
        r"fuzz: http: 2,048 inputs under atheris, 33 branches, 56 features, \d+ s, -seed=5\n", said
    )


@pytest.mark.parametrize("kind", ["crash", "timeout", "oom"])
def test_what_is_found_becomes_smaller_and_can_be_repeated(stub: Stub, kind: str) -> None:
    said = stub.run(str(stub.wrong), f"{kind}-0123456789abcdef0123456789", code=77)
    assert f"smallest input ({kind}, 2 bytes): b'ax'" in said
    assert "RuntimeError: planted" in said
    line = re.search(r"^repeat with: (.*)$", said, re.M)
    assert line is not None
    again = subprocess.run(shlex.split(line.group(1)), cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "RuntimeError: planted" in again.stdout


def test_what_is_found_in_a_target_says_how_it_is_remembered(stub: Stub) -> None:
    """Here the engine lies: the input is fine. It is shown as it was found, with what the engine said."""
    said = stub.run("notifications", "crash-00", b"READY=1", 77)
    assert "said by the engine" in said
    assert "INFO: " not in said
    assert "smallest input (crash, 7 bytes): b'READY=1'" in said
    path = stub.kept / "found" / "notifications-crash-00.input"
    assert said.endswith(f"remember with: cp {path} tests/fuzz/corpus/notifications/")
    assert path.read_bytes() == b"READY=1"


def test_an_engine_that_fails_without_an_input_has_found_something_too(stub: Stub) -> None:
    said = stub.run("xml", code=1)
    assert said.startswith("said by the engine\nrepeat with: ")


def test_an_engine_that_does_not_end_is_ended(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guided, "PATIENCE", -6.5)
    stub.script.write_text("import signal; signal.pause()")
    said = guided.fuzz("xml", 7, 5, engine=(sys.executable, str(stub.script)), kept=stub.kept)
    assert said.startswith("it does not end\nrepeat with: ")


@pytest.mark.parametrize(
    ("there", "wanted", "kinds"),
    [
        (True, "both", ["properties", "bytes"]),
        (True, "bytes", ["bytes"]),
        (True, "properties", ["properties"]),
        (False, "both", ["properties"]),
        (False, "bytes", []),
    ],
)
def test_a_target_is_run_as_it_can_be(
    monkeypatch: pytest.MonkeyPatch, there: bool, wanted: str, kinds: list[str]
) -> None:
    monkeypatch.setattr(guided, "is_there", lambda: there)
    assert __main__.kinds_of("http", wanted) == kinds
    assert __main__.kinds_of("kernel", "both") == ["properties"]


def test_both_kinds_share_the_time_of_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[tuple[str, str, float]] = []

    def properties(name: str, _files: list[str], seconds: float, _seeds: object) -> str:
        shares.append((name, "properties", seconds))
        return ""

    def as_bytes(name: str, seconds: float, seed: int) -> str:
        shares.append((name, "bytes", seconds))
        return "something"

    monkeypatch.setattr(guided, "is_there", lambda: True)
    monkeypatch.setattr(guided, "fuzz", as_bytes)
    monkeypatch.setattr(__main__, "fuzz", properties)
    monkeypatch.setattr(sys, "argv", ["fuzz", "--seconds", "12", "http", "kernel"])
    assert __main__.main() == 1
    assert shares == [("http", "properties", 3.0), ("http", "bytes", 3.0), ("kernel", "properties", 6.0)]


def test_without_atheris_the_property_tests_have_all_of_the_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shares: list[float] = []

    def properties(_name: str, _files: list[str], seconds: float, _seeds: object) -> str:
        shares.append(seconds)
        return ""

    monkeypatch.setattr(guided, "is_there", lambda: False)
    monkeypatch.setattr(__main__, "fuzz", properties)
    monkeypatch.setattr(sys, "argv", ["fuzz", "--seconds", "12", "http"])
    assert __main__.main() == 0
    assert shares == [12.0]
    assert (
        "atheris is not installed (pip install --group fuzz): property tests alone" in capsys.readouterr().out
    )


def test_each_target_has_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[tuple[str, float]] = []

    def properties(name: str, _files: list[str], seconds: float, _seeds: object) -> str:
        shares.append((name, seconds))
        return ""

    monkeypatch.setattr(__main__, "fuzz", properties)
    monkeypatch.setattr(sys, "argv", ["fuzz", "--each", "7", "--kind", "properties", "http", "kernel"])
    assert __main__.main() == 0
    assert shares == [("http", 7.0), ("kernel", 7.0)]


@pytest.mark.skipif(not guided.is_there(), reason="atheris is not installed; make fuzz installs it")
def test_atheris_finds_a_planted_fault(tmp_path: Path) -> None:
    """It takes the way byte by byte, which random bytes would need years for."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "def target(data):\n"
        "    if data[:1] == b'f' and data[1:2] == b'u' and data[2:3] == b'z' and data[3:4] == b'z':\n"
        "        raise RuntimeError('planted')\n"
    )
    said = guided.fuzz(str(wrong), 60, 1, kept=tmp_path / "kept")
    assert "smallest input (crash, 4 bytes): b'fuzz'" in said
    assert "RuntimeError: planted" in said
