"""`supervicectl`: its arguments, tables and exit codes (no daemon, no fork)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from supervice.cli import ctl, ctl_commands, replies, shell
from supervice.cli.event_lines import EventLines
from supervice.cli.why_text import why_text
from supervice.control import render
from supervice.control.client import Unreachable
from supervice.control.columns import Look
from tests.fakes.control import FakeCall


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> FakeCall:
    daemon = FakeCall()
    monkeypatch.setattr(replies, "call", daemon)
    monkeypatch.setattr(shell, "call", daemon)
    monkeypatch.setattr(
        "supervice.control.client.wait_for_daemon", lambda _socket, _environ, timeout: timeout
    )
    return daemon


def process(name: str, state: str = "RUNNING", **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "pid": 7, "uptime": 61.9, "healthy": None, **more}


BOOT = {
    "status": "ok",
    "began_at": "now",
    "elapsed": 2.0,
    "processes": [{"name": "a", "state": "RUNNING", "asked": 0, "began": 0.5, "ready": 1.0}],
}


def test_graph_as_a_picture(daemon: FakeCall, tmp_path: Path) -> None:
    daemon.reply = {"status": "ok", "programs": [{"name": "web", "depends_on": [], "processes": []}]}
    path = tmp_path / "graph.svg"
    assert ctl.run(["graph", "--svg", str(path)]) == 0
    assert path.read_text().startswith("<?xml ")
    assert ctl.run(["graph"]) == 0


def test_boot_as_a_picture(daemon: FakeCall, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.reply = BOOT
    path = tmp_path / "boot.svg"
    assert ctl.run(["boot", "--svg", str(path)]) == 0
    assert path.read_text().startswith("<?xml ")
    assert ctl.run(["boot", "--svg", "-"]) == 0
    assert capsys.readouterr().out == path.read_text()
    assert ctl.run(["boot", "--svg", str(tmp_path / "no" / "where")]) == 1
    assert "No such file or directory" in capsys.readouterr().err
    daemon.reply = {"status": "error", "code": "UNKNOWN_COMMAND", "message": "Unknown command: boot"}
    assert ctl.run(["boot", "--svg", str(path)]) == 1
    assert "Unknown command: boot" in capsys.readouterr().err


def test_boot_for_machines_has_the_critical_chain(
    daemon: FakeCall, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.reply = BOOT
    assert ctl.run(["boot", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**BOOT, "critical_chain": ["a"]}
    assert ctl.run(["boot"]) == 0
    assert "* a" in capsys.readouterr().out


# Arguments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "request_", "socket", "timeout", "as_json"),
    [
        ("status", {"command": "status"}, None, None, False),
        ("status web", {"command": "status", "name": "web"}, None, None, False),
        ("-s /x --json status a b", {"command": "status", "names": ["a", "b"]}, "/x", None, True),
        ("status --json --timeout 5 -s /x", {"command": "status"}, "/x", 5.0, True),
        ("--timeout=5 --socket=/x health", {"command": "health"}, "/x", 5.0, False),
        ("health --live web", {"command": "health", "kind": "live", "name": "web"}, None, None, False),
        ("health --ready", {"command": "health", "kind": "ready"}, None, None, False),
        ("status -o wide", {"command": "status"}, None, None, False),
        ("-o json status web", {"command": "status", "name": "web"}, None, None, True),
        ("--output=json health", {"command": "health"}, None, None, True),
        ("pid", {"command": "pid"}, None, None, False),
        ("why web", {"command": "why", "name": "web"}, None, None, False),
        (
            "logs -n 5 --stderr a b",
            {"command": "logs", "lines": 5, "stderr": True, "names": ["a", "b"]},
            None,
            None,
            False,
        ),
    ],
)
def test_the_fast_path_and_click_understand_the_same(
    daemon: FakeCall,
    line: str,
    request_: dict[str, Any],
    socket: str | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    daemon.reply = {"status": "ok", "processes": [], "healthy": True, "pid": 1}
    parsed = ctl.parse_simple(line.split())
    wide = "wide" in line
    assert parsed == {
        "request": request_,
        "socket": socket,
        "timeout": timeout,
        "json": as_json,
        "wide": wide,
    }
    assert ctl_commands.run(line.split()) == 0
    with_usage = request_["command"] == "status" and (as_json or "wide" in line)
    more = {"resources": True} if with_usage else {}
    assert daemon.asked == [({**request_, **more}, socket, timeout)]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "-s",
        "-s /x",
        "stop web",
        "--help",
        "status -h",
        "status --live",
        "--timeout x status",
        "health -s",
        "why",
        "why a b",
        "pid a b",
        "logs -n x",
        "logs --grep x",
        "--version",
        "status --timeout 1.5",
        "-s/x status",
        "status -- -x",
        "--timeout",
    ],
)
def test_whatever_is_not_simple_is_left_to_click(line: str) -> None:
    assert ctl.parse_simple(line.split()) is None


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("start web", {"command": "start", "name": "web"}),
        ("start a b:*", {"command": "start", "names": ["a", "b:*"]}),
        ("stop all", {"command": "stop", "name": "all"}),
        ("--timeout 2.5 stop all", {"command": "stop", "name": "all", "timeout": 2.5}),
        ("restart --force web", {"command": "restart", "name": "web", "force": True}),
        ("restart web", {"command": "restart", "name": "web"}),
        ("restart --rolling web:*", {"command": "restart", "name": "web:*", "rolling": True}),
        (
            "restart --rolling --batch 2 web:*",
            {"command": "restart", "name": "web:*", "rolling": True, "batch": 2},
        ),
        ("startgroup g", {"command": "startgroup", "name": "g"}),
        ("stopgroup g", {"command": "stopgroup", "name": "g"}),
        ("reload", {"command": "reload"}),
        ("reload --dry-run", {"command": "reload", "dry_run": True}),
        ("signal HUP web", {"command": "signal", "signal": "HUP", "name": "web"}),
        ("signal sighup web", {"command": "signal", "signal": "HUP", "name": "web"}),
        ("signal 10 a b", {"command": "signal", "signal": "USR1", "names": ["a", "b"]}),
        ("pid", {"command": "pid"}),
        ("pid web", {"command": "pid", "name": "web"}),
        ("shutdown", {"command": "shutdown"}),
        ("version", {"command": "version"}),
        ("wait", {"command": "wait", "for": "running", "timeout": 60.0}),
        ("wait --for exited a", {"command": "wait", "for": "exited", "name": "a", "timeout": 60.0}),
        ("wait --timeout 1 a", {"command": "wait", "for": "running", "name": "a", "timeout": 1.0}),
        ("logs -n 0 web", {"command": "logs", "lines": 0, "name": "web"}),
        ("logs --stderr", {"command": "logs", "stderr": True}),
        ("events", {"command": "events"}),
        ("events -n 5", {"command": "events", "lines": 5}),
        ("why web", {"command": "why", "name": "web"}),
        ("reopen", {"command": "reopen"}),
        ("rotate", {"command": "rotate"}),
        ("rotate a b", {"command": "rotate", "names": ["a", "b"]}),
        ("graph", {"command": "graph"}),
        ("boot", {"command": "boot"}),
        ("wait --for healthy a", {"command": "wait", "for": "healthy", "name": "a", "timeout": 60.0}),
    ],
)
def test_what_the_verbs_ask(daemon: FakeCall, line: str, request_: dict[str, Any]) -> None:
    ctl.run(line.split())
    assert [request for request, _, _ in daemon.asked] == [request_]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "frob",
        "start",
        "stop --nope x",
        "signal XYZ web",
        "signal 99x web",
        "wait --for ever",
        "why",
        "--timeout -1 status",
        "status --timeout",
        "startgroup a b",
        "logs -n x",
        "logs -n ²",
        f"logs -n {'9' * 5000}",
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    daemon: FakeCall, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ctl.run(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("supervicectl: ")
    assert err.count("\n") == 1
    assert daemon.asked == []


@pytest.mark.parametrize("line", ["--help", "-h", "--version", "status --help", "start -h"])
def test_help_is_no_mistake(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.run(line.split()) == 0
    assert "supervicectl" in capsys.readouterr().out


def test_names_are_completed(daemon: FakeCall) -> None:
    from click.shell_completion import ShellComplete

    daemon.reply = {"status": "ok", "processes": [process("web", group="g"), process("db", group="g")]}
    complete = ShellComplete(ctl_commands.cli, {}, "supervicectl", "_SUPERVICECTL_COMPLETE")
    assert [c.value for c in complete.get_completions(["stop"], "")] == ["all", "db", "g:*", "web"]
    assert [c.value for c in complete.get_completions(["stop", "db"], "w")] == ["web"]
    daemon.reply = {"raise": Unreachable("no")}
    assert complete.get_completions(["stop"], "") == []


# Exit codes and errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reply", "code"),
    [
        ("status", {"processes": [process("a", "FATAL")]}, 0),
        ("status a", {"processes": [process("a")]}, 0),
        ("status a", {"processes": [process("a", "UNHEALTHY")]}, 0),
        ("status a b", {"processes": [process("a"), process("b", "STARTING")]}, 3),
        ("health", {"healthy": True}, 0),
        ("health", {"healthy": False}, 1),
        ("health", {}, 1),
        ("pid a", {"pid": 12}, 0),
        ("pid a", {"pid": None}, 1),
        ("stop a b", {"results": [{"name": "a", "ok": True}, {"name": "b", "ok": True}]}, 0),
        ("stop a b", {"results": [{"name": "a", "ok": True}, {"name": "b", "ok": False}]}, 1),
        ("reload", {"added": ["a"]}, 0),
    ],
)
@pytest.mark.parametrize("as_json", ["", " --json"])
def test_exit_codes(
    daemon: FakeCall,
    line: str,
    reply: dict[str, Any],
    code: int,
    as_json: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    daemon.reply = {"status": "ok", **reply}
    assert ctl.run((line + as_json).split()) == code
    assert (capsys.readouterr().out[:1] == "{") == bool(as_json)


def test_an_error_is_one_line_on_stderr(daemon: FakeCall, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.reply = {"status": "error", "code": "NOT_FOUND", "message": "Process not found:\n\x1b[31mx"}
    assert ctl.run(["stop", "x"]) == 1
    assert capsys.readouterr() == ("", "supervicectl: Process not found: \\x1b[31mx\n")
    daemon.reply = {"status": "error", "code": "UNKNOWN_COMMAND"}
    assert ctl.run(["why", "x"]) == 1
    assert capsys.readouterr().err == "supervicectl: UNKNOWN_COMMAND\n"


def test_no_daemon_is_exit_code_4(daemon: FakeCall, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.reply = {"raise": Unreachable("Supervice is not running (socket not found)")}
    for line in ("status", "health", "stop x", "status --json"):
        assert ctl.run(line.split()) == 4
        assert capsys.readouterr() == ("", "supervicectl: Supervice is not running (socket not found)\n")


def test_what_went_well_and_what_did_not(daemon: FakeCall, capsys: pytest.CaptureFixture[str]) -> None:
    results = [
        {"name": "a", "ok": True, "message": "Stopped a"},
        {"name": "b", "ok": False, "message": "b is unkillable"},
    ]
    for status in ("ok", "error"):
        daemon.reply = {"status": status, "message": "1 of 2 failed", "results": results}
        assert ctl.run(["stop", "a", "b"]) == 1
        assert capsys.readouterr() == ("Stopped a\n", "supervicectl: b is unkillable\n")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("status", {"processes": [process("a"), process("b")]}),
        ("health", {"healthy": True, "processes": [process("a")]}),
        ("pid all", {"pids": {"a": 1, "b": 2}}),
        ("events", {"events": [{"type": "A"}, {"type": "B"}]}),
        ("logs", {"logs": [{"name": "a", "data": "x\ny\nz"}, {"name": "b", "data": "q"}]}),
        ("why a", {"exits": [{"reason": "x", "output": ["y", "z"]}] * 2}),
        (
            "stop a b",
            {"results": [{"name": "a", "message": "Stopped a"}, {"name": "b", "message": "Stopped b"}]},
        ),
        ("reload", {"added": ["a"], "warnings": ["w", "v"]}),
        ("graph", {"programs": [{"name": "a"}, {"name": "b"}]}),
        ("version", {"version": "1"}),
        ("shutdown", {"message": "Shutting down"}),
    ],
)
@pytest.mark.parametrize("as_json", ["", " --json"])
def test_a_reply_is_one_write(
    daemon: FakeCall, line: str, reply: dict[str, Any], as_json: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is whole or not there, and a full disk or a closed pipe fails in one place."""
    written: list[str] = []
    monkeypatch.setattr("sys.stdout.write", written.append)
    daemon.reply = {"status": "ok", **reply}
    assert ctl.run((line + as_json).split()) == 0
    (text,) = written
    assert text.endswith("\n")


def test_every_verb_has_a_text_or_a_message() -> None:
    """What is not in the table is an action, whose reply says in words what was done."""
    actions = {"start", "stop", "restart", "startgroup", "stopgroup", "signal", "shutdown", "wait"}
    actions |= {"reopen", "rotate", "attach", "help", "completion"}
    assert set(replies.TEXTS) == set(ctl_commands.cli.commands) - actions - {
        "exec",
        "shell",
        "top",
        "config",
        "env",
        "logs",
    }


def test_problems_of_a_configuration_are_all_shown(
    daemon: FakeCall, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.reply = {"status": "error", "message": "nothing was changed", "problems": ["f:1: x", "f:2: y"]}
    assert ctl.run(["reload"]) == 1
    assert capsys.readouterr().err == "f:1: x\nf:2: y\nsupervicectl: nothing was changed\n"


# Tables -----------------------------------------------------------------------------------------------


def test_the_status_table() -> None:
    rows = [
        process("web", healthy=True),
        process(
            "a-very-long-name:00",
            "BACKOFF",
            pid=None,
            healthy=False,
            reason="exit code 1, again in 4 s",
            restarts=2,
            exitcode=1,
        ),
        process("late", "STOPPED", pid=0, waiting_for=["db", "a"], dropped_lines=3),
        process("st", "STARTING", uptime=5, status_text="loading", next="startsecs are over in 1 s"),
        process("due", "STOPPED", pid=None, waiting_for=[], next="starts in its turn"),
        process("gone", "EXITED", pid=None, exitcode=0),
        process("shot", "FATAL", pid=None, signal=9, exitcode=None),
    ]
    assert render.status_table({"processes": rows}).splitlines() == [
        "NAME                 STATE     PID  UPTIME  HEALTH  RESTARTS  EXIT     DETAIL",
        "shot                 FATAL       -       -  -              -  SIGKILL  killed by signal 9",
        "a-very-long-name:00  BACKOFF     -       -  failed         2  1        exit code 1, again in 4 s",
        "web                  RUNNING     7    1m1s  ok             -  -",
        "late                 WAITING     -       -  -              -  -        waits for db, a; 3 lines of output dropped",
        "st                   STARTING    7       -  -              -  -        loading",
        "due                  WAITING     -       -  -              -  -        starts in its turn",
        "gone                 EXITED      -       -  -              -  0        exit code 0",
    ]


def test_a_table_without_details_and_of_an_older_daemon() -> None:
    text = render.status_table({"processes": [{"name": "web", "state": "RUNNING", "pid": 7}, {}]})
    assert text.splitlines() == [
        "NAME  STATE    PID  UPTIME  HEALTH  RESTARTS  EXIT",
        "web   RUNNING    7       -  -              -  -",
        "?     ?          -       -  -              -  -",
    ]
    assert render.status_table({}) == "No programs\n"


def test_colours_do_not_move_columns() -> None:
    plain = render.status_table({"processes": [process("a"), process("b", "FATAL", reason="x")]})
    colored = render.status_table(
        {"processes": [process("a"), process("b", "FATAL", reason="x")]}, Look(color=True)
    )
    assert "\x1b[31mFATAL" in colored
    for code in ("\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"):
        colored = colored.replace(code, "")
    assert colored == plain


def test_a_pipe_gets_no_colours(daemon: FakeCall, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.reply = {"status": "ok", "processes": [process("a")]}
    ctl.run(["status"])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0s"), (59.9, "59s"), (60, "1m"), (125, "2m5s"), (3600, "1h"), (90061, "1d1h")),
        *((value, "-") for value in (None, "x", -1, True, float("inf"), float("nan"))),
    ],
)
def test_uptime(seconds: object, text: str) -> None:
    assert render.uptime(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *(
            (0, "0.00 s"),
            (0.034, "0.03 s"),
            (9.96, "10.0 s"),
            (41.2, "41 s"),
            (59.7, "60 s"),
            (125, "2 min 5 s"),
        ),
        *((3725, "1 h 2 min"), (7200, "2 h"), (90061, "1 d 1 h"), (True, "-"), ("x", "-")),
    ],
)
def test_a_time_has_its_units(seconds: object, text: str) -> None:
    assert render.duration(seconds) == text


def test_nothing_reaches_the_terminal_as_a_command() -> None:
    evil = "a\x1b]0;x\x07b\nc\x9b31m\ud800"
    for text in (
        render.status_table({"processes": [process(evil, evil, reason=evil, status_text=evil)]}),
        replies.health_text({"processes": [{"name": evil, "state": evil, "message": evil}]}),
        render.reload_text({"added": [evil], "warnings": [evil]}),
        EventLines(Look()).line({"type": evil, evil: evil}),
        why_text({"reason": evil, "trigger": evil, "exits": [{"reason": evil, "output": [evil]}]}, evil),
    ):
        assert all(c.isprintable() or c == "\n" for c in text)
    assert render.clean("dépôt 日本") == "dépôt 日本"


def test_health_says_first_what_is_wrong() -> None:
    reply = {
        "healthy": False,
        "processes": [
            {"name": "a", "state": "RUNNING", "healthy": True, "ready": True, "message": ""},
            {"name": "b", "state": "RUNNING", "healthy": None, "ready": False, "message": "no answer"},
            {"name": "c", "state": "UNHEALTHY", "healthy": False, "ready": True, "message": "refused"},
        ],
    }
    assert replies.health_text(reply).splitlines() == [
        "not healthy",
        "NAME  STATE      HEALTH  READY      DETAIL",
        "c     UNHEALTHY  failed  ready      refused",
        "b     RUNNING    -       not ready  no answer",
        "a     RUNNING    ok      ready",
    ]
    assert replies.health_text({"healthy": True}) == "healthy\n"


def test_reload_says_what_it_did() -> None:
    assert render.reload_text({"added": [], "removed": [], "changed": []}) == "No changes detected\n"
    reply = {
        "added": ["a", "b"],
        "removed": ["r"],
        "changed": ["c"],
        "adjusted": ["d"],
        "options": {"c": ["command", "user"], "d": ["priority"]},
        "settings": ["drain_delay"],
        "restart_required": ["umask"],
        "warnings": ["w"],
    }
    assert render.reload_text(reply).splitlines() == [
        "Added: a, b",
        "Removed: r",
        "Changed: c (command, user)",
        "Adjusted: d (priority)",
        "Settings: drain_delay",
        "Restart the container to apply: umask",
        "warning: w",
    ]
    assert render.reload_text({**reply, "dry_run": True}).splitlines() == [
        "Would add: a, b",
        "Would stop and remove: r",
        "Would restart: c (command, user)",
        "Would adjust: d (priority)",
        "Would set: drain_delay",
        "Restart the container to apply: umask",
        "warning: w",
    ]
    assert render.reload_text({"dry_run": True}) == "Nothing would change\n"


def test_logs_of_many_keep_their_lines_apart(daemon: FakeCall, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.reply = {
        "status": "ok",
        "logs": [
            {"name": "a", "stream": "stdout", "data": "one\ntw"},
            {"name": "b", "stream": "stdout", "data": "three\n"},
            {"name": "a", "stream": "stdout", "data": "o\nfour"},
        ],
    }
    assert ctl.run(["logs"]) == 0
    assert capsys.readouterr().out == "a | one\na | tw\nb | three\na | o\na | four\n"
    assert ctl.run(["logs", "a"]) == 0
    assert capsys.readouterr().out == "one\ntwthree\no\nfour"


def test_output_that_the_terminal_cannot_show(daemon: FakeCall, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.reply = {"status": "ok", "logs": [{"name": "a", "data": "x\udc80\n"}]}
    assert ctl.run(["logs", "a"]) == 0
    assert capsys.readouterr().out == "x\\udc80\n"
