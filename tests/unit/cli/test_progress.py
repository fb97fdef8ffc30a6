"""The line that says who is waited for while an action takes its time."""

from __future__ import annotations

from typing import Any

from supervice.cli.progress import line

ROWS: list[dict[str, Any]] = [
    {"name": "web", "state": "STOPPING", "next": "SIGKILL in 8.0 s"},
    {"name": "db", "state": "RUNNING"},
    {"name": "app", "state": "STOPPED", "waiting_for": ["db:ready"], "next": "starts as soon as db is ready"},
    {"name": "old", "state": "EXITED"},
]


def test_each_verb_waits_for_others() -> None:
    assert line({"command": "stop"}, ROWS, 2.1) == (
        "waiting for web (STOPPING; SIGKILL in 8.0 s), db (RUNNING), 2.1 s so far"
    )
    assert line({"command": "start"}, ROWS, 0.5) == (
        "waiting for web (STOPPING; SIGKILL in 8.0 s), app (WAITING; starts as soon as db is ready),"
        " 0.50 s so far"
    )
    assert line({"command": "wait", "for": "exited"}, ROWS[1:2], 61) == (
        "waiting for db (RUNNING), 1 min 1 s so far"
    )
    assert line({"command": "reload"}, [], 3) == "waiting for the daemon, 3.0 s so far"
    many = [{"name": f"w{n}", "state": "STOPPING"} for n in range(9)]
    assert line({"command": "stop"}, many, 1).startswith(
        "waiting for w0 (STOPPING), w1 (STOPPING), w2 (STOPPING), and 6 more"
    )
