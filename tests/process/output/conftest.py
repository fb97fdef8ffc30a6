"""A router on either loop, and readers of what it writes; no descriptor of them may be left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.process.harness.descriptors import descriptors
from tests.process.harness.output import Lab, Reader


@pytest.fixture(params=["ours", "asyncio"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    before = descriptors()
    made = Lab(request.param)
    yield made
    made.close()
    assert not made.errors
    left = {fd: target for fd, target in descriptors().items() if before.get(fd) != target}
    assert not left, "descriptors leaked"


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


@pytest.fixture
def second_reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()
