"""A file of another tool is named once."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervice.config import load

INI = "; write INI: [program:NAME], and below it command = PROGRAM ARGUMENTS"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("services:\n  web:\n    image: x\n    command: a = b\n", 1, f"this looks like YAML{INI}"),
        ("# x\n---\na: b\n", 2, f"this looks like YAML{INI}"),
        ("version: '3'\nservices:\n- a\n", 1, f"this looks like YAML{INI}"),
        (
            "# ours\nweb: gunicorn app --bind=:8000\nworker: celery -A app\n",
            2,
            "this looks like a Procfile; write two lines for each process: [program:web] and "
            "command = gunicorn app --bind=:8000",
        ),
        (
            "[Unit]\nDescription=x\nAfter=a\nAfter=b\n[Service]\nExecStart=/x\n[Install]\nWantedBy=x\n",
            1,
            "this looks like a systemd unit; write [program:NAME] instead of [Service], ExecStart= is command =, "
            "WorkingDirectory= is directory =, User= is user =, Environment= is environment =",
        ),
        ('{"programs": [\n{"name": "x"}]}\n', 1, f"this looks like JSON{INI}"),
        ("FROM debian\nRUN true\nCMD x\n", 1, f"this looks like a Dockerfile{INI}"),
        (
            "#!/bin/sh\nset -e\nexec app\n",
            1,
            "this looks like a script for /bin/sh; write [program:NAME] and command = with its path",
        ),
    ],
)
def test_it_is_said_once_what_the_file_is(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = tmp_path / "x.conf"
    path.write_text(text)
    (problem,) = load(str(path), environ={}).problems
    assert (problem.line, problem.severity, problem.message) == (line, "error", message)


def test_a_header_without_its_bracket(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("[supervice\n[program:a]\ncommand = x\n[program:b\n")
    found = [(p.line, p.message) for p in load(str(path), environ={}).problems]
    assert found == [
        (1, "a section header without its ]; add it"),
        (4, "a section header without its ]; add it"),
    ]


@pytest.mark.parametrize(
    "text", ["command = x\n", "{hello\n", "hello\n", "a = b\n[program:x]\ncommand = y\n"]
)
def test_what_is_no_format_is_said_by_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.conf"
    path.write_text(text)
    (problem,) = load(str(path), environ={}).problems
    assert problem.message.startswith("text before the first section")
