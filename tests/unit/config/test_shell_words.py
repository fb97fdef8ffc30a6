"""What only a shell understands in a command, and the command that does it."""

from __future__ import annotations

import shlex
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.config.quoting import split_command
from supervice.config.shell_words import shell_problem


@pytest.mark.parametrize(
    ("command", "tokens", "instead"),
    [
        (
            "cd /srv && python3 -m http.server > log 2>&1",
            "cd, && and > are",
            "sh -c 'cd /srv && exec python3 -m http.server > log 2>&1'",
        ),
        (
            "cd /srv && x",
            "cd and && are",
            "sh -c 'cd /srv && exec x', or directory = /srv and the command alone",
        ),
        ("FOO=bar sleep 1", "FOO= is", "sh -c 'FOO=... exec sleep 1', or environment = FOO=... and"),
        ("sleep $SLEEP", "$SLEEP is", "sh -c 'exec sleep $SLEEP', or %(ENV_SLEEP)s for the variable"),
        ("sleep ${SLEEP:-3}", "$SLEEP is", "sh -c 'exec sleep ${SLEEP:-3}'"),
        ('run "$HOME/x"', "$HOME is", "sh -c 'exec run \"$HOME/x\"'"),
        ("run `date`", "`...` is", "sh -c 'exec run `date`'"),
        ("run $(date)", "$(...) is", "sh -c 'exec run $(date)'"),
        ("sleep 1 | cat", "| is", "sh -c 'sleep 1 | cat'"),
        ("a || b", "|| is", "sh -c 'a || b'"),
        ("a; b", "; is", "sh -c 'a; exec b'"),
        ("sleep 3 &", "& is", "sleep 3, which keeps it in sight"),
        ("sleep 3&", "& is", "sleep 3,"),
        ("~/bin/x --y", "~/ is", "sh -c 'exec ~/bin/x --y'"),
        ("x 2>/dev/null", "> is", "sh -c 'exec x 2>/dev/null'"),
        ("x <in", "< is", "sh -c 'exec x <in'"),
        ("ulimit -n 1024 && x", "ulimit and && are", "sh -c 'ulimit -n 1024 && exec x'"),
        ("x 'a b' > y", "> is", "sh -c \"exec x 'a b' > y\""),
        ("sh -c 'a b' > y", "> is", "sh -c \"exec sh -c 'a b' > y\""),
    ],
)
def test_words_of_a_shell_and_the_shell_that_reads_them(command: str, tokens: str, instead: str) -> None:
    problem = shell_problem(command)
    assert problem.startswith(
        f"no shell reads it, so {tokens} passed on as written; write command = {instead}"
    )


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sleep 1000",
        "sh -c 'cd /srv && exec x > log 2>&1'",
        'bash -lc "exec x $HOME"',
        "/bin/sh -c 'x &'",
        "gosu app sh -c 'exec x $PORT'",
        "nginx -g 'daemon off;'",
        'nginx -g "daemon off;"',
        "curl http://localhost/?a=1&b=2",
        "awk '{print $1}' file",
        "grep -v '^#' /etc/hosts",
        "x 'a && b' \"c | d\" e\\&",
        "env FOO=bar sleep 1",
        "x --filter=a>b",
        "x --match ^a$ --price $5",
        "python3 -c 'import os; print(1 > 0)'",
        'python3 -c "x = 1 if 2 > 1 else 0"',
        "x <name>",
        "test-runner if else",
        "app --exec cd",
    ],
)
def test_what_needs_no_shell_is_left_alone(command: str) -> None:
    assert shell_problem(command) == ""


def test_exec_alone_needs_no_shell() -> None:
    assert shell_problem("exec sleep 10").endswith("there is no program exec; write command = sleep 10")


def test_no_value_of_a_variable_is_repeated() -> None:
    assert "hunter2" not in shell_problem("PW=hunter2 app")
    assert "hunter2" not in shell_problem("cd /srv && PW=hunter2 app")


@given(
    st.lists(st.sampled_from(["a", "'b c'", '"$X"', "&&", "|", "> f", "cd", "X=1", "\\ ", "é", "~/x", "a;"]))
)
def test_what_is_written_instead_is_a_shell_with_one_argument(words: list[str]) -> None:
    problem = shell_problem(" ".join(words))
    if "sh -c" not in problem:
        return
    written = problem.partition("write command = ")[2]
    for end in (", or directory", ", or environment", ", or %(", ", which"):
        written = written.partition(end)[0]
    argv = split_command(written)
    assert argv == shlex.split(written)
    assert argv[:2] == ["sh", "-c"]
    assert len(argv) == 3
    assert shell_problem(written) == ""


def test_a_long_command_takes_no_time() -> None:
    began = time.monotonic()
    shell_problem("a;" * 500_000)
    assert time.monotonic() - began < 1
