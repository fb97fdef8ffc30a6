"""Warnings of what cannot be meant, with their places; and that nothing is loaded for what is clear."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from supervice.config import load


def warnings(tmp_path: Path, text: str, *, stock: bool = False) -> list[str]:
    path = tmp_path / "x.conf"
    path.write_text(f"[{'supervisord' if stock else 'supervice'}]\n{text}")
    loaded = load(str(path), environ={})
    assert loaded.errors == []
    return [
        f"{problem.line}: {problem.option}: {problem.message.partition('] ')[2]}"
        for problem in loaded.problems
    ]


def test_an_option_that_is_part_of_the_value_above(tmp_path: Path) -> None:
    (found,) = warnings(tmp_path, "[program:a]\ncommand = sleep 100\n    directory = /tmp\n")
    assert found == (
        "4: directory: directory: its indentation makes it part of the value of command (line 3); "
        "write it at the beginning of its line"
    )


def test_comments_between_the_two_are_lines_too(tmp_path: Path) -> None:
    text = "[program:a]\ncommand = sleep 100\n# one\n; two\n    directory = /tmp ; three\n"
    (found,) = warnings(tmp_path, text)
    assert found.startswith("6: directory: ")


@pytest.mark.parametrize(
    "text",
    [
        "command = sleep 1\n  --user=x\n  --directory /x",
        "command = sh -c '\n  user=x\n  exec y'",
        "command = x\nenvironment = A=1,\n  user=x,\n  B=2",
        "command = x\nhealthcheck_type = http\nhealthcheck_url = http://x/\n"
        "healthcheck_headers = A: b\n  user: x",
        "command = x\n  USER=y",
    ],
)
def test_lines_of_a_value_that_are_meant(tmp_path: Path, text: str) -> None:
    assert warnings(tmp_path, f"[program:a]\n{text}\n") == []


@pytest.mark.parametrize(
    "command",
    ["true", "/bin/mkdir -p /srv/x", "sh -c 'mkdir -p /a && chown www /a'", 'bash -ec "cd /a; rm -f b 2>&1"'],
)
def test_s5_what_ends_at_once_needs_startsecs_in_a_stock_file(tmp_path: Path, command: str) -> None:
    text = f"[program:a]\ncommand = {command}\n"
    (found,) = warnings(tmp_path, text, stock=True)
    assert found == (
        "3: command: command: it ends at once, which is a failed start within startsecs (1 s): it is started "
        "again and FATAL in the end; write startsecs = 0"
    )
    assert warnings(tmp_path, f"{text}startsecs = 0\n", stock=True) == []


@pytest.mark.parametrize(
    "command",
    [
        "sh -c 'mkdir -p /a && exec web'",
        "sh -c 'echo up; sleep 100'",
        "sh -c 'true | web'",
        "sh /mkdir",
        "web rm",
    ],
)
def test_what_may_live_needs_none(tmp_path: Path, command: str) -> None:
    assert warnings(tmp_path, f"[program:a]\ncommand = {command}\n", stock=True) == []


def test_variables_without_a_comma(tmp_path: Path) -> None:
    (found,) = warnings(tmp_path, "[program:a]\ncommand = x\nenvironment = PW=hunter2 B=2\n")
    assert found == (
        "4: environment: environment: B= is part of the value of PW; "
        "write a comma before B, or PW's value in quotes"
    )


@pytest.mark.parametrize(
    "pairs", ["A=1, B=2", "A=1\n  B=2", 'A="1 B=2"', "A=-Xmx1g -Dx=y", "A=b=c", "A='x y=z', B=1", "A=1 2=3"]
)
def test_environments_that_are_meant(tmp_path: Path, pairs: str) -> None:
    assert warnings(tmp_path, f"[program:a]\ncommand = x\nenvironment = {pairs}\n") == []


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize("command", ["a && b", "cd /x", "X=1 a", "a $X", "service a start", "a --daemon"])
def test_commands_are_looked_at_in_both_dialects(tmp_path: Path, command: str, stock: bool) -> None:
    (found,) = warnings(tmp_path, f"[program:a]\ncommand = {command}\n", stock=stock)
    assert found.startswith("3: command: command: ")


def test_one_warning_for_all_processes(tmp_path: Path) -> None:
    assert len(warnings(tmp_path, "[program:a]\ncommand = a %(process_num)d && b\nnumprocs = 3\n")) == 1


def test_what_is_clear_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text(
        "[supervice]\n[program:a]\ncommand = sh -c 'cd /x && exec y $Z'\nenvironment = A=1,B=2\n"
        "[program:b]\ncommand = python3 -m http.server --bind 0.0.0.0\n"
    )
    code = (
        f"import sys; from supervice.config import load; print(load({str(path)!r}).problems,"
        "'supervice.config.doubts' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] False\n"
