"""The stage of each test; whatever runs on it is gone when the test ends."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.process.hostile_paths.stage import Stage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid():
        for item in items:
            if "hostile_paths" in item.nodeid:
                item.add_marker(
                    pytest.mark.skip(reason="needs root: the daemon is root's, the paths a stranger's")
                )


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()
