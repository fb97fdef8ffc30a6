"""The daemon says what is true: of its health, of the code it ends with, of what it was asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
KEEPS = "[program:keeps]\ncommand = sleep 1000\nstartsecs = 0\n"


def test_d1_health_tells_the_truth_about_each_name(daemon: Make) -> None:
    one = daemon(
        "[program:broken]\ncommand = /no/such/thing\nstartretries = 0\n"
        "[program:sick]\ncommand = sleep 1000\nstartsecs = 0\nstartretries = 0\nhealthcheck_type = script\n"
        "healthcheck_command = sh -c 'echo db is down; exit 1'\nhealthcheck_interval = 0.1\nhealthcheck_retries = 2\n"
        f"[program:later]\ncommand = sleep 1000\nautostart = false\n{KEEPS}"
    )
    one.wait_state("broken", "FATAL")
    one.wait_state("sick", "FATAL")
    rows = {row["name"]: (row["state"], row["healthy"]) for row in one.ask("health")["processes"]}
    assert rows == {
        "broken": ("FATAL", False),
        "sick": ("FATAL", False),
        "later": ("STOPPED", None),
        "keeps": ("RUNNING", None),
    }
    said = {name: one.ask("health", name)["healthy"] for name in rows}
    assert said == {"broken": False, "sick": False, "later": False, "keeps": True}
    reply = one.ask("health")
    assert reply["healthy"] is False
    assert reply["message"].startswith("not healthy: broken is FATAL: ")
    assert one.ask("health", kind="live")["healthy"] is True


def test_d1_a_container_without_programs_is_not_healthy(daemon: Make) -> None:
    one = daemon("")
    reply = one.ask("health")
    assert (reply["healthy"], reply["message"]) == (False, "not healthy: there are no programs")


@pytest.mark.parametrize("important", ["main", "critical"])
def test_d2_what_can_never_start_ends_the_container(daemon: Make, important: str) -> None:
    one = daemon(
        f"[program:setup]\ntype = oneshot\ncommand = sh -c 'exit 7'\n{KEEPS}"
        f"[program:app]\ncommand = sleep 1000\n{important} = true\ndepends_on = setup:completed\n",
        wait=False,
    )
    assert one.wait() == 7
    assert (
        f"exiting with code 7: {important} program app can never start: needs setup:completed" in one.text()
    )


def test_d5_the_first_failure_could_not_be_spawned(daemon: Make) -> None:
    one = daemon(
        "[program:missing]\ncommand = /nope/bin\nstartretries = 0\n"
        "[program:later]\ncommand = sh -c 'sleep 0.5; exit 3'\nstartretries = 0\n",
        wait=False,
    )
    assert one.wait() == 127


def test_r7_a_container_with_nothing_that_can_be_found_ends(daemon: Make) -> None:
    one = daemon("[program:x]\ncommand = nosuchcmd\nstartretries = 0\n", wait=False)
    assert one.wait() == 127


@pytest.mark.parametrize(
    "options",
    [
        "ready = notify\nready_timeout = 0.3\n",
        "startsecs = 0\nhealthcheck_type = script\nhealthcheck_command = false\nhealthcheck_interval = 0.1\n",
    ],
)
def test_t8_the_code_is_not_that_of_our_own_term(daemon: Make, options: str) -> None:
    one = daemon(f"[program:x]\ncommand = sleep 1000\nstartretries = 0\n{options}", wait=False)
    assert one.wait() == 1


def test_s5_a_quick_oneshot_of_a_stock_file_is_no_failure(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/s\n[program:a]\ncommand = true\nstartretries = 0\n", wait=False
    )
    assert one.wait() == 1
    stock = f"[supervisord]\n[unix_http_server]\nfile = {tmp_path}/t\n[program:a]\ncommand = true\nstartretries = 0\n"
    two = daemon(f"; [supervice]\n{stock}", "-s", f"{tmp_path}/u", wait=False)
    two.wait_text("state FATAL")
    two.signal(signal.SIGTERM)
    assert two.wait() == 0, two.text()


@pytest.mark.parametrize(
    ("silent", "logfile", "on_stdout"),
    [("false", "LOG", True), ("true", "LOG", False), ("false", "/dev/null", True), ("true", "", False)],
)
def test_the_log_of_a_stock_file_is_on_stdout_too(
    daemon: Make, tmp_path: Path, silent: str, logfile: str, on_stdout: bool
) -> None:
    """As supervisord does in the foreground, unless it is `silent`."""
    path = tmp_path / "own.log"
    stock = f"[supervisord]\nsilent = {silent}\n[unix_http_server]\nfile = {tmp_path}/t\n{KEEPS}"
    if logfile:
        stock = stock.replace("silent", f"logfile = {logfile.replace('LOG', str(path))}\nsilent", 1)
    one = daemon(f"; [supervice]\n{stock}", "-s", f"{tmp_path}/u", wait=False)
    eventually(lambda: (tmp_path / "u").exists())
    if logfile == "LOG":
        eventually(lambda: path.exists() and "keeps: running" in path.read_text())
    if on_stdout:
        assert one.wait_text("keeps: running").count("keeps: running") == 1
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    said = [line for line in one.text().splitlines() if " INFO " in line]
    written = path.read_text().splitlines() if path.exists() else []
    assert bool(said) is on_stdout, one.text()
    if on_stdout and written:
        assert said[-len(written) :] == written


def test_k6_health_says_what_was_asked(daemon: Make) -> None:
    one = daemon(
        "[program:web]\ncommand = sh -c 'trap \"sleep 1; exit 0\" TERM; echo up; while :; do sleep 0.05; done'\n"
        "startsecs = 0\n"
    )
    one.wait_text("up\n")
    assert one.ask("health", kind="ready")["message"] == "ready"
    assert one.ask("health", kind="live")["message"] == "live"
    assert one.ask("health")["message"] == "healthy"
    one.ask("shutdown")
    reply = one.ask("health", kind="ready")
    assert (reply["healthy"], reply["message"].startswith("not ready: shutting down")) == (False, True)
    eventually(lambda: one.process.poll() is not None)


def test_d20_restarts_counts_automatic_ones_only(daemon: Make) -> None:
    one = daemon(KEEPS)
    one.wait_state("keeps", "RUNNING")
    one.ask("stop", "keeps")
    one.ask("start", "keeps")
    one.ask("restart", "keeps")
    assert one.row("keeps")["restarts"] == 0
    os.kill(one.row("keeps")["pid"], signal.SIGKILL)
    eventually(lambda: one.row("keeps")["restarts"] == 1)


def test_d9_readiness_implies_no_startsecs(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    one = daemon(f"[program:a]\ncommand = sh -c 'echo > {flag}; exec sleep 1000'\nready = file:{flag}\n")

    def sooner() -> bool:
        """A busy machine may take its own time for one start, or two."""
        one.ask("restart", "a")
        return bool(one.wait_state("a", "RUNNING")["uptime"] < 0.9)

    eventually(sooner)


def test_a_file_makes_ready_whatever_the_clock_does(daemon: Make, tmp_path: Path) -> None:
    """It is newer by its inode; its time lies years before the start."""
    flag = tmp_path / "flag"
    command = f"sh -c 'sleep 0.3; touch -d 2001-01-01 {flag}; exec sleep 1000'"
    one = daemon(f"[program:a]\ncommand = {command}\nready = file:{flag}\nready_timeout = 5\n")
    one.wait_state("a", "RUNNING")


def test_d16_wait_says_what_was_wanted(daemon: Make) -> None:
    one = daemon(KEEPS)
    one.wait_state("keeps", "RUNNING")
    reply = one.ask("wait", "keeps", **{"for": "exited", "timeout": 0.2})
    assert reply["message"] == "timed out after 0.2 s: keeps is still RUNNING (wanted: exited)"
    reply = one.ask("wait", "keeps", **{"for": "healthy"})
    assert (reply["status"], reply["code"]) == ("error", "INVALID_REQUEST")
    assert "keeps: no health check" in reply["message"]


def test_a_stop_that_a_start_overtakes_answers_at_once(daemon: Make) -> None:
    one = daemon(
        "[program:slow]\ncommand = sh -c 'trap \"sleep 1; exit 0\" TERM; echo up; while :; do sleep 0.05; done'\n"
        "startsecs = 0\nstopwaitsecs = 60\n"
    )
    one.wait_text("up\n")
    replies: list[dict[str, object]] = []
    stop = threading.Thread(target=lambda: replies.append(one.ask("stop", "slow")))
    began = time.monotonic()
    stop.start()
    one.wait_state("slow", "STOPPING")
    one.ask("start", "slow", timeout=10)
    stop.join(20)
    assert time.monotonic() - began < 20  # and not the sixty seconds of the stop
    assert replies[0]["status"] == "error"
    assert "slow was asked to start meanwhile" in str(replies[0]["message"])


def test_k12_wait_counts_no_daemon_yet_as_not_yet(daemon: Make, tmp_path: Path) -> None:
    words = [sys.executable, "-c", "from supervice.cli.ctl import main; main()", "-s", f"{tmp_path}/0/s.sock"]
    early = subprocess.Popen([*words, "wait", "keeps", "--timeout", "30"], stdout=subprocess.PIPE, text=True)
    never = subprocess.run([*words, "wait", "--timeout", "0.2"], capture_output=True, text=True, timeout=30)
    assert never.returncode == 4
    daemon(KEEPS)
    assert early.communicate(timeout=30)[0] == "keeps is RUNNING\n"
    assert early.returncode == 0


def test_k5_a_stop_from_outside_names_what_was_wrong(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "note"
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\ntermination_log = {note}\n"
        "[program:sick]\ncommand = sleep 1000\nstartsecs = 0\nhealthcheck_type = script\nhealthcheck_action = none\n"
        "healthcheck_command = sh -c 'echo db is down; exit 1'\nhealthcheck_interval = 0.1\nhealthcheck_retries = 2\n"
    )
    one.wait_state("sick", "UNHEALTHY")
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    text = note.read_text()
    assert text.startswith(
        "SIGTERM received; exit code 0\nsick was UNHEALTHY: 2 health checks failed in a row"
    )
    assert "db is down" in text


def test_k7_a_first_version_is_written_when_the_shutdown_begins(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "note"
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\ntermination_log = {note}\n"
        "[program:deaf]\ncommand = sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done'\nstartsecs = 0\n"
    )
    one.wait_text("up\n")
    one.signal(signal.SIGTERM)
    eventually(lambda: note.read_text() == "SIGTERM received; stopping deaf\n")
    one.force()
    assert note.read_text().startswith("forced by a second signal, SIGTERM; exit code 143\n")


def test_a_leader_that_was_reaped_has_no_pid_while_what_it_left_is_stopped(daemon: Make) -> None:
    """Issue 17: `status` went on to tell the number, which may be another process's by then."""
    stays = "(trap '' TERM; while :; do sleep 0.05; done) & wait"
    one = daemon(
        f'[program:web]\ncommand = sh -c "{stays}"\nstartsecs = 0\nstopwaitsecs = 60\n'
        f"[program:next]\ncommand = sleep 1000\nautostart = false\n{KEEPS}"
    )
    one.wait_state("web", "RUNNING")
    pid = one.row("web")["pid"]
    assert one.ask("pid", "web")["pid"] == pid
    os.kill(pid, signal.SIGKILL)
    row = eventually(lambda: (row := one.row("web"))["pid"] != pid and row)
    assert row["pid"] is None
    assert row["reason"] == "killed by SIGKILL; what it left is being stopped"
    assert one.ask("pid", "web")["pid"] is None
    assert one.ask("why", "web")["pid"] is None
    # a stop still reaches it
    assert one.ask("stop", "web", force=True)["status"] == "ok"
    assert one.row("web")["state"] == "STOPPED"


def test_t11_a_changed_program_does_not_wait_for_a_slow_one_in_a_reload(daemon: Make) -> None:
    slow = "[program:slow]\ncommand = sleep 1000\npre_stop = sleep 3\nstartsecs = 0\n"
    quick = "[program:quick]\ncommand = sleep 1000\nstartsecs = 0\n"
    one = daemon(slow + quick)
    one.wait_state("slow", "RUNNING")
    first = one.wait_state("quick", "RUNNING")["pid"]
    one.rewrite(slow + "umask = 022\n" + quick + "umask = 022\n")
    one.signal(signal.SIGHUP)

    def again() -> bool:
        rows = one.status()
        return bool(rows["quick"]["state"] == "RUNNING" and rows["quick"]["pid"] != first)

    eventually(again)
    assert one.row("slow")["state"] == "STOPPING"
    assert one.ask("reload")["changed"] == []  # comes after the first one
    assert one.row("slow")["state"] in ("STARTING", "RUNNING")


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["-c", "/no/such.conf"], 2, "/no/such.conf: no such configuration file"),
        (["--no-such-option"], 2, "--no-such-option"),
        (["-c", "{bad}"], 2, "bad.conf:2: "),
        (["-c", "none", "--", "/no/such/command"], 127, "/no/such/command"),
        (["-c", "none", "--", "/etc/passwd"], 126, "/etc/passwd"),
    ],
)
def test_k2_a_start_that_fails_leaves_a_termination_message(
    tmp_path: Path, argv: list[str], code: int, said: str
) -> None:
    bad = tmp_path / "bad.conf"
    bad.write_text("[supervice]\nno_such_option = 1\n")
    note = tmp_path / "note"
    environment = {**os.environ, "SUPERVICE_TERMINATION_LOG": str(note)}
    command = [str(Path(sys.executable).with_name("supervice")), *(a.format(bad=bad) for a in argv)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == code
    assert said in note.read_text()
    assert f"exit code {code}" in note.read_text()


def test_k3_the_last_message_names_what_the_kernel_killed_for_memory() -> None:
    from types import SimpleNamespace
    from typing import Any

    from supervice.supervision.termination import Termination

    def line(total: int | None) -> list[str]:
        host: Any = SimpleNamespace(memory=SimpleNamespace(total=lambda: total))
        table: Any = None
        return Termination(table, host)._killed_for_memory()

    assert line(0) == line(None) == []
    assert line(1) == ["the kernel killed 1 process of this container for want of memory while it ran"]
    assert line(3) == ["the kernel killed 3 processes of this container for want of memory while it ran"]
