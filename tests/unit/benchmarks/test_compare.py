"""What has become slower is told from a machine that has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import compare
from tests.benchmarks.results import Results


def results(**rows: dict[str, list[float]]) -> Results:
    return Results({name.replace("__", "."): found for name, found in rows.items()})


KEPT = results(
    start__last__1={"supervice": [50, 52, 60], "s6": [3, 3, 3], "tini": [1, 1, 1]},
    file__rate={"supervice": [1500, 1600], "supervisord": [1300, 1300]},
    memory__pss__1={"supervice": [10.0]},
)


def by(new: Results, row: str) -> float:
    found, _ = compare.changes(new, KEPT)
    return next(change.by for change in found if change.row == row)


def test_a_slower_machine_is_no_regression() -> None:
    new = results(start__last__1={"supervice": [100, 104, 120], "s6": [6, 6, 6], "tini": [2, 2, 2]})
    assert by(new, "start.last.1") == pytest.approx(1)


def test_a_slower_start_beside_the_same_peers_is_one() -> None:
    new = results(start__last__1={"supervice": [60, 62, 70], "s6": [3, 3, 3], "tini": [1, 1, 1]})
    assert by(new, "start.last.1") == pytest.approx(62 / 52)


def test_one_peer_that_had_a_bad_day_decides_nothing() -> None:
    peers: dict[str, list[float]] = {"s6": [3], "tini": [9], "runit": [2]}
    kept = results(start__last__1={"supervice": [50], "s6": [3], "tini": [1], "runit": [2]})
    found, _ = compare.changes(results(start__last__1={"supervice": [80], **peers}), kept)
    assert found[0].by == pytest.approx(1.6)


def test_one_slow_run_of_ours_is_noise() -> None:
    new = results(start__last__1={"supervice": [50, 90, 95], "s6": [3, 3, 3], "tini": [1, 1, 1]})
    assert not compare.Change("", "", by(new, "start.last.1"), 1).worse(10)


def test_of_a_rate_less_is_worse() -> None:
    new = results(file__rate={"supervice": [1200, 1280], "supervisord": [1300, 1300]})
    assert by(new, "file.rate") == pytest.approx(1.25)


def test_memory_stands_for_itself() -> None:
    assert by(results(memory__pss__1={"supervice": [11.5]}), "memory.pss.1") == pytest.approx(1.15)


@pytest.mark.parametrize(("start", "code"), [(51.0, 0), (58.0, 1)])
def test_the_exit_code_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: float, code: int
) -> None:
    new = results(start__last__1={"supervice": [start] * 3, "s6": [3, 3, 3], "tini": [1, 1, 1]})
    new.save(tmp_path / "new.json")
    KEPT.save(tmp_path / "kept.json")
    monkeypatch.setattr("sys.argv", ["compare", str(tmp_path / "new.json"), str(tmp_path / "kept.json")])
    assert compare.main() == code


def test_nothing_to_compare_with_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new.json").write_text(json.dumps(KEPT.__dict__))
    monkeypatch.setattr("sys.argv", ["compare", str(tmp_path / "new.json"), str(tmp_path / "none.json")])
    assert compare.main() == 2
    assert "none.json" in capsys.readouterr().err
