"""What holds for all tests."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

from tests.order import long_files_first

# How long one example takes says how busy the machine is; each test has a time limit (pyproject.toml).
settings.register_profile("supervice", deadline=None)
settings.load_profile("supervice")


def pytest_configure() -> None:
    """A shell that starts the tests in the background ignores these, and every child of theirs would too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for signum in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_DFL)


@pytest.hookimpl(trylast=True)  # after pytest has put together what shares a parameter, across files
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers take file after file (`--dist loadfile`); one worker alone keeps the order that is read."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items[:] = long_files_first((item.nodeid, item) for item in items)
