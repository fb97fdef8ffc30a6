"""A minute of storm with supervice as PID 1: `make chaos` has longer ones, with other seeds and clocks that are set.

What must hold is about order and truth; nothing in it fails because the machine is slow.
"""

from __future__ import annotations

import pytest

import docker
from tests.chaos.container import Chaos

SEED = 17
DEADLINE = 900.0  # of the container, on a machine with much else to do; alone it takes a minute and a half


@pytest.mark.timeout(DEADLINE + 60)
def test_pid_1_keeps_its_word_in_a_storm(engine: docker.DockerClient, image: str) -> None:
    """Disasters, thirty actors, and one container that is started again after each kind of end."""
    with Chaos(image, SEED, 15, DEADLINE) as box:
        for number, (seconds, end, amid) in enumerate(
            [(20.0, "TERM", False), (15.0, "KILL", True), (10.0, "OOM", False), (15.0, "TERM TERM", True)], 1
        ):
            said = box.round(number, seconds, end, amid=amid)
            print(said)  # pytest shows it when what follows fails
            assert not box.failures, "\n".join(box.failures)
