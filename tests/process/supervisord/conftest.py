"""Daemons with stock supervisord files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process.harness.daemon import Daemon
from tests.process.harness.supervisorctl import HEAD, SUPERVICE, Stock, forks


@pytest.fixture(scope="session", autouse=True)
def no_supervisorctl_is_left() -> Iterator[None]:
    yield
    if forks.cache_info().currsize:
        forks().stop()


@pytest.fixture
def stock(daemon: Callable[..., Daemon], tmp_path: Path) -> Callable[..., Daemon]:
    """Makes one daemon, with a file that has no section of ours."""

    def make(text: str, **options: object) -> Daemon:
        head = "" if "[supervisord]" in text else "[supervisord]\n"
        return daemon(f"; not [supervice]\n{head}{text}", "-s", str(tmp_path / "0" / "s.sock"), **options)

    return make


@pytest.fixture
def with_supervisorctl(tmp_path: Path) -> Iterator[Callable[..., Stock]]:
    """Makes daemons that supervisorctl is used with; each has its files in a directory of its own."""
    made: list[Stock] = []

    def make(text: str, head: str = HEAD) -> Stock:
        made.append(Stock(tmp_path / str(len(made)), text, SUPERVICE, head))
        made[-1].wait()
        return made[-1]

    yield make
    for one in made:
        one.stop()
