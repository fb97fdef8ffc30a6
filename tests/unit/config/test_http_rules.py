"""`http_user` and its company: what does not fit together is an error, and no error holds the password."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervice import config as configuration

DIGEST = "ab" * 32


def load(tmp_path: Path, lines: str) -> configuration.Loaded:
    path = tmp_path / "supervice.conf"
    path.write_text(f"[supervice]\nhttp = :9090\n{lines}\n[program:web]\ncommand = web\n")
    return configuration.load(str(path))


def test_a_good_one(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "http_user = ops\nhttp_password = geheim\nhttp_hosts = app, app.local\nhttp_probes = protected",
    )
    assert loaded.problems == []
    config = loaded.config
    assert (config.http_user, config.http_password, config.http_hosts) == (
        "ops",
        "geheim",
        ("app", "app.local"),
    )
    assert config.http_probes == "protected"
    assert load(tmp_path, f"http_user = ops\nhttp_password = {{SHA256}}{DIGEST}").problems == []


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        ("http_user = ops", 3, "add http_password"),
        ("http_password = geheim", 3, "without http_user; add it"),
        ("http_password_file = /run/secrets/page", 3, "without http_user; add it"),
        ("http_user = ops\nhttp_password = geheim\nhttp_password_file = x", 5, "keep one"),
        ("http_user = o:s\nhttp_password = geheim", 3, "colon"),
        ("http_user = ops\nhttp_password = {SHA256}geheim", 4, "64 digits"),
        ("http_probes = protected", 3, "add http_user and http_password"),
        ("http_probes = maybe", 3, "open or protected"),
        ("http_hosts = http://app", 3, "without scheme and port"),
        ("http_hosts = app:80", 3, "without scheme and port"),
        ("http_password =", 3, "empty"),
    ],
)
def test_what_does_not_fit_together(tmp_path: Path, lines: str, line: int, message: str) -> None:
    problems = load(tmp_path, lines).problems
    assert [problem.line for problem in problems if message in problem.message] == [line], problems
    assert "geheim" not in str(list(map(str, problems)))


def test_explain_hides_it(tmp_path: Path) -> None:
    from supervice.cli.explain import supervisor_options

    load(tmp_path, "http_user = ops\nhttp_password = geheim")
    loaded = configuration.load(str(tmp_path / "supervice.conf"), trace=True)
    assert ("http_user", "ops") in [(name, value) for name, _, value, _ in supervisor_options(loaded)]
    assert "geheim" not in str(list(supervisor_options(loaded)))
