"""What the daemon makes of its files: configuration, reload, socket, pid file, log files, a full disk."""

from __future__ import annotations

import os
import signal
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon, alive

Make = Callable[..., Daemon]
SLEEP = "command = sleep 1000\nstartsecs = 0\n"


def test_every_problem_at_once_and_nothing_started(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "note"
    one = daemon(
        f"[program:a]\ncommand = touch {note}\nstartsec = 1\n[program:b]\nnumprocs = many\n[programm:c]\n",
        wait=False,
    )
    assert one.wait() == 2
    lines = [line for line in one.text().splitlines() if line.startswith(f"{one.config}:")]
    assert len(lines) == 4, one.text()
    assert "startsecs" in lines[0]
    assert not note.exists()


def test_a_reload_touches_only_what_changed(daemon: Make) -> None:
    base = f"[program:keep]\n{SLEEP}[program:change]\n{SLEEP}[program:gone]\n{SLEEP}"
    one = daemon(base)
    before = {name: one.wait_state(name, "RUNNING")["pid"] for name in ("keep", "change", "gone")}
    one.rewrite(
        f"[program:keep]\n{SLEEP}stdout_logfile_backups = 3\n"
        "[program:change]\ncommand = sleep 2000\nstartsecs = 0\n"
        f"[program:new]\n{SLEEP}"
    )
    preview = one.ask("reload", dry_run=True)
    assert (preview["added"], preview["removed"], preview["changed"]) == (["new"], ["gone"], ["change"])
    assert {name: row["pid"] for name, row in one.status().items()} == before
    reply = one.ask("reload")
    assert (reply["added"], reply["removed"], reply["changed"]) == (["new"], ["gone"], ["change"])
    one.wait_state("new", "RUNNING")
    after = {name: row["pid"] for name, row in one.status().items()}
    assert list(after) == ["keep", "change", "new"]
    assert after["keep"] == before["keep"]
    assert after["change"] != before["change"]
    words = Path(f"/proc/{after['change']}/cmdline")
    eventually(lambda: words.read_bytes() == b"sleep\x002000\x00")
    assert not alive(before["gone"])
    reply = one.ask("reload")
    assert (reply["added"], reply["removed"], reply["changed"]) == ([], [], [])
    assert reply["message"] == "No changes detected"


def test_a_wrong_reload_changes_nothing(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    pid = one.wait_state("a", "RUNNING")["pid"]
    one.rewrite(f"[program:a]\n{SLEEP}nonsense = 1\n[program:b]\n")
    reply = one.ask("reload")
    assert reply["status"] == "error"
    assert reply["message"] == "nothing was reloaded: the configuration has 2 errors"
    assert len(reply["problems"]) == 2
    assert "nonsense" in reply["problems"][0]
    assert one.row("a")["pid"] == pid
    one.signal(signal.SIGHUP)
    one.wait_text("nothing was reloaded")
    assert list(one.status()) == ["a"]


def test_hangup_reloads(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    one.rewrite(f"[program:a]\n{SLEEP}[program:b]\n{SLEEP}")
    one.signal(signal.SIGHUP)
    eventually(lambda: one.row("b")["state"] == "RUNNING")


def test_what_an_operator_stopped_stays_stopped_over_a_reload(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    one.wait_state("a", "RUNNING")
    one.ask("stop", "a")
    one.rewrite("[program:a]\ncommand = sleep 2000\nstartsecs = 0\n")
    assert one.ask("reload")["changed"] == ["a"]
    assert one.row("a")["state"] == "STOPPED"
    assert one.process.poll() is None


def test_numprocs_grows_and_shrinks_without_touching_the_others(daemon: Make) -> None:
    def text(count: int) -> str:
        return f"[program:w]\n{SLEEP}numprocs = {count}\n"

    one = daemon(text(2))
    first = {name: one.wait_state(name, "RUNNING")["pid"] for name in ("w:00", "w:01")}
    one.rewrite(text(3))
    assert one.ask("reload")["added"] == ["w:02"]
    assert {name: one.row(name)["pid"] for name in first} == first
    one.rewrite(text(2))
    assert one.ask("reload")["removed"] == ["w:02"]
    assert {name: row["pid"] for name, row in one.status().items()} == first


def test_settings_that_need_a_new_start_are_named(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    text = one.config.read_text().replace("[program:a]", "socket_mode = 0660\n[program:a]")
    one.config.write_text(text)
    assert one.ask("reload")["restart_required"] == ["socket_mode"]


def test_reloads_at_once_are_done_one_after_another(daemon: Make) -> None:
    import threading

    one = daemon(f"[program:a]\n{SLEEP}")
    one.rewrite(f"[program:a]\n{SLEEP}[program:b]\n{SLEEP}")
    replies: list[list[str]] = []
    threads = [threading.Thread(target=lambda: replies.append(one.ask("reload")["added"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replies) == [[]] * 7 + [["b"]]


def test_a_socket_in_use_is_refused_and_nothing_started(daemon: Make, tmp_path: Path) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    note = tmp_path / "note"
    two = daemon(f"[supervice]\nsocket = {one.socket}\n[program:x]\ncommand = touch {note}\n", wait=False)
    assert two.wait() == 2
    assert "nothing was started" in two.text()
    assert not note.exists()
    assert one.row("a")["state"] in ("STARTING", "RUNNING")


def test_a_stale_socket_is_replaced(daemon: Make, tmp_path: Path) -> None:
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    one = daemon(f"[supervice]\nsocket = {path}\n[program:a]\n{SLEEP}", wait=False)
    one.socket = path
    one.wait_state("a", "RUNNING")
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_writable_place_is_said_once_and_no_obstacle(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/no/dir/s.sock\npidfile = {tmp_path}/no/dir/pid\n"
        f"[program:a]\ncommand = sh -c 'echo up; exec sleep 1000'\n",
        wait=False,
    )
    text = one.wait_text("up\n")
    eventually(lambda: one.text().count("without a") == 2)
    assert "without a control socket" in text
    assert "without a pid file" in text


def test_the_pid_file_is_a_lock(daemon: Make, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text("1\n")  # a stale one is no obstacle
    one = daemon(f"[supervice]\nsocket = none\npidfile = {path}\n[program:a]\n{SLEEP}", wait=False)
    eventually(lambda: path.read_text() == f"{one.pid}\n")
    two = daemon(f"[supervice]\nsocket = none\npidfile = {path}\n[program:a]\n{SLEEP}", wait=False)
    assert two.wait() == 2
    one.signal(signal.SIGTERM)
    one.wait()
    assert not path.exists()


def test_programs_log_to_rotating_files_with_lines_whole(daemon: Make, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    one = daemon(
        f"[program:a]\ncommand = sh -c 'seq 1 200000'\nautorestart = false\nstartsecs = 0\n"
        f"stdout_logfile = {log}\nstdout_logfile_maxbytes = 300KB\nstdout_logfile_backups = 10\n",
        wait=False,
    )
    assert one.wait() == 0
    files = [log.with_name(f"a.log.{n}") for n in range(10, 0, -1)] + [log]
    kept = [path for path in files if path.exists()]
    assert len(kept) > 3
    lines = "".join(path.read_text() for path in kept).split()
    assert lines == [str(n) for n in range(1, 200001)]
    assert all(path.stat().st_size <= 300 * 1024 for path in kept)


def test_twenty_children_that_write_and_leave_lose_nothing(daemon: Make) -> None:
    text = "".join(
        f"[program:p{n}]\ncommand = sh -c 'yes p{n}-line | head -c 1048576'\nautorestart = false\nstartsecs = 0\n"
        for n in range(20)
    )
    one = daemon(f"[supervice]\nsocket = none\nloglevel = error\n{text}", wait=False)
    assert one.wait(60) == 0
    lines = Counter(one.out.read_bytes().split(b"\n"))
    for n in range(20):
        line = f"p{n}-line".encode()
        assert lines.pop(line) == 1048576 // (len(line) + 1), n
    # what is left: the end of each program's last, unfinished line, on a line of its own
    assert all(any(f"p{n}-line".encode().startswith(rest) for n in range(20)) for rest in lines), lines


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_log_disk_does_not_stop_the_program(daemon: Make, tmp_path: Path) -> None:
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small]).returncode:
        pytest.skip("no mounting here")
    try:
        note = tmp_path / "done"
        one = daemon(
            f"[program:a]\ncommand = sh -c 'seq 1 100000; echo done > {note}; exec sleep 1000'\nstartsecs = 0\n"
            f"stdout_logfile = {small}/a.log\n"
        )
        eventually(note.exists)
        eventually(lambda: "No space left" in one.text(), message=one.text())
        assert one.row("a")["state"] == "RUNNING"
        one.signal(signal.SIGTERM)
        one.wait()
    finally:
        subprocess.run(["umount", small], check=True)


def test_output_until_the_last_moment(daemon: Make) -> None:
    one = daemon(
        '[program:a]\ncommand = sh -c \'trap "echo bye; printf unended; exit 0" TERM; echo up; '
        "while :; do sleep 0.02; done'\nstartsecs = 0\n"
    )
    one.wait_text("\nup\n")
    one.signal(signal.SIGTERM)
    one.wait()
    assert "bye\n" in one.text()
    assert "unended" in one.text()


def test_what_a_reload_is_stopping_cannot_be_started(daemon: Make) -> None:
    import threading

    slow = "command = sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done'\nstartsecs = 0\nstopwaitsecs = 1\n"
    one = daemon(f"[program:slow]\n{slow}[program:gone]\n{SLEEP}[program:a]\n{SLEEP}")
    one.wait_text("\nup\n")
    pid = one.wait_state("gone", "RUNNING")["pid"]
    one.rewrite(f"[program:a]\n{SLEEP}")
    thread = threading.Thread(target=lambda: one.ask("reload"))
    thread.start()
    one.wait_state("gone", "STOPPED")
    reply = one.ask("start", "gone")
    assert (reply["status"], reply["code"]) == ("error", "FAILED")
    thread.join()
    assert list(one.status()) == ["a"]
    assert not alive(pid)


def test_a_line_that_never_ends_does_not_defeat_the_rotation(daemon: Make, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    one = daemon(
        "[program:a]\ncommand = sh -c 'head -c 5000000 /dev/zero'\nautorestart = false\nstartsecs = 0\n"
        f"stdout_logfile = {log}\nstdout_logfile_maxbytes = 100KB\nstdout_logfile_backups = 3\n",
        wait=False,
    )
    assert one.wait() == 0
    sizes = [path.stat().st_size for path in tmp_path.glob("a.log*")]
    assert len(sizes) == 4
    assert max(sizes) <= 1024 * 1024


def test_a_reload_that_a_shutdown_overtakes_says_so(daemon: Make) -> None:
    import threading

    slow = "command = sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done'\nstartsecs = 0\nstopwaitsecs = 2\n"
    one = daemon(f"[program:slow]\n{slow}[program:a]\n{SLEEP}")
    one.wait_text("\nup\n")
    one.rewrite(f"[program:a]\n{SLEEP}")
    replies: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: replies.append(one.ask("reload")))
    thread.start()
    one.wait_state("slow", "STOPPING")
    one.signal(signal.SIGTERM)
    thread.join()
    assert [reply["code"] for reply in replies] == ["SHUTTING_DOWN"]


def test_a_program_cannot_be_called_all(daemon: Make) -> None:
    one = daemon(f"[program:all]\n{SLEEP}", wait=False)
    assert one.wait() == 2
    assert "choose another name" in one.text()


def test_the_command_line_holds_over_a_reload_and_the_log_level_follows_the_file(daemon: Make) -> None:
    text = f"[program:a]\n{SLEEP}"
    one = daemon(text, "--shutdown-timeout", "7", "-l", "/dev/stderr")
    one.config.write_text(one.config.read_text().replace("[program:a]", "loglevel = debug\n[program:a]"))
    assert one.ask("reload")["restart_required"] == []
    one.ask("restart", "a")
    one.wait_text("DEBUG a: sent SIGTERM to pid ")
    assert "DEBUG" in one.err.read_text()
