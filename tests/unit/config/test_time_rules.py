"""Options of `schedule` and `watch` in a file: what they become, and what does not fit together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from supervice.config import Loaded, load
from supervice.models import ProgramConfig, ScheduleConfig, WatchConfig


def read(tmp_path: Path, *options: str, environ: dict[str, str] | None = None, **sections: str) -> Loaded:
    path = tmp_path / "supervice.conf"
    lines = "\n".join(("[supervice]", "[program:job]", "command = job", *options, ""))
    path.write_text(lines + "".join(f"[program:{name}]\n{text}\n" for name, text in sections.items()))
    return load(str(path), environ=environ or {}, cwd="/start")


def job(tmp_path: Path, *options: str) -> ProgramConfig:
    loaded = read(tmp_path, *options)
    assert loaded.problems == []
    return loaded.processes[0]


def problems(
    tmp_path: Path, *options: str, environ: dict[str, str] | None = None, **sections: str
) -> list[str]:
    found = read(tmp_path, *options, environ=environ, **sections).problems
    return [f"{problem.severity}:{problem.line}: {problem.message}" for problem in found]


def test_a_schedule_makes_a_oneshot(tmp_path: Path) -> None:
    config = job(tmp_path, "schedule = */15 * * * *")
    assert config.schedule == ScheduleConfig(("*/15 * * * *",))
    assert (config.type, config.watch) == ("oneshot", None)


def test_all_options_of_a_schedule(tmp_path: Path) -> None:
    config = job(
        tmp_path,
        "schedule =",
        "    30 3 * * MON-FRI",
        "    every 90s",
        "schedule_timezone = Europe/Berlin",
        "schedule_overlap = queue",
        "schedule_timeout = 2h",
        "schedule_retries = 3",
        "schedule_jitter = 5m",
        "schedule_stamp = var/%(program_name)s.stamp",
        "schedule_deadline = 1h",
        "schedule_notify = curl -fsS https://ping.example/x",
    )
    assert config.schedule == ScheduleConfig(
        ("30 3 * * MON-FRI", "every 90s"),
        "Europe/Berlin",
        "queue",
        7200,
        3,
        300,
        "/start/var/job.stamp",
        3600,
        "curl -fsS https://ping.example/x",
    )


def test_a_hash_in_a_schedule_is_no_comment(tmp_path: Path) -> None:
    config = job(tmp_path, "schedule = 0 3 * * MON#2")
    assert config.schedule is not None
    assert config.schedule.lines == ("0 3 * * MON#2",)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("schedule = */30 * * * * *", "six fields"),
        ("schedule = 0 3 * * FRI-MON", "write FRI,SAT,SUN,MON"),
        ("schedule = 0 0 30 2 *", "never comes"),
        ("schedule = every 90", "write every 90s"),
        ("schedule =", "is empty"),
        ("schedule_timezone = Europe/Berln", "did you mean Europe/Berlin"),
        ("schedule_overlap = forbid", "write skip, queue or restart"),
        ("schedule_timeout = 0", "above 0"),
        ("schedule_retries = -1", "negative; write 0 or more"),
        ("schedule_jitter = soon", "not a time"),
        ("schedule_deadline = 0", "above 0"),
        ("schedule_notify =", "is empty"),
        ("type = simple", "type = simple does not go with schedule"),
        ("autorestart = true", "autorestart does nothing with schedule; remove it"),
        ("startretries = 3", "startretries does nothing with schedule; write schedule_retries"),
        ("main = true", "main = true does not go with schedule"),
        ("ready = notify", "ready has no effect for a oneshot"),
        ("schedule_typo = 1", "unknown option 'schedule_typo'"),
    ],
)
def test_what_is_wrong_is_an_error_with_its_line(tmp_path: Path, option: str, message: str) -> None:
    options = (option,) if option.startswith("schedule =") else ("schedule = @daily", option)
    found = problems(tmp_path, *options)
    assert len(found) == 1
    assert found[0].startswith(f"error:{3 + len(options)}: [program:job]")
    assert message in found[0]


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("* */2 * * *", "every minute of the hours 0, 2, 4"),
        ("*/90 * * * *", "beyond its end"),
        ("0 3 13 * FRI", "runs when either matches"),
    ],
)
def test_what_is_rarely_meant_is_a_warning(tmp_path: Path, line: str, doubt: str) -> None:
    (found,) = problems(tmp_path, f"schedule = {line}")
    assert found.startswith(f"warning:4: [program:job] schedule = {line}: ")
    assert doubt in found


def test_the_zone_of_the_container_is_looked_at_too(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "schedule = @daily", environ={"TZ": "Mars/Olympus"})
    assert "error:4: [program:job] schedule: TZ=Mars/Olympus: no such time zone" in found
    assert (
        problems(tmp_path, "schedule = @daily", "schedule_timezone = UTC", environ={"TZ": "Mars/Olympus"})
        == []
    )


def test_options_without_a_schedule_do_nothing(tmp_path: Path) -> None:
    assert problems(tmp_path, "schedule_retries = 1", "watch_delay = 5s") == [
        "error:4: [program:job] schedule_retries does nothing without schedule; add it",
        "error:5: [program:job] watch_delay does nothing without watch; add it",
    ]


def test_each_process_has_a_stamp_of_its_own(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "schedule = @daily", "numprocs = 2", "schedule_stamp = /var/stamp")
    assert "2 processes would write this file; write %(process_num)02d into its name" in found
    loaded = read(tmp_path, "schedule = @daily", "numprocs = 2", "schedule_stamp = stamp.%(process_num)02d")
    assert loaded.problems == []
    stamps = [config.schedule.stamp for config in loaded.processes if config.schedule is not None]
    assert stamps == ["/start/stamp.00", "/start/stamp.01"]


def test_nothing_can_wait_for_a_schedule(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "schedule = @daily", web="command = web\ndepends_on = job:completed")
    assert "depends_on: job runs at times of its own (schedule), nothing can wait for it" in found
    assert problems(tmp_path, "schedule = @daily", "depends_on = web", web="command = web") == []


# -- watch -----------------------------------------------------------------------------------------------


def test_all_options_of_a_watch(tmp_path: Path) -> None:
    config = job(
        tmp_path,
        "watch = /etc/app.yml, conf.d/**/*.yml",
        "watch_action = signal:SIGHUP",
        "watch_interval = 500ms",
        "watch_delay = 0",
        "watch_ignore = *.bak, cache",
        "watch_check = nginx -t",
    )
    assert config.watch == WatchConfig(
        ("/etc/app.yml", "/start/conf.d/**/*.yml"), "signal:HUP", 0.5, 0, ("*.bak", "cache"), "nginx -t"
    )
    assert config.schedule is None


def test_a_watch_of_one_file(tmp_path: Path) -> None:
    assert job(tmp_path, "watch = app.yml").watch == WatchConfig(("/start/app.yml",))
    assert job(tmp_path, "watch = @env", "env_file = web.env").watch == WatchConfig(("@env",))


def test_each_process_may_watch_files_of_its_own(tmp_path: Path) -> None:
    loaded = read(tmp_path, "watch = conf/%(process_num)02d.yml", "numprocs = 2")
    paths = [config.watch.paths for config in loaded.processes if config.watch is not None]
    assert paths == [("/start/conf/00.yml",), ("/start/conf/01.yml",)]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("watch_action = reboot", "write restart, reload, signal:HUP or run:COMMAND"),
        ("watch_action = signal:NOPE", "not a signal"),
        ("watch_action = run:", "write restart, reload, signal:HUP or run:COMMAND"),
        ("watch_interval = 0", "above 0"),
        ("watch_check =", "is empty"),
    ],
)
def test_what_is_wrong_with_a_watch(tmp_path: Path, option: str, message: str) -> None:
    (found,) = problems(tmp_path, "watch = app.yml", option)
    assert found.startswith("error:5: [program:job] watch_")
    assert message in found


def test_lists_of_files(tmp_path: Path) -> None:
    assert "it has no env_file and no secrets" in problems(tmp_path, "watch = @env")[0]
    assert "no such list; write @env or ./@all" in problems(tmp_path, "watch = @all")[0]


def test_a_stock_file_is_told_how_to_use_them(tmp_path: Path) -> None:
    path = tmp_path / "supervisord.conf"
    path.write_text("[supervisord]\n[program:job]\ncommand=job\nschedule=@daily\n")
    (problem,) = load(str(path), environ={}, cwd="/start").problems
    assert (problem.severity, problem.option) == ("warning", "schedule")
    assert "add a [supervice] section to use it" in problem.message


def test_a_configuration_without_them_loads_nothing_for_them(tmp_path: Path) -> None:
    path = tmp_path / "supervice.conf"
    path.write_text("[supervice]\n[program:web]\ncommand = web\nwatchdog = 30s\n")
    script = (
        f"import sys; from supervice.config import load; load({str(path)!r}, daemon_defaults=True);"
        "print([m for m in sys.modules if m.startswith(('supervice.schedules', 'supervice.watch', 'cronsim', 'zoneinfo', 'datetime'))"
        " or m.endswith('time_rules')])"
    )
    done = subprocess.run(
        [sys.executable, "-ISc", "import sys; sys.path.insert(0, '.');" + script],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[]\n", done.stderr
