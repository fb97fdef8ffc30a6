"""Options that rotate log files by time: what they become, and what does not fit together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from supervice.config import Loaded, load


def read(tmp_path: Path, *options: str, ours: str = "", environ: dict[str, str] | None = None) -> Loaded:
    path = tmp_path / "supervice.conf"
    path.write_text("\n".join((f"[supervice]\n{ours}", "[program:web]", "command = web", *options, "")))
    return load(str(path), environ=environ or {}, daemon_defaults=True, cwd="/start")


def problems(loaded: Loaded) -> list[str]:
    return [f"{problem.severity}: {problem.message}" for problem in loaded.problems]


def test_what_the_options_become(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "stdout_logfile = /var/log/web",
        "stdout_logfile_rotate = 3:30",
        "stdout_logfile_suffix = date",
        "stderr_logfile = /var/log/web.err",
        "stderr_logfile_rotate = 24h",
        ours="logfile = /var/log/supervice\nlog_rotate = hourly\nlog_suffix = date",
    )
    assert loaded.problems == []
    web = loaded.processes[0]
    assert (web.stdout_logfile_rotate, web.stdout_logfile_suffix) == ("03:30", "date")
    assert (web.stderr_logfile_rotate, web.stderr_logfile_suffix) == ("daily", "number")
    assert (loaded.config.log_rotate, loaded.config.log_suffix) == ("hourly", "date")


def test_a_way_that_is_none(tmp_path: Path) -> None:
    (problem,) = problems(read(tmp_path, "stdout_logfile = /log", "stdout_logfile_rotate = weekly"))
    assert problem == (
        "error: [program:web] stdout_logfile_rotate = weekly: not a time to rotate; write daily, hourly, "
        "hours that divide a day (6h) or a time (03:30)"
    )


def test_nothing_to_rotate(tmp_path: Path) -> None:
    advice = "does nothing without stdout_logfile = PATH; add it"
    for more in ([], ["stdout_logfile = NONE"], ["stdout_logfile = /dev/stdout"]):
        loaded = read(tmp_path, "stdout_logfile_rotate = daily", *more)
        assert problems(loaded) == [f"error: [program:web] stdout_logfile_rotate {advice}"]
    assert problems(read(tmp_path, ours="log_rotate = daily")) == [], "--logfile may name it"


def test_an_option_that_there_is_not_is_no_way_to_rotate(tmp_path: Path) -> None:
    """It had a second error beside the first one: foo_suffix does nothing without foo = PATH; add it."""
    (problem,) = problems(read(tmp_path, ours="foo_suffix = date"))
    assert "unknown option 'foo_suffix'" in problem
    (problem,) = problems(read(tmp_path, "foo_rotate = daily"))
    assert "unknown option 'foo_rotate'" in problem


def test_a_file_that_would_be_emptied(tmp_path: Path) -> None:
    options = ("stdout_logfile = /log", "stdout_logfile_rotate = daily", "stdout_logfile_backups = 0")
    assert problems(read(tmp_path, *options)) == [
        "warning: [program:web] stdout_logfile_rotate: stdout_logfile_backups = 0 keeps nothing: the file is emptied "
        "at these times; write 1 or more"
    ]


def test_a_time_zone_that_does_not_exist(tmp_path: Path) -> None:
    options = ("stdout_logfile = /log", "stdout_logfile_rotate = daily")
    (problem,) = problems(read(tmp_path, *options, environ={"TZ": "Europe/Nowhere"}))
    assert problem.startswith("error: [program:web] stdout_logfile_rotate: TZ=Europe/Nowhere: ")


def test_who_rotates_by_size_loads_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "supervice.conf"
    path.write_text("[program:web]\ncommand = web\nstdout_logfile = /log\nstdout_logfile_compress = true\n")
    code = (
        "import sys; from supervice.config import load; load(sys.argv[1], environ={}, cwd='/');"
        "print(*[name for name in sys.modules if name.startswith('supervice.')])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "supervice.config.program" in loaded
    assert not [name for name in loaded if "schedules" in name or "rotation" in name]
