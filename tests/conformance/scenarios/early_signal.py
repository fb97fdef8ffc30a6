"""A container that is stopped while it starts."""

from tests.conformance.world import Program, World

TITLE = "TERM in the first milliseconds of PID 1 is not lost"
SOURCE = "measured: as PID 1 a signal without a handler is dropped"
THEME = "end"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "exec sleep 1000"))
    world.stop()
