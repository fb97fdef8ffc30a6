"""One slow stop, and an operator who wants something else."""

import time

from tests.conformance.world import Program, World, Wrong

TITLE = "the slow stop of one program does not hold up the restart of another"
SOURCE = "circus-tent/circus#814, #776, #831, #987"
THEME = "operate"
SINGLE, MANY = False, True


def check(world: World) -> None:
    slow = "trap 'echo 1 >asked; sleep 6; exit' TERM; echo 1 >up; while :; do sleep 0.05; done"
    world.start(Program("slow", slow), Program("web", "echo run >>runs; exec sleep 1000"))
    world.wait_file("up", "the program does not start")
    world.wait_file("runs", "the program does not start")
    world.passes(1.2, lambda: world.top.poll() is None, "it ended by itself")
    stop = world.background("stop", "slow")
    try:
        world.wait_file("asked", "the stop does not reach the program")
        began = time.monotonic()
        world.control("restart", "web", 20)
        world.until(lambda: world.file("runs").count("run") >= 2, "the other is not started again", 20)
        if time.monotonic() - began > 4:
            raise Wrong("the other is started again when the slow one has gone")
    finally:
        stop.kill()
        stop.wait()
