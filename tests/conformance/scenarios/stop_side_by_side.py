"""Waits of programs that do not need each other do not add up."""

import time

from tests.conformance.world import Program, World, Wrong

TITLE = "three programs that take 1.2 s each to end are stopped side by side, in less than 3 s"
SOURCE = "stop waits that add up beyond Docker's 10 s"
THEME = "stop"
SINGLE, MANY = False, True
WAIT = "trap 'sleep 1.2; echo 1 >told-{0}; exit' TERM; echo 1 >up-{0}; while :; do sleep 0.05; done"


def check(world: World) -> None:
    names = ("a", "b", "c")
    world.start(*(Program(name, WAIT.format(name)) for name in names))
    for name in names:
        world.wait_file(f"up-{name}", "a program does not start")
    began = time.monotonic()
    world.stop()
    took = time.monotonic() - began
    if not all(world.file(f"told-{name}") for name in names):
        raise Wrong("they ended before they had finished")
    if took > 3:
        raise Wrong("one waits for another")
