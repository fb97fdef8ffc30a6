"""`supervice check`: its arguments, JSON for machines, the explanation for people."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervice.cli.check import HELP, check
from supervice.config import load
from supervice.pid1 import cgroup

OURS = """\
[supervice]
shutdown_timeout = 15
environment = TOP=hunter2

[program:web]
command = server --port 80%(process_num)02d --password %(ENV_PW)s --level %(ENV_UNSET:-low)s %(ENV_A)s
numprocs = 2
priority = 20
environment = A=hunter2,B="hunter2"
secrets = S=/run/secrets/db
forward_signals = HUP USR1:HUP
umask = 027
stopwaitsecs = 12

[program:db]
command = db
priority = 10
healthcheck_type = tcp
healthcheck_port = 5432

[program:tool]
command = tool
autostart = false

[group:data]
programs = db
"""


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "hunter2")
    monkeypatch.setenv("SUPERVICE_SOCKET", "/nonexistent/no-daemon")
    for variable in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.conf"
    path.write_text(OURS)
    return path


def machine(capsys: Any, path: Path, code: int) -> dict[str, Any]:
    assert check(["--format", "json", str(path)], None) == code
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


def test_json_has_problems_and_every_option(path: Path, capsys: Any) -> None:
    answer = machine(capsys, path, 0)
    [problem] = [one for one in answer["problems"] if one["option"] == "shutdown_timeout"]
    assert problem.pop("message").startswith("stopping everything may take 32 s")
    assert problem == {"file": str(path), "line": 2, "severity": "warning", "option": "shutdown_timeout"}
    web, db, tool = answer["programs"]
    assert (web["name"], web["processes"]) == ("web", ["web:00", "web:01"])
    assert web["command"] == "server --port 80%(process_num)02d --password %(ENV_PW)s --level low %(ENV_A)s"
    assert web["environment"] == {"A": "***", "B": "***"}
    assert web["secrets"] == {"S": "/run/secrets/db"}
    assert (web["forward_signals"], web["umask"], web["exitcodes"]) == (["HUP", "USR1:HUP"], "0027", [0])
    assert (db["healthcheck_type"], db["healthcheck_port"], db["group"]) == ("tcp", 5432, "data")
    assert (tool["autostart"], tool["pass_environment"], tool["startsecs"]) == (False, None, 1)


def test_json_of_what_is_wrong_has_no_programs(path: Path, capsys: Any) -> None:
    path.write_text("[program:a]\ncommand = true\nnumproc = 2\n")
    answer = machine(capsys, path, 2)
    assert [(p["line"], p["severity"], p["option"]) for p in answer["problems"]] == [(3, "error", "numproc")]
    assert answer["programs"] == []
    path.unlink()
    assert [p["line"] for p in machine(capsys, path, 2)["problems"]] == [0]


def test_the_explanation_has_values_and_where_they_are_from(path: Path, capsys: Any) -> None:
    assert check(["--explain", str(path)], None) == 0
    text = capsys.readouterr().out
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert f"shutdown_timeout = 15 [{path}:2]" in lines
    assert "loglevel = INFO [default]" in lines
    assert f"environment = TOP=*** [{path}:3]" in lines
    assert f"numprocs = 2 [{path}:7]" in lines
    assert "processes: web:00, web:01" in lines
    assert f"group = data [{path}:26]" in lines
    assert {"1. db", "2. web:00, web:01", "by hand: tool"} <= lines
    assert any(
        line.startswith("worst-case stop: 32 s, shutdown_timeout = 15 s: it does not") for line in lines
    )
    assert "supervisord" not in text
    assert "hunter2" not in text


def test_the_drain_counts_for_the_orchestrator(path: Path, capsys: Any) -> None:
    def explained(settings: str, stopwaitsecs: int) -> str:
        path.write_text(f"[supervice]\n{settings}\n[program:a]\ncommand = x\nstopwaitsecs = {stopwaitsecs}\n")
        assert check(["--explain", str(path)], None) == 0
        return " ".join(str(capsys.readouterr().out).split())

    fits = explained("drain_delay = 5", 10)
    assert (
        "worst-case stop: 10 s, shutdown_timeout = 30 s: it fits drain_delay = 5 s comes before that" in fits
    )
    assert "a container needs a grace period above 15 s" in fits
    assert "waits are cut" not in fits
    tight = explained("drain_delay = 5\nshutdown_timeout = 20", 30)
    assert "shutdown_timeout is 20 s; 5 s of drain_delay come before it: waits are cut" in tight
    assert "a gets 18 of its 30 s; write shutdown_timeout = 32" in tight
    assert "a gets 18 s of its 30 s" in tight
    assert "a container needs a grace period above 25 s" in tight
    assert "before" not in explained("", 30)


def test_values_come_from_the_file_they_stand_in(path: Path, tmp_path: Path, capsys: Any) -> None:
    path.write_text("[supervice]\n[include]\nfiles = more.conf\n")
    more = tmp_path / "more.conf"
    more.write_text("[program:a]\n\ncommand = x\n")
    assert check(["--explain"], str(path)) == 0
    assert f"= x  [{more}:3]" in capsys.readouterr().out


def test_what_differs_from_supervisord_for_this_file(path: Path, capsys: Any) -> None:
    path.write_text(
        "[supervisord]\nuser = root\n[program:a]\ncommand = x\nstdout_logfile = /dev/stdout\n"
        "redirect_stderr = true\n[program:b]\ncommand = x\nautorestart = false\nstopasgroup = false\n"
        "[eventlistener:l]\ncommand = x\nevents = TICK\n"
    )
    assert check(["--explain", str(path)], None) == 0
    text = capsys.readouterr().out.partition("what differs from supervisord for this file:\n")[2]
    assert "  - nodaemon is not true" in text
    assert "  - a: stdout_logfile is a device and never rotated" in text
    assert "  - b: stdout goes to the container's stdout" in text
    assert "  - b, l: stderr goes to the container's stderr" in text
    assert "  - l: stdout is the protocol and logged nowhere" in text
    assert "  - a, l: a stop reaches the whole process group" in text
    assert "  - a, l: failed starts" in text


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--format", "xml", "f"], "--format is text or json"),
        (["--format"], "--format needs a value"),
        (["--explian", "f"], "check has no option --explian"),
        (["f", "g"], "one file at a time"),
        ([], "no configuration to check"),
    ],
)
def test_wrong_usage(words: list[str], why: str, capsys: Any) -> None:
    assert check(words, None) == 2
    assert why in capsys.readouterr().err


def test_a_daemon_does_not_keep_the_text(path: Path) -> None:
    assert load(str(path)).reading is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"[supervisord]", b"[program:a]", b"[program:b]", b"[group:g]", b"command = x %(ENV_PW)s",
                b"command = \xff '\x1b[31m' %(process_num)d", b"programs = a,b", b"numprocs = 2",
                b"process_name = %(program_name)s_%(process_num)d", b"environment = A=hunter2", b"user = 0",
                b"stopsignal = QUIT", b"umask = 022", b"[eventlistener:e]", b"events = TICK", b"[group:h]",
            ]
        ),
        max_size=14,
    )
)  # fmt: skip
def test_whatever_can_be_run_can_be_explained(path: Path, capsys: Any, lines: list[bytes]) -> None:
    path.write_bytes(b"\n".join(lines) + b"\n")
    code = check(["--explain", str(path)], None)
    assert "hunter2" not in capsys.readouterr().out
    assert check(["--format", "json", str(path)], None) == code
    assert "hunter2" not in capsys.readouterr().out


def test_the_user_of_a_stock_file_is_shown(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "x.conf"
    path.write_text("[supervisord]\nuser = root\nminfds = 2000\n[program:a]\ncommand = x\n")
    assert check(["--explain", str(path)], None) == 0
    lines = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert f"user = root [{path}:2]" in lines
    assert f"minfds = 2000 [{path}:3]" in lines
    assert "minprocs = (none) [default]" in lines


def test_the_order_follows_the_dependencies(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "x.conf"
    path.write_text(
        "[program:a]\ncommand = x\ndepends_on = b, c:completed\npriority = 1\n"
        "[program:b]\ncommand = x\n[program:c]\ncommand = x\ntype = oneshot\n"
    )
    assert check(["--explain", str(path)], None) == 0
    lines = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert f"depends_on = b:started, c:completed [{path}:3]" in lines
    assert {"1. b, c", "2. a"} <= lines


def test_each_schedule_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "supervice.conf"
    path.write_text(
        "[supervice]\n[program:backup]\ncommand = true\nschedule = 30 3 * * MON-FRI\n    every 90s\n"
        "schedule_timezone = Europe/Berlin\n[program:web]\ncommand = true\n"
    )
    assert check([str(path)], None) == 0
    assert capsys.readouterr().out.splitlines() == [
        "backup runs at 03:30 on Monday to Friday (30 3 * * MON-FRI)",
        "backup runs every 1 min 30 s (every 90s)",
        "OK: 2 processes",
    ]
    assert check(["--explain", str(path)], None) == 0
    out = capsys.readouterr().out
    assert "  1. web\n  at their times: backup\n" in out
    after = out[out.index("\nschedules:") :].splitlines()
    assert after[2] == "  backup: at 03:30 on Monday to Friday (30 3 * * MON-FRI)"
    assert re.fullmatch(
        r"    zone Europe/Berlin; next \d{4}-\d\d-\d\d 03:30 CES?T, \d{4}-\d\d-\d\d 03:30 CES?T, .*", after[4]
    )


def test_more_files_than_can_be_watched_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervice.watch import scanner

    monkeypatch.setattr(scanner, "MOST_FILES", 3)
    for number in range(4):
        (tmp_path / f"{number}.yml").touch()
    path = tmp_path / "supervice.conf"
    path.write_text(f"[supervice]\n[program:web]\ncommand = true\nwatch = {tmp_path}/*.yml\n")
    assert check([str(path)], None) == 2
    assert capsys.readouterr().out == (
        f"{path}:4: error: [program:web] watch: more than 3 files; write a narrower glob or watch_ignore\n"
        "1 error\n"
    )


def test_a_watched_file_that_is_mounted_alone_is_a_warning(tmp_path: Path) -> None:
    from supervice.cli.check_watch import watch_problems
    from supervice.config import load

    path = tmp_path / "supervice.conf"
    path.write_text("[supervice]\n[program:web]\ncommand = true\nwatch = /etc/app.yml, /etc/conf.d/*\n")
    (problem,) = watch_problems(load(str(path), trace=True), {"/", "/etc/app.yml"})
    assert (problem.severity, problem.line, problem.option) == ("warning", 4, "watch")
    assert "/etc/app.yml is mounted alone" in problem.message


def test_a_container_that_dies_as_one_is_explained(
    path: Path, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.oom.group").write_text("1\n")
    monkeypatch.setattr(cgroup, "find", lambda: cgroup.Cgroup(str(tmp_path), 2, str(tmp_path)))
    path.write_text("[program:web]\ncommand = true\n")
    assert check(["--explain", str(path)], None) == 0
    assert "memory.oom.group is 1" in capsys.readouterr().out
    (tmp_path / "memory.oom.group").write_text("0\n")
    assert check(["--explain", str(path)], None) == 0
    assert "memory.oom.group" not in capsys.readouterr().out


def text(capsys: pytest.CaptureFixture[str], path: Path, content: str, code: int = 0) -> list[str]:
    path.write_text(content)
    assert check([str(path)], None) == code
    return [line.replace(f"{path}:", "") for line in capsys.readouterr().out.splitlines()]


def test_problems_are_labelled_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.conf"
    fine = "[supervice]\n[program:a]\ncommand = true\n"
    assert text(capsys, path, fine) == ["OK: 1 process"]
    assert text(capsys, path, fine + "[program:b]\ncommand = true\nnumprocs = 2\n") == ["OK: 3 processes"]
    doubtful = text(capsys, path, fine + "[program:b]\ncommand = true && true\n")
    assert doubtful[0].startswith("5: warning: [program:b] command: no shell reads it")
    assert doubtful[1:] == ["OK: 2 processes, 1 warning"]
    wrong = text(capsys, path, fine + "x = 1\ny = 2\n[program:b]\ncommand = true && true\n", 2)
    assert wrong[0] == "4: error: [program:a]: unknown option 'x'; remove it"
    assert wrong[3:] == ["2 errors, 1 warning"]


def test_colours_follow_the_variables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.conf"
    content = "[supervice]\n[program:a]\ncommand = true | true\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    lines = text(capsys, path, content)
    assert "\x1b[33mwarning\x1b[0m: " in lines[0]
    assert lines[1] == "\x1b[32mOK\x1b[0m: 1 process, 1 warning"
    monkeypatch.setenv("NO_COLOR", "1")
    assert not any("\x1b" in line for line in text(capsys, path, content))


def test_what_is_missing_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary = tmp_path / "server3"
    binary.touch(mode=0o755)
    (tmp_path / "data").touch(mode=0o644)
    found = text(
        capsys,
        tmp_path / "x.conf",
        f"[supervice]\nenv_file = {tmp_path}/no.env\n"
        f"[program:a]\ncommand = {tmp_path}/sevrer3 x\ndirectory = /nope\nenv_file = {tmp_path}\n"
        f"secrets = PW={tmp_path}/pw\nnumprocs = 2\n"
        f"[program:b]\ncommand = sevrer3\nenvironment = PATH={tmp_path}\n"
        f"[program:c]\ncommand = {tmp_path}/data\npre_stop = nope-nope\n"
        f"[program:d]\ncommand = ./server3\ndirectory = {tmp_path}\nstdout_logfile = /nope/log/d.log\n"
        "stderr_logfile = /dev/null\n",
    )
    assert found == [
        f"2: warning: [supervice] env_file: {tmp_path}/no.env does not exist here",
        f"4: warning: [program:a] command: {tmp_path}/sevrer3 does not exist here; did you mean 'server3'?",
        "5: warning: [program:a] directory: /nope does not exist here; create it in the image",
        f"6: warning: [program:a] env_file: {tmp_path} is a directory; name a file in it",
        f"7: warning: [program:a] secrets: PW: {tmp_path}/pw does not exist here",
        "10: warning: [program:b] command: sevrer3 is in no directory of PATH here; did you mean 'server3'?",
        f"13: warning: [program:c] command: {tmp_path}/data is not executable; chmod +x it",
        "14: warning: [program:c] pre_stop: nope-nope is in no directory of PATH here",
        "18: warning: [program:d] stdout_logfile: /nope/log does not exist here; create it in the image",
        "OK: 5 processes, 9 warnings",
    ]


def test_a_server_whose_own_configuration_keeps_it_in_the_foreground(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, own = tmp_path / "nginx", tmp_path / "nginx.conf"
    server.touch(mode=0o755)
    own.write_text("worker_processes 1;\n")
    content = f"[supervice]\n[program:web]\ncommand = {server} -c {own}\n"
    (found, _) = text(capsys, tmp_path / "x.conf", content)
    assert found.endswith(f"write command = {server} -c {own} -g 'daemon off;'")
    own.write_text("worker_processes 1;\n  daemon  off;\n")
    assert text(capsys, tmp_path / "x.conf", content) == ["OK: 1 process"]


def test_the_explanation_as_json(path: Path, capsys: Any) -> None:
    assert check(["--explain", "--format", "json", str(path)], None) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"problems", "programs", "explain"}
    explained = answer["explain"]
    assert (explained["file"], explained["dialect"]) == (str(path), "supervice")
    assert explained["settings"]["shutdown_timeout"] == {"value": 15, "origin": f"{path}:2"}
    assert explained["settings"]["loglevel"] == {"value": "INFO", "origin": "default"}
    web = explained["programs"][0]
    assert (web["section"], web["processes"]) == ("program:web", ["web:00", "web:01"])
    assert web["options"]["numprocs"] == {"value": 2, "origin": f"{path}:7"}
    assert explained["start_order"] == [["db"], ["web:00", "web:01"]]
    assert explained["by_hand"] == ["tool"]
    stop = explained["worst_case_stop"]
    assert (stop["seconds"], stop["fits"], stop["cut"]["web:00"]["wanted"]) == (32, False, 12)


def test_a_variable_is_the_origin_of_what_it_sets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, more = tmp_path / "x.conf", tmp_path / "more.conf"
    monkeypatch.setenv("SUPERVICE_LOG_FORMAT", "json")
    more.write_text("[supervice]\ndrain_delay = 3\n")
    path.write_text(
        "[supervice]\nlog_format = raw\n[include]\nfiles = more.conf\n[program:a]\ncommand = true\n"
    )
    assert check(["--explain", str(path)], None) == 0
    lines = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert {"log_format = json [SUPERVICE_LOG_FORMAT]", f"drain_delay = 3 [{more}:2]"} <= lines


def test_help_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("--help", "-h"):
        assert check([word], None) == 0
        assert capsys.readouterr().out.startswith("Usage: supervice check ")
    assert check(["--", "--help"], None) == 2
    assert max(map(len, HELP.splitlines())) <= 110


def test_a_program_that_is_missing_is_not_taken_for_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runcon").write_text("#!/bin/sh\n")
    (tmp_path / "runcon").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "a.conf"
    file.write_text("[supervice]\n[program:web]\ncommand = gunicorn app:app\n")
    assert check([str(file)], None) == 0
    assert "command: gunicorn is in no directory of PATH here\n" in capsys.readouterr().out
