"""The share that tests run may not fall, and what was gained is to be kept."""

from __future__ import annotations

import pytest

from tools.coverage_floor import verdict

REPORT = "Name  Stmts  Miss Branch BrPart  Cover\n---\nTOTAL  20000  400  6000  300  {}\n"


@pytest.mark.parametrize(
    ("figure", "code", "said"),
    [
        ("92.9%", 1, "92.9 %, and the floor is 93 %; .coverage.d/report.txt names the lines"),
        ("93.0%", 0, "93 %; the floor is 93 %"),
        ("93.9%", 0, "93.9 %; the floor is 93 %"),
        ("94.0%", 0, "94 %; raise the floor, write fail_under = 94 in pyproject.toml"),
        ("96.4%", 0, "96.4 %; raise the floor, write fail_under = 96 in pyproject.toml"),
        ("data", 1, "there is no figure in the report"),
    ],
)
def test_the_floor_only_rises(figure: str, code: int, said: str) -> None:
    assert verdict(REPORT.format(figure), 93) == (code, f"coverage: {said}")


def test_no_report_is_no_success() -> None:
    assert verdict("", 93)[0] == 1
