"""What a program started is stopped with it."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a stop lets the children of the program finish their work"
SOURCE = "Supervisor/supervisor#1101; krallin/tini#180"
THEME = "stop"
SINGLE = MANY = True


def check(world: World) -> None:
    inner = "sh -c 'trap \"sleep 0.3; echo 1 >told; exit\" TERM; echo 1 >up; while :; do sleep 0.05; done' & exec sleep 1000"
    world.start(Program("web", inner))
    world.wait_file("up", "the program does not start")
    world.stop()
    if not world.file("told"):
        raise Wrong("the child had no TERM, or no time to act on it")
