"""What the benchmarks and the soak conclude from numbers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.benchmarks import goals, report
from tests.benchmarks.copying import check_files
from tests.benchmarks.results import Results
from tests.soak.verdict import Limit, persisting, trend


def series(slope: float, noise: float, count: int = 120) -> list[tuple[float, float]]:
    chance = random.Random(1)
    return [(float(at), 1000 + slope * at + chance.uniform(-noise, noise)) for at in range(count)]


@pytest.mark.parametrize(
    ("slope", "noise", "grows"), [(0, 5, False), (1, 5, True), (1, 60, True), (-1, 5, False), (0, 200, False)]
)
def test_growth_is_told_from_noise(slope: float, noise: float, grows: bool) -> None:
    assert trend(series(slope, noise), Limit(20)).grows is grows


def test_what_happens_during_warm_up_is_no_growth() -> None:
    points = [(float(at), min(at, 30) * 100.0) for at in range(120)]
    assert not trend(points, Limit(20)).grows


def test_one_spike_at_the_end_is_no_growth() -> None:
    points = [(float(at), 10_000.0 if at == 119 else 1000.0) for at in range(120)]
    assert not trend(points, Limit(20)).grows


def test_too_few_measurements_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="too few"):
        trend([(0.0, 1.0)] * 3, Limit(1))


def test_a_zombie_persists_when_it_is_seen_twice() -> None:
    assert persisting([{1}, {2}, {2, 3}, set()]) == {2}


def results() -> Results:
    found = Results()
    for value in (10.0, 12.0, 11.0):
        found.add("start.last.1", "supervice", value)
    found.add("start.last.1", "supervice-0.4.0", 20.0)
    found.add("memory.pss.1", "supervice", 8.0)
    found.add("memory.pss.1000", "supervice", 8.0 + 999 * 4 / 1024)
    return found


def verdict(found: Results, what: str, who: str = goals.OURS) -> goals.Verdict:
    return next(one for one in goals.judge(found) if one.goal.what == what and one.goal.who == who)


def test_goals_are_judged_by_medians() -> None:
    found = results()
    goals.derive(found)
    found.values["crashloop.cpu"] = {"supervice": [0.4, 0.9, 0.5], "s6": [0.8, 1.0, 3.0]}
    loop = verdict(found, "50 programs in a crash loop, CPU a start")
    assert loop.measured == 0.5
    assert loop.bound == pytest.approx(0.55)
    assert loop.met
    assert verdict(found, "memory a process, at 1000").measured == pytest.approx(4)
    assert verdict(found, "1000 programs, last child").met is None  # nothing to compare with


def test_the_best_peer_that_was_measured_counts() -> None:
    found = Results(
        {"restart.ms": {"supervice": [1.5], "runit": [2.0], "s6": [1003.0], "supervice-image": [0.1]}}
    )
    restart = verdict(found, "crash to replacement")
    assert (restart.peer, restart.bound, restart.met) == ("runit", 2.0, True)
    rates = Results({"file.rate": {"supervice": [1500], "bare-copy": [1600], "supervisord": [1300]}})
    assert verdict(rates, "output to a rotating file").met is False
    assert verdict(rates, "the same, beside supervisord").met is True


def test_no_other_variant_of_ours_is_a_peer() -> None:
    assert not [name for name in goals.PEERS if name.startswith("supervice") and name != goals.UPSTREAM]
    assert goals.LIMIT not in goals.PEERS


def test_the_table_says_whose_figure_it_is() -> None:
    found = Results(
        {"restart.ms": {"supervice": [1.5], "runit": [2.0]}, "start.ratio.1": {goals.SINGLE: [1.4]}}
    )
    text = "\n".join(report.goal_lines(goals.judge(found)))
    assert (
        "| crash to replacement | \u2264 1 \N{MULTIPLICATION SIGN} the best, runit = 2 ms | 1.5 ms | met (0.75 of it) |"
        in text
    )
    assert (
        "| start of one command / bare Python, static | \u2264 1.3 | 1.4 | **missed** (1.08 of it) |" in text
    )
    assert "| 1000 programs, last child | \u2264 0.3 \N{MULTIPLICATION SIGN} s6 |  | not measured |" in text
    assert text.count("dinit") == 1


def test_the_page_keeps_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write(page, results())
    report.write(page, results())
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| 1 program, ms | 11 (10\N{EN DASH}12) | 20 |" in text
    page.write_text("no place")
    with pytest.raises(SystemExit):
        report.write(page, results())


def lines(first: int, count: int) -> bytes:
    return b"".join(b"%012d " % number + b"x" * 106 + b"\n" for number in range(first, first + count))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([lines(3, 5), lines(8, 2)], (7, 0)),
        ([lines(3, 5)[:-20], lines(7, 3)], (7, 1)),  # the begin of a line that comes again
        ([lines(3, 5), lines(9, 1)], (6, 1)),  # 8 is missing
        ([lines(3, 5)[:-20], lines(7, 3)[-20:] + lines(8, 2)], (6, 3)),  # a line in two files
        ([lines(3, 5)], (5, 1)),  # it ends too early
    ],
)
def test_lines_are_counted(tmp_path: Path, files: list[bytes], expected: tuple[int, int]) -> None:
    paths = []
    for number, data in enumerate(files):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(data)
    assert check_files(paths, 10) == expected


def test_every_row_of_a_goal_is_in_a_table() -> None:
    rows = {key for _title, table in report.TABLES for key, _text in table}
    assert {goal.row for goal in goals.GOALS} <= rows
