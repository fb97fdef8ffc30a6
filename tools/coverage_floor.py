"""`python -m tools.coverage_floor REPORT`: the share of branches and lines that tests run, against the floor.

The floor is `fail_under` in pyproject.toml, and only rises: where the figure is a whole point above it, this
says what to write. Exit code 1: the figure is below it.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def verdict(report: str, floor: float) -> tuple[int, str]:
    """The exit code, and what to say; `report` is what `coverage report` has printed."""
    word = report.split()[-1] if report.split() else ""
    if not word.endswith("%"):
        return 1, "coverage: there is no figure in the report"
    share = float(word.removesuffix("%"))
    if share < floor:
        return (
            1,
            f"coverage: {share:g} %, and the floor is {floor:g} %; .coverage.d/report.txt names the lines",
        )
    if share >= floor + 1:
        return 0, f"coverage: {share:g} %; raise the floor, write fail_under = {int(share)} in pyproject.toml"
    return 0, f"coverage: {share:g} %; the floor is {floor:g} %"


def main() -> int:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["coverage"]["report"]
    code, said = verdict(Path(sys.argv[1]).read_text(), settings["fail_under"])
    print(said)
    return code


if __name__ == "__main__":
    sys.exit(main())
