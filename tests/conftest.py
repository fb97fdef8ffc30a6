"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# How long one example takes says how busy the machine is; each test has a time limit (pyproject.toml).
settings.register_profile("supervice", deadline=None)
settings.load_profile("supervice")


def pytest_configure() -> None:
    """A shell that starts the tests in the background ignores these, and every child of theirs would too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for signum in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_DFL)
