"""`overlap`: what does not go with it is an error, what is doubtful a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervice.config import Loaded, load

GOOD = ("listen = tcp::80", "ready = notify", "ready_timeout = 30", "overlap = true")


def read(tmp_path: Path, *options: str) -> Loaded:
    path = tmp_path / "supervice.conf"
    path.write_text("\n".join(("[supervice]", "[program:web]", "command = web", *options, "")))
    return load(str(path), environ={}, cwd="/start")


def problems(tmp_path: Path, *options: str) -> list[str]:
    return [f"{problem.severity}: {problem.message}" for problem in read(tmp_path, *options).problems]


def test_it_is_an_option(tmp_path: Path) -> None:
    assert read(tmp_path, *GOOD).processes[0].overlap
    assert problems(tmp_path, *GOOD) == []
    assert not read(tmp_path, "overlap = false").processes[0].overlap


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("type = oneshot",), "error: [program:web] overlap: a oneshot ends by itself and is not restarted"),
        (("schedule = @daily",), "error: [program:web] overlap: a oneshot ends by itself"),
        (("stdin = pipe",), "error: [program:web] overlap does not go with stdin = pipe"),
        ((), "warning: [program:web] overlap without listen: both processes run at the same time"),
        (
            ("listen = tcp::80",),
            "warning: [program:web] overlap without ready: the old process is stopped when the new one has",
        ),
        (
            ("listen = tcp::80", "ready = notify"),
            "warning: [program:web] overlap without ready_timeout: a new process that never becomes ready",
        ),
        (
            ("listen = tcp::80", "ready = tcp:127.0.0.1:80", "ready_timeout = 9"),
            "warning: [program:web] overlap: where the address is one of listen, the old process answers",
        ),
        (
            ("listen = tcp::80", "readiness_type = http", "readiness_url = http://127.0.0.1/"),
            "warning: [program:web] overlap: where the address is one of listen, the old process answers",
        ),
    ],
)
def test_what_does_not_go_with_it(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    found = problems(tmp_path, "overlap = true", *lines)
    assert any(one.startswith(said) for one in found), found


def test_a_script_that_asks_the_new_process_is_no_doubt(tmp_path: Path) -> None:
    lines = ("readiness_type = script", "readiness_command = true", "ready = check", "ready_timeout = 9")
    assert problems(tmp_path, "listen = tcp::80", "overlap = true", *lines) == []
