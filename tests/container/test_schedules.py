"""Schedules and watched files in containers: other users, read-only roots, mounts, the image's time zones."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.container.helpers import Box, eventually

Run = Callable[..., Box]


def rows(box: Box) -> dict[str, dict[str, Any]]:
    answer = json.loads(box.ctl("--json", "schedule", check=True).output)
    return {row["name"]: row for row in answer["schedules"]}


def test_the_cron_example_as_a_user_on_a_read_only_root(
    run: Run, build_example: Callable[[str], str]
) -> None:
    """Three runs, one failure with its reason and its metric, no cron, no root."""
    box = run(
        image=build_example("cron"),
        user="12345",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        tmpfs={"/tmp": "mode=1777"},
        environment={"COUNT_SCHEDULE": "every 1s"},
        wait=["web"],
    )
    assert box.exec("supervice", "check", check=True).output.count("warning") == 0
    eventually(lambda: rows(box)["count"]["succeeded"] >= 3, 30, message="three runs")
    assert len(re.findall(r"^\d+ visits$", box.logs(), re.M)) >= 3
    assert box.ctl("health", "count", check=False).code == 0

    backup = rows(box)["backup"]
    assert backup["words"] == ["every day at 03:30"]
    assert backup["timezone"] == "Europe/Berlin"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d 03:30 CES?T", str(backup["next_local"][0]))
    box.ctl("start", "backup", check=True)
    eventually(lambda: rows(box)["backup"]["succeeded"] == 1, 30)
    assert re.search(r"^data-.*\.tar\.gz: \d+ bytes$", box.logs(), re.M)

    box.exec("touch", "/data/broken", check=True)
    eventually(lambda: rows(box)["count"]["failures"] >= 1, 30)
    health = box.ctl("health", "count", check=False)
    assert health.code == 1
    assert "the last run failed: exit code 1" in health.output
    assert box.ctl("health").code == 0, "for the container it does not count"
    assert "the application says 500" in box.ctl("why", "count", check=True).output
    fetch = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9090/metrics').read().decode())"
    metrics = box.exec("python3", "-c", fetch, check=True).output
    labels = 'name="count",group="count"'
    assert re.search(rf"^supervice_schedule_failed_runs_total{{{labels}}} [1-9]", metrics, re.M)
    assert re.search(rf"^supervice_schedule_failing{{{labels}}} 1$", metrics, re.M)
    assert re.search(rf"^supervice_schedule_succeeded_runs_total{{{labels}}} [3-9]", metrics, re.M)
    box.exec("rm", "/data/broken", check=True)
    eventually(lambda: box.ctl("health", "count", check=False).code == 0, 30)
    assert box.zombies() == []
    assert box.stop() == 0


def test_the_image_has_time_zones_and_follows_the_containers(
    run: Run, base: str, image_for: Callable[[str], str]
) -> None:
    """A zone of the configuration, of TZ, and one that is not there."""
    config = (
        "[supervice]\n[program:a]\ncommand = true\nschedule = 0 12 * * *\nschedule_timezone = Asia/Kathmandu\n"
        "[program:b]\ncommand = true\nschedule = 0 12 * * *\n"
    )
    box = run(config=config, image=image_for(base), environment={"TZ": "America/New_York"})
    eventually(lambda: box.ctl("status", check=False).code == 0)
    found = rows(box)
    assert str(found["a"]["next_local"][0]).endswith("12:00 +0545")
    assert re.search(r"12:00 E[DS]T$", str(found["b"]["next_local"][0]))
    assert box.stop() == 0
    wrong = run(config=config, image=image_for(base), environment={"TZ": "Amerika/New_York"})
    assert wrong.wait() == 2
    assert "TZ=Amerika/New_York: no such time zone (did you mean America/New_York?)" in wrong.logs()


def test_a_stamp_on_a_volume_makes_up_one_night(run: Run, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o777)
    volume.chmod(0o777)
    config = "[supervice]\n[program:job]\ncommand = echo ran\nschedule = 0 * * * *\nschedule_stamp = /volume/stamp\n"
    first = run(config=config, volumes={str(volume): "/volume"})
    eventually((volume / "stamp").exists)
    assert first.stop() == 0
    assert "ran\n" not in first.logs()
    (volume / "stamp").write_text(f"{time.time() - 90000}\n")
    second = run(config=config, volumes={str(volume): "/volume"})
    second.wait_log("is made up now")
    second.wait_log("\nran")
    assert rows(second)["job"]["missed"] in (23, 24, 25)
    assert second.stop() == 0


def test_a_file_that_is_mounted_alone_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    config = "[supervice]\n[program:web]\ncommand = sleep 1000\nstartsecs = 0\nwatch = /etc/app.yml\nwatch_interval = 0.2\n"
    box = run(config=config, volumes={str(file): "/etc/app.yml"}, wait=["web"])
    said = "/etc/app.yml is mounted alone: its replacement outside is not seen"
    box.wait_log(f"web: watch: {said}")
    assert said in box.exec("supervice", "check", check=True).output
    pid = box.pid("web")
    with file.open("w") as same:  # written in place it is seen
        same.write("two")
    eventually(lambda: box.pid("web") not in (None, pid), 20)
    assert box.stop() == 0


def test_a_bind_mounted_directory_and_a_swapped_link(run: Run, tmp_path: Path) -> None:
    volume = tmp_path / "config"
    (volume / "..1").mkdir(parents=True)
    (volume / "..1/app.yml").write_text("one")
    (volume / "..data").symlink_to("..1")
    (volume / "app.yml").symlink_to("..data/app.yml")
    config = (
        "[supervice]\n[program:web]\ncommand = sleep 1000\nstartsecs = 0\nwatch = /config\nwatch_interval = 0.2\n"
        "watch_delay = 0.2\n"
    )
    box = run(config=config, volumes={str(volume): "/config"}, wait=["web"])
    pid = box.pid("web")
    (volume / "..2").mkdir()
    (volume / "..2/app.yml").write_text("two")
    (volume / "..tmp").symlink_to("..2")
    (volume / "..tmp").rename(volume / "..data")
    eventually(lambda: box.pid("web") not in (None, pid), 20)
    eventually(
        lambda: "watch: /config/app.yml changed: restart" in box.logs(), 20
    )  # the engine has it a moment later
    assert box.stop() == 0
