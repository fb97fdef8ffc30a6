"""`python -m tools.mutants [FILE…]`: which changes of what decides does no unit test notice?

mutmut changes each function in one place at a time (`make`), and the tests that reach it are run with each
change (`plugin`). What stays green is a survivor: a test that says which law it breaks is missing, or it
breaks none and stands in `survivors.txt` with the reason. pyproject.toml says which files and which tests.
Exit code 1: a survivor is not in that list, or one of the list is none.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import subprocess
import sys
import time
import tomllib
from collections import Counter
from itertools import groupby
from pathlib import Path

from tools.mutants.make import Mutant, write
from tools.mutants.plugin import NOTICED, SURVIVED, TODO, UNREACHED, VERDICTS

ROOT = Path(__file__).resolve().parents[2]
EXPLAINED = "tools/mutants/survivors.txt"
# Random walks of schedules and watched files, for each mutant anew.
CASES = "150"
# Mutants of a share at least: each share collects the tests, and runs them once.
FEWEST = 50
# What the tests of a share have said, in its folder.
SAID = "said"


def explained(root: Path) -> dict[str, str]:
    """Reasons, by the text of the mutant: a line that begins with a blank, below the reason."""
    found, reason = {}, ""
    for line in (root / EXPLAINED).read_text().splitlines():
        if line.startswith(" "):
            found[line.strip()] = reason
        elif line:
            reason = line
    return found


def parts(root: Path, wanted: list[str]) -> list[tuple[list[Path], list[str]]]:
    """Files with the tests for them; all, or those below one of `wanted`."""
    table = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["supervice"]["mutants"]
    below = [Path(word) for word in wanted]
    found = []
    for part in table:
        files = sorted(path.relative_to(root) for pattern in part["files"] for path in root.glob(pattern))
        chosen = [path for path in files if not below or any(path.is_relative_to(one) for one in below)]
        if chosen:
            found.append((chosen, part["tests"]))
    if not found:
        sys.exit(f"mutants: none of {', '.join(wanted)} is in pyproject.toml's list")
    return found


def judge(root: Path, work: Path, mutants: list[Mutant], tests: list[str]) -> dict[str, str]:
    """The verdict on each, by its name. Every CPU has a share of them."""
    # A test that times a fresh interpreter gives it no time to compile the changed copy.
    compileall.compile_dir(work / "supervice", quiet=1)
    shares = max(1, min(len(os.sched_getaffinity(0)), len(mutants) // FEWEST))
    running = [
        start(root, work, work / str(number), mine, tests)
        for number, mine in enumerate(dealt(mutants, shares))
    ]
    codes: list[int | None] = [None]
    while None in codes:
        codes = [process.poll() for process in running]
        failed = next((number for number, code in enumerate(codes) if code), None)
        if failed is not None:
            for process in running:
                process.kill()
            sys.exit(f"{(work / str(failed) / SAID).read_text()}\nmutants: the tests cannot be run")
        time.sleep(0.2)
    found: dict[str, str] = {}
    for number in range(len(running)):
        found.update(json.loads((work / str(number) / "verdicts.json").read_text()))
    return found


def dealt(mutants: list[Mutant], shares: int) -> list[list[Mutant]]:
    """Function by function, as what is slow to judge often stands in one file."""
    found: list[list[Mutant]] = [[] for _ in range(shares)]
    for number, (_, of_it) in enumerate(groupby(mutants, key=lambda mutant: mutant.original)):
        found[number % shares] += of_it
    return [share for share in found if share]


def start(
    root: Path, work: Path, own: Path, mutants: list[Mutant], tests: list[str]
) -> subprocess.Popen[bytes]:
    """The tests for a share of the mutants; `own` is the folder of that share."""
    own.mkdir()
    todo = own / "todo.json"
    todo.write_text(json.dumps([(mutant.name, mutant.original) for mutant in mutants]))
    options = ["-p", "tools.mutants.plugin", "-p", "no:cacheprovider", "-o", "timeout=0", "-q", "-s"]
    there = ["-c", str(root / "pyproject.toml"), f"--rootdir={root}", "-o", f"pythonpath={work} {root}"]
    environment = {
        **os.environ,
        TODO: str(todo),
        VERDICTS: str(own / "verdicts.json"),
        "SUPERVICE_TEST_SCHEDULE_CASES": CASES,
        "PYTHONPATH": f"{work}:{root}:{ROOT}",
    }
    with (own / SAID).open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "pytest", *there, *options, *tests],
            cwd=root,
            env=environment,
            stdout=said,
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("files", nargs="*", help="below supervice/; all of pyproject.toml's by default")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the project")
    arguments = parser.parse_args()
    root, wanted = arguments.root.resolve(), arguments.files
    work = root / "build" / "mutants"
    known, seen, wrong = explained(root), set(), []
    rows: dict[str, Counter[str]] = {}
    for files, tests in parts(root, wanted):
        mutants = write(root, work, files)
        verdicts = judge(root, work, mutants, tests)
        for mutant in mutants:
            verdict = verdicts[mutant.name]
            row = rows.setdefault(str(mutant.path), Counter())
            row["mutants"] += 1
            if verdict not in (SURVIVED, UNREACHED):
                row[NOTICED] += 1
                continue
            seen.add(mutant.text)
            row["explained" if mutant.text in known else verdict] += 1
            if mutant.text not in known:
                wrong.append(f"{verdict}:\n  {mutant.text}")
    table(rows)
    if not wanted:
        wrong += [f"it is noticed now, take it out of {EXPLAINED}: {one}" for one in known.keys() - seen]
    print("\n".join(["", *wrong]) if wrong else "mutants: each is noticed or explained")
    return 1 if wrong else 0


def table(rows: dict[str, Counter[str]]) -> None:
    columns = ("mutants", NOTICED, "explained", SURVIVED, UNREACHED)
    print(f"{'':45}" + "".join(f"{column:>11}" for column in columns))
    total: Counter[str] = Counter()
    for file, row in rows.items():
        total.update(row)
        print(f"{file:45}" + "".join(f"{row[column]:11}" for column in columns))
    print(f"{'all':45}" + "".join(f"{total[column]:11}" for column in columns))


if __name__ == "__main__":
    sys.exit(main())
