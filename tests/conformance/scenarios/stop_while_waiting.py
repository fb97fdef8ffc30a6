"""A container that is stopped while a program waits for another one."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a stop ends a container in which a program still waits for another, and starts nothing more"
SOURCE = "F1bonacc1/process-compose#280, #530"
THEME = "stop"
SINGLE, MANY = False, True


def check(world: World) -> None:
    db = Program("db", "trap 'exit 0' TERM; echo 1 >up; while :; do sleep 0.05; done")
    world.start(db, Program("web", "echo 1 >started; exec sleep 1000", needs_ready="db"))
    world.wait_file("up", "the program does not start")
    world.stop()
    if world.file("started"):
        raise Wrong("the waiting program was started")
