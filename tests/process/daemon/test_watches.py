"""Watched files in a real daemon: what a change does, and what does nothing."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.procfs import voluntary_switches

Make = Callable[..., Daemon]
FAST = "watch_interval = 200ms\nwatch_delay = 100ms\n"
WEB = "[program:web]\ncommand = sleep 600\nstartsecs = 0\n"


def wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > end)


def restarted(one: Daemon, pid: int, name: str = "web") -> int:
    def there() -> int | None:
        row = one.row(name)
        return row["pid"] if row["state"] == "RUNNING" and row["pid"] != pid else None

    found = eventually(there, message=f"{name} is restarted: {one.text()}")
    assert found is not None
    return found


def test_a_change_restarts_the_program_once(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    one = daemon(f"{WEB}watch = {file}\n{FAST}")
    pid = one.wait_state("web", "RUNNING")["pid"]
    file.write_text("two")
    pid = restarted(one, pid)
    one.wait_text(f"web: watch: {file} changed: restart")
    file.touch()
    wait(1.0)
    assert one.row("web")["pid"] == pid, "a touch is no change"


def test_a_configmap_swap_with_one_byte_changed_restarts_once(daemon: Make, tmp_path: Path) -> None:
    volume = tmp_path / "config"
    volume.mkdir()

    def publish(version: int, text: str) -> None:
        (volume / f"..{version}").mkdir()
        (volume / f"..{version}" / "app.yml").write_text(text)
        (volume / "..data_tmp").symlink_to(f"..{version}")
        (volume / "..data_tmp").rename(volume / "..data")

    publish(1, "a: 1")
    (volume / "app.yml").symlink_to("..data/app.yml")
    one = daemon(f"{WEB}watch = {volume}/*\n{FAST}")
    pid = one.wait_state("web", "RUNNING")["pid"]
    publish(2, "a: 1")
    wait(1.0)
    assert one.row("web")["pid"] == pid
    publish(3, "a: 2")
    pid = restarted(one, pid)
    wait(1.0)
    assert one.row("web")["pid"] == pid
    assert one.text().count("changed: restart") == 1


def test_an_editors_rename_and_a_new_file_of_a_glob(daemon: Make, tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.yml").write_text("one")
    one = daemon(f"{WEB}watch = {tmp_path}/conf.d/**/*.yml\n{FAST}")
    pid = one.wait_state("web", "RUNNING")["pid"]
    (tmp_path / "conf.d/.a.yml.swp").write_text("x")
    (tmp_path / "conf.d/a.yml.tmp").write_text("two")
    (tmp_path / "conf.d/a.yml.tmp").rename(tmp_path / "conf.d/a.yml")
    pid = restarted(one, pid)
    (tmp_path / "conf.d/sub").mkdir()
    (tmp_path / "conf.d/sub/b.yml").write_text("new")
    restarted(one, pid)


def test_a_file_that_is_away_does_nothing_and_its_return_is_compared(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    one = daemon(f"{WEB}watch = {file}\n{FAST}")
    pid = one.wait_state("web", "RUNNING")["pid"]
    file.unlink()
    one.wait_text(f"web: watch: {file} is missing; nothing happens until the return")
    file.write_text("one")
    one.wait_text(f"web: watch: {file} is back, unchanged")
    assert one.row("web")["pid"] == pid
    file.unlink()
    file.write_text("two")
    restarted(one, pid)


def test_a_path_that_does_not_exist_is_watched_until_it_does(daemon: Make, tmp_path: Path) -> None:
    one = daemon(f"{WEB}watch = {tmp_path}/later.yml\n{FAST}")
    pid = one.wait_state("web", "RUNNING")["pid"]
    (tmp_path / "later.yml").write_text("x")
    restarted(one, pid)


def test_a_fatal_program_is_watched_on_and_a_change_starts_it(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.sh"
    file.write_text("exit 3")
    one = daemon(
        f"{WEB}[program:app]\ncommand = sh {file}\nstartsecs = 0.2\nstartretries = 0\nwatch = {file}\n{FAST}"
    )
    one.wait_state("app", "FATAL")
    file.write_text("exec sleep 600")
    one.wait_state("app", "RUNNING")


def test_a_stopped_program_is_left_alone_and_starts_with_what_is_there(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    one = daemon(f"{WEB}watch = {file}\n{FAST}")
    one.wait_state("web", "RUNNING")
    one.ask("stop", "web")
    file.write_text("two")
    wait(1.0)
    assert one.row("web")["state"] == "STOPPED"
    one.ask("start", "web")
    pid = one.wait_state("web", "RUNNING")["pid"]
    wait(1.0)
    assert one.row("web")["pid"] == pid, "what changed before the start is what it has read"


def test_a_signal_instead_of_a_restart(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    program = "sh -c 'trap \"echo reloaded\" HUP; echo begun; while :; do sleep 0.1; done'"
    one = daemon(
        f"[program:web]\ncommand = {program}\nstartsecs = 0\nwatch = {file}\nwatch_action = signal:HUP\n{FAST}"
    )
    one.wait_text("begun")
    pid = one.wait_state("web", "RUNNING")["pid"]
    file.write_text("two")
    one.wait_text("reloaded")
    assert one.row("web")["pid"] == pid


def test_a_command_instead_of_a_restart(daemon: Make, tmp_path: Path) -> None:
    file, made = tmp_path / "app.yml", tmp_path / "made"
    file.write_text("one")
    one = daemon(f"{WEB}watch = {file}\nwatch_action = run:touch {made}\n{FAST}")
    one.wait_state("web", "RUNNING")
    file.write_text("two")
    eventually(made.exists)
    assert "changed: run:touch" in one.text()


def test_a_reload_instead_of_a_restart(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    one = daemon(f"{WEB}watch = {file}\nwatch_action = reload\n{FAST}")
    one.wait_state("web", "RUNNING")
    text = f"{WEB}watch = {file}\nwatch_action = reload\n{FAST}[program:new]\ncommand = sleep 600\nstartsecs = 0\n"
    one.rewrite(text)
    file.write_text("two")
    eventually(lambda: "new" in one.status())


def test_while_the_check_fails_nothing_is_done(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("fine")
    one = daemon(
        f"{WEB}watch = {file}\nwatch_check = sh -c 'grep fine {file} || {{ echo not fine; exit 1; }}'\n{FAST}"
    )
    pid = one.wait_state("web", "RUNNING")["pid"]
    file.write_text("broken")
    one.wait_text("web: watch: the check failed (exit code 1): no restart until the next change")
    one.wait_text("web: watch: not fine")
    assert one.row("web")["pid"] == pid
    file.write_text("fine again")
    restarted(one, pid)


def test_a_program_that_writes_into_what_it_watches_is_suspended_after_five(
    daemon: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    one = daemon(
        f"[program:web]\ncommand = sh -c 'date +%%N >{folder}/written; exec sleep 600'\nstartsecs = 0\nwatch = {folder}\n{FAST}"
    )
    one.wait_text("5 actions in 60 s; suspended until the next start or reload", timeout=30)
    assert f"{folder}/written" in one.text()
    pid = one.wait_state("web", "RUNNING")["pid"]
    wait(1.0)
    assert one.row("web")["pid"] == pid
    assert len(re.findall("changed: restart", one.text())) == 5


def test_our_own_log_files_are_never_watched(daemon: Make, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    one = daemon(
        f"[program:web]\ncommand = sh -c 'while :; do echo line; sleep 0.1; done'\nstartsecs = 0\n"
        f"stdout_logfile = {folder}/web.log\nstdout_logfile_maxbytes = 4KB\nwatch = {folder}\n{FAST}"
    )
    pid = one.wait_state("web", "RUNNING")["pid"]
    wait(2.0)
    assert one.row("web")["pid"] == pid


def test_the_files_of_the_environment(daemon: Make, tmp_path: Path) -> None:
    env = tmp_path / "web.env"
    env.write_text("A=1\n")
    one = daemon(f"{WEB}env_file = {env}\nwatch = @env\n{FAST}")
    pid = one.wait_state("web", "RUNNING")["pid"]
    env.write_text("A=2\n")
    pid = restarted(one, pid)
    eventually(lambda: b"A=2" in Path(f"/proc/{pid}/environ").read_bytes())  # empty in the middle of an exec


def test_more_than_two_thousand_files_are_an_error_and_nothing_is_watched(
    daemon: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(2001):
        (folder / str(number)).touch()
    one = daemon(f"{WEB}watch = {folder}\n{FAST}")
    one.wait_text("web: watch: more than 2000 files: nothing is watched; write a narrower glob")
    assert one.wait_state("web", "RUNNING")


def test_all_processes_of_a_program_are_restarted(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    one = daemon(f"{WEB}numprocs = 3\nwatch = {file}\n{FAST}")
    names = [f"web:0{number}" for number in range(3)]
    pids = [one.wait_state(name, "RUNNING")["pid"] for name in names]
    file.write_text("two")
    for name, pid in zip(names, pids, strict=True):
        restarted(one, pid, name)


def test_a_reload_brings_a_watch_and_takes_it_away(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    one = daemon(WEB)
    pid = one.wait_state("web", "RUNNING")["pid"]
    one.rewrite(f"{WEB}watch = {file}\n{FAST}")
    assert one.ask("reload")["changed"] == []
    assert one.row("web")["pid"] == pid
    file.write_text("two")
    pid = restarted(one, pid)
    one.rewrite(WEB)
    one.ask("reload")
    file.write_text("three")
    wait(1.0)
    assert one.row("web")["pid"] == pid


# -- the configuration itself ----------------------------------------------------------------------------


def own(one: Daemon, text: str) -> None:
    one.config.write_text(f"[supervice]\nsocket = {one.socket}\nwatch_config = true\n{text}")


@pytest.fixture
def watched(daemon: Make, tmp_path: Path) -> Daemon:
    socket = tmp_path / "0" / "s.sock"
    return daemon(f"[supervice]\nsocket = {socket}\nwatch_config = true\n{WEB}")


def test_a_change_of_the_configuration_is_a_reload(watched: Daemon) -> None:
    pid = watched.wait_state("web", "RUNNING")["pid"]
    own(watched, f"{WEB}[program:new]\ncommand = sleep 600\nstartsecs = 0\n")
    eventually(lambda: "new" in watched.status(), 20)
    assert watched.row("web")["pid"] == pid
    own(watched, WEB)
    eventually(lambda: "new" not in watched.status(), 20)


def test_a_configuration_with_errors_changes_nothing_and_is_said(watched: Daemon) -> None:
    pid = watched.wait_state("web", "RUNNING")["pid"]
    own(watched, "[program:web]\ncommnd = sleep 600\n")
    watched.wait_text("supervice: watch: nothing was reloaded:", timeout=20)
    assert watched.row("web")["pid"] == pid
    assert watched.ask("health", kind="ready")["healthy"] is True
    own(watched, f"{WEB}[program:new]\ncommand = sleep 600\nstartsecs = 0\n")
    eventually(lambda: "new" in watched.status(), 20)


def test_nothing_wakes_a_daemon_that_watches_nothing_any_more(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    one = daemon(f"{WEB}watch = {file}\n{FAST}")
    one.wait_state("web", "RUNNING")
    one.ask("stop", "web")
    before = voluntary_switches(one.pid)
    wait(2.0)
    assert voluntary_switches(one.pid) - before <= 2


def test_a_shutdown_ends_it(daemon: Make, tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    file.write_text("one")
    one = daemon(f"{WEB}watch = {file}\nwatch_check = sleep 30\n{FAST}")
    one.wait_state("web", "RUNNING")
    file.write_text("two")
    wait(1.0)
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert os.path.exists(file)
