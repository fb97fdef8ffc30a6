"""`docker stop` is a TERM that the program can act on."""

from tests.conformance.world import Program, World, Wrong

TITLE = "TERM reaches the program, which may finish its work"
SOURCE = "the Docker manual"
THEME = "stop"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(
        Program(
            "web", "trap 'sleep 0.3; echo done >told; exit 0' TERM; echo 1 >up; while :; do sleep 0.05; done"
        )
    )
    world.wait_file("up", "the program does not start")
    world.stop()
    if not world.file("told"):
        raise Wrong("it ended before the program had finished")
