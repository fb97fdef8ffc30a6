"""A command with a typing error, retried for ever."""

import time

from tests.conformance.world import Program, World, Wrong

TITLE = "a command that is not there costs less than 5 % of a CPU"
SOURCE = "circus-tent/circus#1157"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(Program("a", "", command="/nowhere/at/all"), Program("b", "echo 1 >up; exec sleep 1000"))
    world.wait_file("up", "the other program does not start")
    before, begin = world.cpu(), time.monotonic()
    world.until(lambda: time.monotonic() - begin >= 4, "")
    share = (world.cpu() - before) / (time.monotonic() - begin)
    if share > 0.05:
        raise Wrong(f"{100 * share:.0f} % of a CPU")
