"""A program that does not obey."""

import time

from tests.conformance.world import Program, World, Wrong

TITLE = "a program that ignores TERM is killed after the second that was configured"
SOURCE = "Unitech/pm2#2502; the Docker manual: after 10 s everything is killed"
THEME = "stop"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "trap '' TERM; echo 1 >up; while :; do sleep 0.05; done", stop_wait=1))
    world.wait_file("up", "the program does not start")
    began = time.monotonic()
    world.stop()
    if time.monotonic() - began > 5:
        raise Wrong("it takes more than 5 s")
