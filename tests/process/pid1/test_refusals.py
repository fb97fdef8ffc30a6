"""What a seccomp profile refuses is done in another way, or said by its name (R2, R5)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.process.harness.seccomp import NUMBERS, refuse

pytestmark = pytest.mark.skipif(not NUMBERS, reason="no numbers of system calls for this machine")
CLI = [sys.executable, "-m", "supervice.cli"]
SINGLE = [*CLI, "-c", "none"]


def run(argv: list[str], *refused: str, **more: Any) -> tuple[int, str]:
    done = subprocess.run(
        argv, preexec_fn=refuse(*refused), capture_output=True, text=True, timeout=30, check=False, **more
    )
    return done.returncode, done.stdout + done.stderr


def configured(directory: Path, text: str, settings: str = "") -> list[str]:
    file = directory / "supervice.conf"
    file.write_text(f"[supervice]\nsocket = none\n{settings}{text}")
    return [*CLI, "-c", str(file)]


def test_r2_a_single_command_starts_where_clone3_is_refused() -> None:
    """glibc falls back on ENOSYS only; Docker before 20.10.10 answers EPERM."""
    assert run([*SINGLE, "--", "sh", "-c", "echo hi; exit 7"], "clone3") == (7, "hi\n")


def test_r2_programs_start_where_clone3_is_refused_and_it_is_said_once(tmp_path: Path) -> None:
    argv = configured(
        tmp_path,
        "[program:a]\ncommand = sh -c 'echo from a; exit 3'\ntype = oneshot\nexitcodes = 3\n"
        "[program:b]\ncommand = sh -c 'pwd; umask'\ntype = oneshot\ndirectory = /usr\numask = 027\n"
        "depends_on = a:completed\n"
        "[program:c]\ncommand = sh -c 'exit 5'\nmain = true\nstartsecs = 0\ndepends_on = b:completed\n",
    )
    code, said = run(argv, "clone3")
    assert code == 5, said
    assert "from a\n" in said
    assert "/usr\n0027\n" in said
    assert said.count("posix_spawn is refused (clone3: Operation not permitted)") == 1
    assert "Docker before 20.10.10" in said


def test_r2_a_check_and_a_user_go_the_same_way(tmp_path: Path) -> None:
    argv = configured(
        tmp_path,
        "[program:a]\ncommand = sh -c 'sleep 1000'\nstartsecs = 0\nuser = 65534\nready = check\n"
        "readiness_type = script\nreadiness_command = true\n"
        "[program:b]\ncommand = sh -c 'echo all is up; exit 0'\nmain = true\nstartsecs = 0\ndepends_on = a:ready\n",
    )
    if os.geteuid() != 0:
        pytest.skip("switching users needs root")
    code, said = run(argv, "clone3")
    assert code == 0, said
    assert "all is up" in said


def test_r2_what_old_profiles_do_not_know_at_all(tmp_path: Path) -> None:
    """libseccomp of the time answers EPERM to every call that is newer than itself."""
    argv = configured(
        tmp_path,
        "[program:a]\ncommand = sh -c 'sleep 1000 & exec sleep 1000'\nstartsecs = 0\n"
        "[program:b]\ncommand = sh -c 'exit 4'\nmain = true\nstartsecs = 0\ndepends_on = a\n",
    )
    code, said = run(argv, "clone3", "pidfd_open", "close_range", "faccessat2")
    assert code == 4, said


def test_r2_a_file_that_may_not_be_executed_is_not_taken_for_a_refusal(tmp_path: Path) -> None:
    code, said = run([*SINGLE, "--", str(tmp_path)], "clone3")
    assert code == 126
    assert "posix_spawn" not in said
    assert "permission denied" in said


def test_r2_the_true_cause_is_named_where_there_is_no_way_at_all() -> None:
    code, said = run([*SINGLE, "--", "true"], "clone3", "clone", "fork", "vfork")
    assert code == 1
    assert "no process can be made here (clone: Operation not permitted)" in said
    assert "seccomp" in said


def test_r5_limits_that_cannot_be_read_are_a_warning(tmp_path: Path) -> None:
    argv = configured(
        tmp_path,
        "[program:a]\ncommand = sh -c 'echo runs; exit 0'\nmain = true\nstartsecs = 0\n",
        "minfds = 1024\nminprocs = 10\n",
    )
    code, said = run(argv, "prlimit64", "getrlimit", "setrlimit")
    assert code == 0, said
    assert "runs\n" in said
    assert "Traceback" not in said
    assert "minfds: 1024 cannot be compared with our limit" in said
    assert "Operation not permitted" in said


def test_r5_a_program_whose_limit_cannot_be_set_says_which(tmp_path: Path) -> None:
    argv = configured(
        tmp_path,
        "[program:a]\ncommand = sleep 1000\nrlimit_nofile = 100\ncritical = true\n",
    )
    code, said = run(argv, "prlimit64", "getrlimit", "setrlimit")
    assert code == 126, said
    assert "rlimit_nofile: Operation not permitted" in said
    assert "Traceback" not in said
