"""The examples that are about PID 1 are built and do what their READMEs say."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.container.helpers import Box, eventually

FETCH = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/', timeout=5).read().decode(), end='')"


def test_single_command(run: Callable[..., Box], build_example: Callable[[str], str]) -> None:
    image = build_example("single-command")
    box = run(image=image)
    box.wait_log("serving")
    for _ in range(5):
        answer = box.exec("python3", "-c", FETCH, check=True).output
        assert re.fullmatch(r"hello from pid \d+, child of 1\n", answer)
    sleeps = "cat /proc/[0-9]*/comm | grep -c '^sleep'"
    eventually(lambda: box.exec("sh", "-c", sleeps).output == "0\n", message="the orphans are gone")
    assert box.zombies() == []
    box.kill("HUP")
    box.wait_log("settings read again")
    assert box.stop(20) == 0
    assert box.logs() == "serving\nsettings read again\nbye\n"
    other = run(["sh", "-c", "exit 7"], image=image)
    assert other.wait() == 7
    assert other.logs() == ""


def test_the_table_of_single_command(run: Callable[..., Box], build_example: Callable[[str], str]) -> None:
    """Each option and each variable that the README names is one that there is."""
    image = build_example("single-command")
    environment = {
        "SUPERVICE_PARENT_DEATH_SIGNAL": "TERM",
        "SUPERVICE_EXIT_CODE_OK": "143",
        "SUPERVICE_WARN_ON_REAP": "1",
        "SUPERVICE_REWRITE": "15:3 1:0",
        "SUPERVICE_SINGLE_CHILD": "1",
    }
    by_variable = run(
        ["sh", "-c", "(sleep 0.1 &) ; sleep 0.3; exit 143"], image=image, environment=environment
    )
    options = ["-c", "none", "--single-child", "--parent-death-signal", "TERM", "--exit-code-ok", "143"]
    options += ["--warn-on-reap", "--rewrite", "15:3", "--rewrite", "1:0", "--"]
    by_option = run(
        [*options, "sh", "-c", "(sleep 0.1 &) ; sleep 0.3; exit 143"], image=image, entrypoint=["supervice"]
    )
    for box in (by_variable, by_option):
        assert box.wait() == 0
        assert "reaped an orphan" in box.logs()


def test_command_and_services(run: Callable[..., Box], build_example: Callable[[str], str]) -> None:
    image = build_example("command-and-services")
    default, failing = run(image=image), run(["python3", "/srv/report.py", "1000000"], image=image)
    both = run(["sleep", "infinity"], image=image)
    assert default.wait() == 0
    assert re.search(r"^the number is [1-9]\d*$", default.logs(), re.M)
    assert failing.wait() == 3
    assert "main program main ended with code 3" in failing.logs()

    before = both.wait_state("store", "feeder", "main")
    assert both.exec("supervice", "check", check=True).output.count("warning") == 0
    both.ctl("restart", "main")
    after = both.wait_state("store", "feeder", "main")
    assert after["main"]["pid"] != before["main"]["pid"]
    assert after["store"]["pid"] == before["store"]["pid"]
    report = both.exec("python3", "/srv/report.py", check=True).output
    assert report.startswith("the number is ")
    assert both.stop(20) == 143  # sleep has no better idea than to be killed by TERM
    log = both.logs().partition("shutting down")[2]
    assert re.findall(r"(\w+): (?:stopped|ended)", log) == ["main", "feeder", "store"]
