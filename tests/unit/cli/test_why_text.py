"""`why` in words: what a process is, what happens next, why, and its last exits."""

from __future__ import annotations

from supervice.cli.why_text import why_text


def test_one_that_waits_for_its_retry() -> None:
    reply = {
        "name": "web",
        "state": "BACKOFF",
        "next": "retry 2 of 3 in 4.0 s",
        "reason": "exit code 3 after 0.20 s, before it was up (startsecs 1 s)",
        "trigger": "exit: exit code 3",
        "exits": [
            {
                "time": "2026-01-02T03:04:05.678Z",
                "reason": "exit code 3",
                "pid": 9,
                "exitcode": 3,
                "runtime": 0.2,
                "output": ["cannot bind", "bye"],
            }
        ],
    }
    assert why_text(reply, "web").splitlines() == [
        "web is BACKOFF; retry 2 of 3 in 4.0 s",
        "why: exit code 3 after 0.20 s, before it was up (startsecs 1 s)",
        "",
        "last exits, the newest last:",
        "  2026-01-02T03:04:05.678Z exit code 3 (pid 9, after 0.20 s)",
        "      cannot bind",
        "      bye",
    ]


def test_one_that_a_check_has_stopped() -> None:
    reply = {
        "name": "web",
        "state": "BACKOFF",
        "next": "retry 1 of 3 in 1.0 s",
        "reason": "2 health checks failed in a row: db is down",
        "trigger": "health check: db is down",
        "exits": [
            {"reason": "killed by SIGTERM", "signal": 15, "trigger": "health check: db is down", "pid": 9},
            {"reason": "killed by SIGKILL", "signal": 9, "trigger": "", "pid": 10},
            {"reason": "killed by SIGSEGV", "signal": 11, "trigger": "", "pid": 11},
        ],
    }
    text = why_text(reply, "web")
    assert "trigger: health check: db is down\n" in text
    assert "  stopped (SIGTERM); health check: db is down (pid 9)\n" in text
    assert "  killed by SIGKILL, which supervice did not send (pid 10)\n" in text
    assert "  killed by SIGSEGV (pid 11)\n" in text


def test_one_that_has_never_run() -> None:
    reply = {
        "name": "broken",
        "state": "BACKOFF",
        "next": "retry 2 of 3 in 1.2 s",
        "has_run": False,
        "failed_starts": 2,
        "reason": "/usr/bin/nope: not found",
        "trigger": "spawn: /usr/bin/nope: not found",
        "exits": [],
    }
    assert why_text(reply, "broken").splitlines() == [
        "broken is BACKOFF and has never run; retry 2 of 3 in 1.2 s",
        "why: /usr/bin/nope: not found (2 attempts)",
    ]


def test_one_that_waits_and_one_that_runs() -> None:
    waiting = {"name": "app", "state": "STOPPED", "waiting_for": ["db:ready"], "next": "starts as soon as x"}
    assert why_text(waiting, "app").startswith("app is WAITING; starts as soon as x\n")
    running = {"name": "app", "state": "RUNNING", "pid": 7, "uptime": 3725, "trigger": "operator: start"}
    assert why_text(running, "app").splitlines() == [
        "app is RUNNING, pid 7, for 1 h 2 min",
        "trigger: operator: start",
        "app has not exited",
    ]
    assert why_text({}, "web") == "web is ?\nweb has not exited\n"


def test_a_signal_that_was_sent_is_no_stop() -> None:
    said = why_text(
        {
            "exits": [
                {"reason": "killed by SIGKILL", "signal": 9, "trigger": "operator: signal"},
                {"reason": "killed by SIGHUP", "signal": 1, "trigger": "operator: signal (XML-RPC)"},
                {"reason": "killed by SIGUSR1", "signal": 10, "trigger": "signal to supervice: SIGHUP"},
                {"reason": "killed by SIGTERM", "signal": 15, "trigger": "operator: stop"},
            ]
        },
        "web",
    )
    assert "  killed by SIGKILL, which an operator sent\n" in said
    assert "  killed by SIGHUP, which an operator sent (XML-RPC)\n" in said
    assert "  killed by SIGUSR1, for the SIGHUP that supervice passed on\n" in said
    assert "  stopped (SIGTERM); operator: stop\n" in said


def test_exit_codes_have_the_names_that_shells_give_them() -> None:
    said = why_text(
        {"exits": [{"reason": f"exit code {n}", "exitcode": n} for n in (1, 127, 137, 200)]}, "web"
    )
    assert "  exit code 1\n" in said
    assert "  exit code 127 (command not found)\n" in said
    assert "  exit code 137 (a shell's word for SIGKILL)\n" in said
    assert "  exit code 200\n" in said
