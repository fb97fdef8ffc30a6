"""`python -m tests.fuzz [--seconds N] [TARGET…]`: random input for what reads foreign bytes, for hours.

The property tests of each target are run again and again with a seed of its own until its share of the time is over. A
target that is a function of bytes too (`parsers`) has half of its share under atheris, where that is installed.

What is found is printed with the smallest input that shows it and the command that repeats it; of a property test with
the patch that puts the input into the test as an `@example`, of a function of bytes with the command that puts it into
the corpus. `make test` runs both, and beside its tests takes a new seed and twenty seconds for each target that reads what
other programs write (`--each 20`). Exit code 1: something was found.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz import guided
from tests.fuzz.parsers import PARSERS
from tests.fuzz.plugin import EXAMPLES, SHRINK
from tests.fuzz.targets import TARGETS
from tests.paths import ROOT

# Examples of the first run of a target, and of one whose share is short; then as many as fit into half a minute.
FIRST, FIRST_OF_SHORT, FEWEST, MOST = 500, 20, 20, 1_000_000
ROUND = 30.0
# Seconds beyond its share after which a run counts as one that hangs.
PATIENCE = 300.0


def command(files: list[str], seed: int) -> list[str]:
    """pytest, as it is run and as a person repeats it."""
    options = ["-p", "tests.fuzz.plugin", "-q", "-x", f"--hypothesis-seed={seed}", f"--rootdir={ROOT}"]
    return [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), *options, *files]


def run(files: list[str], seed: int, examples: int, *, smaller: bool = True) -> str:
    """What went wrong, with the command that repeats it; empty when nothing did."""
    line = command(files, seed)
    repeat = f"repeat with: {EXAMPLES}={examples} {shlex.join(line)}"
    environment = {**os.environ, EXAMPLES: str(examples), SHRINK: str(int(smaller))}
    try:
        done = subprocess.run(
            line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE + ROUND
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        if smaller:  # that may be what takes so long
            found = run(files, seed, examples, smaller=False)
            return found and f"{found}\nit takes too long to make it smaller"
        said = (error.stdout or b"").decode(errors="replace")
        return f"{said}\nit does not end\n{repeat}"
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}\n{repeat}"


def fuzz(name: str, files: list[str], seconds: float, seeds: random.Random) -> str:
    """Runs one target for its share of the time."""
    end = time.monotonic() + seconds
    examples, runs = FIRST if seconds > ROUND else FIRST_OF_SHORT, 0
    while True:
        begin = time.monotonic()
        seed = seeds.randrange(2**32)
        found = run(files, seed, examples)
        took = time.monotonic() - begin
        runs += 1
        print(f"fuzz: {name}: seed {seed}, {examples} examples each, {took:.1f} s", flush=True)
        left = end - time.monotonic()
        if found or left <= 0:
            return found
        examples = max(FEWEST, min(MOST, int(examples * min(ROUND, left) / max(took, 0.1))))


def kinds_of(name: str, wanted: str) -> list[str]:
    """How a target is run, of `properties` and `bytes`, where `wanted` is one of them or `both`."""
    is_file = name not in TARGETS
    has_target = "\ndef target(" in Path(name).read_text() if is_file else name in PARSERS
    has = {"properties": not (is_file and has_target), "bytes": has_target and guided.is_there()}
    return [kind for kind in has if has[kind] and wanted in (kind, "both")]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0]
    )
    time_of = parser.add_mutually_exclusive_group()
    time_of.add_argument("--seconds", type=float, default=3600.0, help="for all targets together")
    time_of.add_argument("--each", type=float, help="seconds for each target")
    parser.add_argument("--seed", type=int, default=None, help="of the seeds; random by default")
    parser.add_argument(
        "--kind", choices=("both", "properties", "bytes"), default="both", help="bytes: atheris"
    )
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}, or a file; all by default")
    arguments = parser.parse_args()
    wanted = arguments.targets or list(TARGETS)
    for name in wanted:
        if name not in TARGETS and not Path(name).is_file():
            parser.error(f"there is no target {name}; there are {', '.join(TARGETS)}")
    if arguments.kind != "properties" and not guided.is_there():
        print("fuzz: atheris is not installed (pip install --group fuzz): property tests alone", flush=True)
    plan = [(name, kind) for name in wanted for kind in kinds_of(name, arguments.kind)]
    seed = arguments.seed if arguments.seed is not None else random.randrange(2**32)
    each = arguments.each or arguments.seconds / max(1, len({name for name, _ in plan}))
    print(f"fuzz: {len(wanted)} targets, {each:.0f} s each; --seed {seed}", flush=True)
    seeds, wrong = random.Random(seed), []
    for name, kind in plan:
        share = each / sum(one == name for one, _ in plan)
        if kind == "bytes":
            found = guided.fuzz(name, share, seeds.randrange(2**31))
        else:
            found = fuzz(name, TARGETS.get(name, [name]), share, seeds)
        if found:
            wrong.append(name)
            print(f"fuzz: {name} FOUND SOMETHING\n{found}", flush=True)
    print(f"fuzz: {', '.join(wrong)}: see above" if wrong else "fuzz: nothing found", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
