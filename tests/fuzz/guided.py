"""Runs byte targets under atheris, where it is: starts the engine, and reports what it has found.

What the engine learns is kept in build/fuzz, and begins the next run; the corpus of the repository begins the first.
Called by `python -m tests.fuzz`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from supervice.lean.loop import GUARD
from tests.fuzz.parsers import CORPUS, PARSERS
from tests.fuzz.words import WORDS, dictionary
from tests.paths import ROOT

ENGINE = (sys.executable, "-m", "tests.fuzz.engine")
ONCE = (sys.executable, "-m", "tests.fuzz.once")
KEPT = ROOT / "build" / "fuzz"
# Bytes of an input, seconds that one may take, MiB that the process may.
LONGEST, SLOW, MEMORY = 2048, 10, 1024
# Seconds beyond its time after which the engine counts as one that hangs, and those that making it smaller may take.
PATIENCE = 120.0

NOISE = re.compile(r"^(?:INFO: |#\d+\s|\s*NEW_FUNC|stat::|WARNING: Failed to find function|MS: )")


def is_there() -> bool:
    """Whether atheris is installed here."""
    return importlib.util.find_spec("atheris") is not None


def command(name: str, seconds: float, seed: int, kept: Path, engine: Sequence[str] = ENGINE) -> list[str]:
    """The engine, as it is run: what it learns is kept, what goes wrong is written beside that."""
    options = {
        "max_total_time": max(1, round(seconds)),
        "seed": seed,
        "max_len": LONGEST,
        "timeout": SLOW,
        "rss_limit_mb": MEMORY,
        "artifact_prefix": f"{place_of(name, kept)}/",
        **({"dict": place_of(name, kept) / "words"} if name in WORDS else {}),
        "print_final_stats": 1,
    }
    words = [f"-{option}={value}" for option, value in options.items()]
    return [
        *engine,
        name,
        *words,
        str(kept / label_of(name)),
        *([str(CORPUS / name)] if name in PARSERS else []),
    ]


def label_of(name: str) -> str:
    return name if name in PARSERS else Path(name).stem


def place_of(name: str, kept: Path) -> Path:
    """Where a run of a target leaves what it has found; the next one begins with an empty folder."""
    return kept / f"{label_of(name)}.run"


def fuzz(name: str, seconds: float, seed: int, *, engine: Sequence[str] = ENGINE, kept: Path = KEPT) -> str:
    """Runs one target, or a file that has one; what went wrong, with the command that repeats it, or an empty text."""
    place = place_of(name, kept)
    shutil.rmtree(place, ignore_errors=True)
    for folder in (place, kept / label_of(name), kept / "found"):
        folder.mkdir(parents=True, exist_ok=True)
    (place / "words").write_text(dictionary(name))
    seed = seed % 2**31 or 1  # of 0 libFuzzer makes another one each time
    line = command(name, seconds, seed, kept, engine)
    repeat = f"repeat with: {shlex.join(line)}"
    # Its loops have no clock, and it does not clean up behind itself.
    environment = {key: value for key, value in os.environ.items() if key != GUARD} | {"TMPDIR": str(place)}
    begun = time.monotonic()
    try:
        done = subprocess.run(
            line, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False,
            timeout=seconds + PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it does not end\n{repeat}"
    said = tail(done.stdout + done.stderr)
    print(f"fuzz: {name}: {told(done.stderr)}, {time.monotonic() - begun:.0f} s, -seed={seed}", flush=True)
    for path in place.iterdir():
        if path.name.startswith(("crash-", "timeout-", "oom-", "leak-")):
            return report(name, path, kept / "found" / f"{label_of(name)}-{path.name[:20]}.input", said)
    return f"{said}\n{repeat}" if done.returncode else ""


def report(name: str, found: Path, path: Path, said: str) -> str:
    """Writes the smallest input that fails as `found` does to `path`; what a person needs of it."""
    make_smaller(name, found, path)
    data = path.read_bytes()
    path = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    line = [*ONCE, name, str(path)]
    again = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [
        again.stdout if again.returncode else said,
        f"smallest input ({found.name.partition('-')[0]}, {len(data)} bytes): {data[:1000]!r}",
        f"repeat with: {shlex.join(line)}",
    ]
    if name in PARSERS:
        lines.append(f"remember with: cp {path} {CORPUS.relative_to(ROOT) / name}/")
    return "\n".join(lines)


def make_smaller(name: str, found: Path, path: Path) -> None:
    """Writes the smallest input that fails as `found` does to `path`, or that itself when it cannot be made smaller."""
    path.write_bytes(found.read_bytes())
    line = [*ONCE, "--smaller", str(path), name, str(found)]
    try:
        subprocess.run(line, cwd=ROOT, capture_output=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        pass


def told(said: str) -> str:
    """How far the engine came, of what it has said: inputs, and branches that they reached."""
    count = re.findall(r"stat::number_of_executed_units:\s*(\d+)", said)
    count = count or re.findall(r"^#(\d+)\s", said, re.M) or ["0"]
    covered = re.findall(r"\bcov: (\d+) ft: (\d+)", said) or [("0", "0")]
    return f"{int(count[-1]):,} inputs under atheris, {covered[-1][0]} branches, {covered[-1][1]} features"


def tail(said: str) -> str:
    """What a person needs of what the engine has said."""
    return "\n".join([line for line in said.splitlines() if line.strip() and not NOISE.match(line)][-60:])
