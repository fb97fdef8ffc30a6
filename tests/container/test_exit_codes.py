"""The exit code of the container says how its programs ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.container.helpers import Box, eventually


class Case(NamedTuple):
    code: int
    reason: str  # stands in the last line of the log
    programs: list[str]
    after: str = ""  # stands in the log before the container is stopped


def program(name: str, command: str, **options: object) -> str:
    """A section; it is RUNNING at once and not restarted unless the options say so."""
    lines = {"command": command, "startsecs": 0, "autorestart": "false", **options}
    return "\n".join([f"[program:{name}]", *(f"{key} = {value}" for key, value in lines.items()), ""])


def configuration(*programs: str, **options: object) -> str:
    return "\n".join(["[supervice]", *(f"{key} = {value}" for key, value in options.items()), *programs])


SLEEPER = program("sleeper", "sleep 1000")

BY_THEMSELVES = {
    "all done": Case(0, "nothing left to run", [program("a", "true"), program("b", "sh -c 'exit 0'")]),
    "an expected code is no failure": Case(
        0, "nothing left to run", [program("a", "sh -c 'exit 5'", exitcodes="0,5")]
    ),
    "one failed": Case(7, "a failed: exit code 7", [program("a", "sh -c 'exit 7'"), program("b", "true")]),
    "the first of two failures": Case(
        5,
        "a failed: exit code 5",
        [program("b", "sh -c 'sleep 0.5; exit 6'"), program("a", "sh -c 'exit 5'")],
    ),
    "main ends": Case(
        0, "main program a ended with code 0", [program("a", "sleep 0.2", main="true"), SLEEPER]
    ),
    "main fails": Case(
        9, "main program a ended with code 9", [program("a", "sh -c 'exit 9'", main="true"), SLEEPER]
    ),
    "main is killed": Case(
        137, "killed by SIGKILL", [program("a", "sh -c 'kill -KILL $$'", main="true"), SLEEPER]
    ),
    "main crashes": Case(139, "killed by SIGSEGV", [program("a", "sh -c 'kill -SEGV $$'", main="true")]),
    "critical fails": Case(
        4, "critical program a failed", [program("a", "sh -c 'exit 4'", critical="true"), SLEEPER]
    ),
    "critical is killed": Case(
        143, "killed by SIGTERM", [program("a", "sh -c 'kill -TERM $$'", critical="true"), SLEEPER]
    ),
    "critical is not found": Case(
        127, "/nowhere", [program("a", "/nowhere", critical="true", startretries=0), SLEEPER]
    ),
    "critical is not executable": Case(
        126, "/etc/passwd", [program("a", "/etc/passwd", critical="true", startretries=0), SLEEPER]
    ),
    "critical is FATAL after its retries": Case(
        3,
        "gave up after 2 failed starts",
        [
            program("a", "sh -c 'exit 3'", critical="true", startsecs=5, startretries=1, backoff=0.1),
            SLEEPER,
        ],
    ),
}


@pytest.mark.parametrize("case", BY_THEMSELVES.values(), ids=BY_THEMSELVES)
def test_the_container_ends_by_itself(run: Callable[..., Box], case: Case) -> None:
    box = run(config=configuration(*case.programs))
    assert box.wait() == case.code
    last = box.logs().splitlines()[-1]
    assert case.reason in last
    assert f"exiting with code {case.code}: " in last


STOPPED = {
    "programs that end with the signal": Case(0, "SIGTERM received", [SLEEPER]),
    "main ends with the signal": Case(
        143, "SIGTERM received", [program("a", "sleep 1000", main="true"), SLEEPER]
    ),
    "main has an opinion": Case(
        6,
        "SIGTERM received",
        [program("a", "sh -c 'trap \"exit 6\" TERM; echo set; while :; do sleep 0.05; done'", main="true")],
        after="set",
    ),
    "one was FATAL": Case(
        8, "b is FATAL", [program("b", "sh -c 'exit 8'", startsecs=5, startretries=0), SLEEPER]
    ),
}


@pytest.mark.parametrize("case", STOPPED.values(), ids=STOPPED)
def test_the_container_is_stopped(run: Callable[..., Box], case: Case) -> None:
    box = run(config=configuration(*case.programs))
    eventually(lambda: all(p["state"] in ("RUNNING", "FATAL") for p in box.status().values()))
    if case.after:
        box.wait_log(case.after)
    assert box.stop() == case.code
    # a shell's own word about its child may come behind it, on the other stream
    assert case.reason in box.logs().rpartition(" exiting with code ")[2].splitlines()[0]


@pytest.mark.parametrize("code", [0, 7])
def test_on_every_base(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str, code: int
) -> None:
    box = run(config=configuration(program("a", f"sh -c 'exit {code}'")), image=image_for(base))
    assert box.wait() == code


def test_a_fatal_program_can_end_the_container(run: Callable[..., Box]) -> None:
    fatal = program("a", "sh -c 'exit 3'", startsecs=5, startretries=0)
    box = run(config=configuration(fatal, SLEEPER, on_fatal="shutdown"))
    assert box.wait() == 3


def test_what_an_operator_stopped_does_not_end_the_container(run: Callable[..., Box]) -> None:
    box = run(config=configuration(SLEEPER, program("b", "true")), wait=["sleeper"])
    box.ctl("stop", "sleeper")
    assert box.state("sleeper") == "STOPPED"
    box.ctl("start", "sleeper")
    box.wait_state("sleeper")
    assert box.stop() == 0


def test_exit_when_idle_can_be_switched_off(run: Callable[..., Box]) -> None:
    box = run(config=configuration(program("a", "true"), exit_when_idle="false"))
    box.wait_state("a", state="EXITED")
    box.ctl("start", "a")
    assert box.alive()
    assert box.stop() == 0


WRONG = """\
[supervice]
loglevel = loud

[program:web]
comand = sleep 1000
startsecs = soon

[program:witness]
command = echo witness was started
"""


def test_a_wrong_configuration_says_everything_at_once_and_starts_nothing(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    box = run(config=WRONG, image=image_for(base))
    assert box.wait() == 2
    log = box.logs()
    problems = re.findall(r"^/etc/supervice/supervice\.conf:(\d+): (.*)", log, re.M)
    assert sorted({int(line) for line, _ in problems}) == [2, 4, 5, 6]
    assert any("comand" in text and "did you mean" in text and "command" in text for _, text in problems)
    assert "witness was started" not in log


def test_supervice_check_says_the_same_without_a_start(run: Callable[..., Box]) -> None:
    box = run(["check"], config=WRONG)
    assert box.wait() == 2
    assert "/etc/supervice/supervice.conf:2: " in box.logs()
    assert "witness was started" not in box.logs()


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["-c", "/nowhere.conf"], "/nowhere.conf"),
        (["--no-such-option"], "--no-such-option"),
        (["-c", "none"], "configuration"),
    ],
    ids=["no such file", "no such option", "no configuration"],
)
def test_what_cannot_be_run_is_a_usage_error(run: Callable[..., Box], argv: list[str], text: str) -> None:
    box = run(argv)
    assert box.wait() == 2
    assert text in box.logs()
