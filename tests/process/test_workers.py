"""`make test` gives all tests of a file to one worker: what they share is made once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.paths import ROOT

FILE = """
import os, pathlib, pytest

@pytest.mark.parametrize("number", range(8))
def test_it(number):
    with pathlib.Path({told!r}).open("a") as told:
        print(os.environ["PYTEST_XDIST_WORKER"], {name!r}, number, file=told)
"""
NAMES = ["unit/test_a", "unit/test_b", "process/test_c", "container/test_d", "container/test_e"]


def test_a_file_has_one_worker(tmp_path: Path) -> None:
    told = tmp_path / "told"
    for name in NAMES:
        path = tmp_path / "tests" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILE.format(told=str(told), name=name))
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    how = re.search(r"-n \$\(WORKERS\) (.*?) --durations", (ROOT / "Makefile").read_text())
    assert how
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *how[1].split(), "-c", os.devnull]
    command += ["--import-mode=importlib", f"--rootdir={tmp_path}", str(tmp_path)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    workers, numbers = defaultdict(set), defaultdict(list)
    for line in told.read_text().splitlines():
        worker, name, number = line.split()
        workers[name].add(worker)
        numbers[name].append(int(number))
    assert {name: len(found) for name, found in workers.items()} == dict.fromkeys(NAMES, 1)
    assert set(map(tuple, numbers.values())) == {tuple(range(8))}
    # A file of each of two rings first.
    assert {line.split()[1] for line in told.read_text().splitlines()[:2]} <= {
        "container/test_d",
        "unit/test_a",
    }
