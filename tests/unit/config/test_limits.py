"""The options about limits of the kernel: what is read as what, what is refused, how `check` shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.cli.check import check
from supervice.config import load, values
from supervice.config.kinds import KINDS
from supervice.config.options import KIND, rows
from supervice.models import Limits

NUMBER = values.limits(values.natural)
SIZE = values.limits(values.size)
TIME = values.limits(values.whole_seconds)


def read(tmp_path: Path, options: str) -> Any:
    path = tmp_path / "x.conf"
    path.write_text(f"[program:a]\ncommand = x\n{options}\n")
    return load(str(path), environ={})


def limits(tmp_path: Path, options: str) -> Limits | None:
    loaded = read(tmp_path, options)
    assert loaded.problems == []
    found = loaded.processes[0].limits
    assert found is None or isinstance(found, Limits)
    return found


def test_all_of_them(tmp_path: Path) -> None:
    assert limits(
        tmp_path,
        "nice = -5\noom_score_adj = 1000\nno_new_privs = yes\ncapabilities = cap_kill, CHOWN\npdeathsig = SIGINT\n"
        "rlimit_stack = 8MB:unlimited\nrlimit_nofile = 1024:4096\nrlimit_cpu = 1m\nrlimit_core = unlimited",
    ) == Limits(
        nice=-5,
        oom_score_adj=1000,
        no_new_privs=True,
        capabilities=("CHOWN", "KILL"),
        pdeathsig=2,
        rlimits=(("core", -1, -1), ("cpu", 60, 60), ("nofile", 1024, 4096), ("stack", 8 << 20, -1)),
    )


@pytest.mark.parametrize("options", ["", "no_new_privs = false"])
def test_what_changes_nothing_is_none(tmp_path: Path, options: str) -> None:
    """A program without limits is started the fast way."""
    assert limits(tmp_path, options) is None


def test_none_is_a_limit_too(tmp_path: Path) -> None:
    assert limits(tmp_path, "capabilities = none") == Limits(capabilities=())
    assert limits(tmp_path, "nice = 0") == Limits(nice=0)
    assert limits(tmp_path, "rlimit_core = 0") == Limits(rlimits=(("core", 0, 0),))


@pytest.mark.parametrize(
    "option",
    [
        "nice = 20", "nice = x", "oom_score_adj = -1001", "capabilities =", "capabilities = ROOT", "pdeathsig = 0",
        "rlimit_nofile = 5:4", "rlimit_nofile = unlimited:4", "rlimit_nofile = -2", "rlimit_nofile = 1:",
        "rlimit_nofile = 1:2:3", "rlimit_nofile = 5MB", "rlimit_cpu = 1.5", "rlimit_as = 99999999999TB",
        "rlimit_as =", "rlimit_nofil = 5",
    ],
)  # fmt: skip
def test_what_is_refused_says_where(tmp_path: Path, option: str) -> None:
    loaded = read(tmp_path, option)
    [problem] = loaded.errors
    assert (problem.line, problem.option) == (3, option.split()[0])
    assert len(problem.message) < 200


@pytest.mark.parametrize("parse", [NUMBER, SIZE, TIME])
@given(st.text(alphabet="0123456789:-unlimtedKMB. \n", max_size=20))
def test_any_text_is_two_numbers_in_order_or_refused(parse: Any, text: str) -> None:
    try:
        soft, hard = parse(text)
    except ValueError:
        return
    assert -1 <= soft < 1 << 63
    assert hard == -1 or 0 <= soft <= hard


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_every_pair_can_be_written(first: int, second: int) -> None:
    low, high = sorted((first, second))
    assert NUMBER(f"{low}:{high}") == (low, high)
    assert NUMBER(f"{low}:unlimited") == (low, -1)


def test_each_limit_of_the_table_is_one_of_the_kernel() -> None:
    import resource

    names = [name for name, row in rows("program").items() if name.startswith("rlimit_")]
    assert len(names) == 14
    for name in names:
        assert hasattr(resource, name.upper()), name
        assert KINDS[rows("program")[name][KIND]]


def test_check_shows_them_as_they_are_written(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "x.conf"
    path.write_text(
        "[program:a]\ncommand = x\nrlimit_as = 1KB:unlimited\npdeathsig = 9\ncapabilities = NET_RAW\nnice = 2\n"
    )
    assert check(["--format", "json", str(path)], None) == 0
    [program] = json.loads(capsys.readouterr().out)["programs"]
    shown = {name: program[name] for name in ("rlimit_as", "rlimit_cpu", "pdeathsig", "capabilities", "nice")}
    assert shown == {
        "rlimit_as": "1024:unlimited",
        "rlimit_cpu": None,
        "pdeathsig": "KILL",
        "capabilities": ["NET_RAW"],
        "nice": 2,
    }
    assert check(["--explain", str(path)], None) == 0
    text = capsys.readouterr().out
    assert "rlimit_as" in text
    assert "rlimit_cpu" not in text  # thirteen lines that say nothing
