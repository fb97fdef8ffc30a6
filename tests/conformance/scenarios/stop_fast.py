"""A stop costs no more than the programs need."""

import time

from tests.conformance.world import Program, World, Wrong

TITLE = "programs that end at once on TERM are stopped within 0.5 s"
SOURCE = "measured: supervisors that look once a second"
THEME = "stop"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "trap 'exit 0' TERM; echo 1 >up; while :; do sleep 0.05; done"))
    world.wait_file("up", "the program does not start")
    began = time.monotonic()
    world.passes(1.2, lambda: world.top.poll() is None, "it ended by itself")
    began = time.monotonic()
    world.stop()
    if (took := time.monotonic() - began) > 0.5:
        raise Wrong(f"it takes more than {int(took * 2) / 2:g} s")
