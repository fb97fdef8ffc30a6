"""Options of readiness and health: what they become, and what does not fit together, with its line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.config import check_values, load
from supervice.models import HealthCheckType, ProgramConfig


def read(tmp_path: Path, options: str) -> Any:
    (tmp_path / "x.conf").write_text(f"[program:x]\ncommand = x\n{options}\n")
    return load(str(tmp_path / "x.conf"), environ={}, cwd="/srv")


def program(tmp_path: Path, options: str) -> ProgramConfig:
    loaded = read(tmp_path, options)
    assert loaded.problems == []
    one: ProgramConfig
    (one,) = loaded.processes
    return one


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("started", "started"),
        ("Notify", "notify"),
        ("fd:3", "fd:3"),
        ("log: ready to accept .*", "log:ready to accept .*"),
        ("tcp:127.0.0.1:5432", "tcp:127.0.0.1:5432"),
        ("tcp:[::1]:5432", "tcp:[::1]:5432"),
        ("unix:run/x.sock", "unix:/srv/run/x.sock"),
        ("file:/run/x.ready", "file:/run/x.ready"),
        ("http://127.0.0.1:8000/ready", "http:http://127.0.0.1:8000/ready"),
        ("http:http://[::1]:8000", "http:http://[::1]:8000"),
    ],
)
def test_ways_to_be_ready(tmp_path: Path, written: str, value: str) -> None:
    assert program(tmp_path, f"ready = {written}").ready == value


def test_all_options_of_a_check(tmp_path: Path) -> None:
    one = program(
        tmp_path,
        "healthcheck_type = http\nhealthcheck_url = http://127.0.0.1:8000/health?x=1\nhealthcheck_status = 200-299, 404\n"
        "healthcheck_headers =\n    X-Probe: supervice\n    Authorization: Bearer a:b\n"
        "readiness_type = tcp\nreadiness_port = 80\nreadiness_retries = 1\nready = check\nready_timeout = 1m\n"
        "watchdog = 30s\nrestart_limit = 5/60s\npre_stop = sh -c 'kill -USR1 $MAINPID'",
    )
    check = one.healthcheck
    assert (check.type, check.url) == (HealthCheckType.HTTP, "http://127.0.0.1:8000/health?x=1")
    assert check.status == ((200, 299), (404, 404))
    assert check.headers == (("X-Probe", "supervice"), ("Authorization", "Bearer a:b"))
    assert (one.readiness.type, one.readiness.port, one.readiness.retries) == (HealthCheckType.TCP, 80, 1)
    assert (one.ready, one.ready_timeout, one.watchdog, one.restart_limit) == ("check", 60, 30, (5, 60))
    assert one.pre_stop == "sh -c 'kill -USR1 $MAINPID'"


WRONG = [
    ("ready = soon", 3, "write started, notify, check"),
    ("ready = fd:2", 3, "write a number from 3 to 99"),
    ("ready = fd:x", 3, "not a whole number"),
    ("ready = log:", 3, "write log:REGEX"),
    ("ready = log:(", 3, "not a regular expression"),
    ("ready = tcp:5432", 3, "names no port"),
    ("ready = tcp:::1:5432", 3, "needs brackets"),
    ("ready = notify:yes", 3, "notify takes nothing after it"),
    ("ready = https://localhost/", 3, "write started, notify, check"),
    ("ready = http:https://localhost/", 3, "https is not supported"),
    ("ready = check", 3, "add readiness_type"),
    ("ready_timeout = 5", 3, "has no effect without ready"),
    ("ready = notify\nready_timeout = 0", 4, "write a time above 0"),
    ("ready = log:x\nstdout_logfile = NONE\nredirect_stderr = true", 3, "never matches"),
    ("type = oneshot\nready = notify", 4, "has no effect for a oneshot"),
    ("type = oneshot\nwatchdog = 5", 4, "has no effect for a oneshot"),
    ("readiness_port = 80", 3, "has no effect without readiness_type"),
    ("readiness_type = tcp", 3, "needs readiness_port; add it"),
    ("readiness_action = none", 3, "unknown option"),
    ("healthcheck_type = http\nhealthcheck_url = https://x/", 4, "write a script check"),
    ("healthcheck_type = http\nhealthcheck_url = localhost/", 4, "not a URL"),
    ("healthcheck_type = http\nhealthcheck_url = http://a:b@x/", 4, "cannot hold a user name"),
    ("healthcheck_type = http\nhealthcheck_url = http://x/\nhealthcheck_status = 99", 5, "from 100 to 599"),
    (
        "healthcheck_type = http\nhealthcheck_url = http://x/\nhealthcheck_headers = nonsense",
        5,
        "write one a line",
    ),
    ("restart_limit = 5", 3, "5/60s"),
    ("memory_limit = much", 3, "write 512MB, or 80%"),
    ("memory_limit = 120%", 3, "write 1% to 100%"),
    ("memory_limit = 100", 3, "write 512MB"),
    ("type = oneshot\nmemory_limit = 512MB", 4, "write rlimit_as"),
    ("schedule = @daily\nmemory_limit = 512MB", 4, "write rlimit_as"),
    ("memory_limit_action = none", 3, "has no effect without memory_limit"),
    ("restart_limit = 5/0s", 3, "write a time above 0"),
    ("pre_stop = sh -c 'x", 3, "pre_stop"),
]


@pytest.mark.parametrize(("options", "line", "words"), WRONG)
def test_error(tmp_path: Path, options: str, line: int, words: str) -> None:
    errors = read(tmp_path, options).errors
    assert [problem.line for problem in errors if words in problem.message] == [line], errors


def test_a_header_is_a_secret(tmp_path: Path) -> None:
    errors = read(
        tmp_path, "healthcheck_type = http\nhealthcheck_url = http://x/\nhealthcheck_headers = geheim geheim"
    ).errors
    assert errors
    assert "geheim" not in str(errors[0])


def test_healthy_needs_a_check_or_a_watchdog(tmp_path: Path) -> None:
    text = "[program:x]\ncommand = x\n{}\n[program:y]\ncommand = y\ndepends_on = x:{}\n"
    for option, condition, wrong in (
        ("", "ready", False),
        ("", "healthy", True),
        ("watchdog = 5", "healthy", False),
        ("readiness_type = tcp\nreadiness_port = 1", "healthy", True),
    ):
        (tmp_path / "x.conf").write_text(text.format(option, condition))
        assert bool(load(str(tmp_path / "x.conf"), environ={}).errors) is wrong, (option, condition)


@given(st.text(max_size=60))
def test_no_text_breaks_a_parser(text: str) -> None:
    for parse in (
        check_values.ready,
        check_values.http_url,
        check_values.http_headers,
        check_values.http_status,
        check_values.restart_limit,
    ):
        with contextlib.suppress(ValueError):
            parse(text)


@given(
    st.sampled_from(["localhost", "127.0.0.1", "[::1]"]), st.integers(1, 65535), st.text("ab/?=&", max_size=9)
)
def test_a_url_is_taken_apart(host: str, port: int, rest: str) -> None:
    url = check_values.http_url(f"http://{host}:{port}/{rest}")
    assert check_values.split_url(url) == (host.strip("[]"), port, f"/{rest}")
    assert check_values.split_url(f"http://{host}") == (host.strip("[]"), 80, "/")
    assert check_values.split_url(f"http://{host}?a=b") == (host.strip("[]"), 80, "/?a=b")


def test_a_group_stands_for_its_programs(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text(
        "[program:a]\ncommand = a\nnumprocs = 2\n[program:b]\ncommand = b\n[group:data]\nprograms = a, b\n"
        "[program:web]\ncommand = web\ndepends_on = data:ready, b:ready\n"
    )
    loaded = load(str(tmp_path / "x.conf"), environ={})
    assert loaded.problems == []
    assert loaded.processes[-1].depends_on == (("a", "ready"), ("b", "ready"))
    (tmp_path / "x.conf").write_text(
        "[program:a]\ncommand = a\ndepends_on = data\n[group:data]\nprograms = a\n"  # itself
    )
    (problem,) = load(str(tmp_path / "x.conf"), environ={}).errors
    assert "is a cycle" in problem.message
    assert problem.line == 3


@pytest.mark.parametrize(
    ("text", "value"), [("512MB", 512 << 20), ("80%", 0.8), (" 100 % ", 1.0), ("1gb", 1 << 30)]
)
def test_a_memory_limit_is_a_size_or_a_share(text: str, value: int | float) -> None:
    assert check_values.memory_limit(text) == value
    assert type(check_values.memory_limit(text)) is type(value)


@pytest.mark.parametrize("share", ["0", "101", "²", "-1", "9" * 5000])
def test_a_share_that_is_none_is_refused_with_what_to_write(share: str) -> None:
    """Python makes no number of more than 4,300 digits, and said so in its own words."""
    with pytest.raises(ValueError, match="write 1% to 100%"):
        check_values.memory_limit(f"{share}%")
