"""nginx wants QUIT."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a program is stopped by the signal that it wants (QUIT)"
SOURCE = "openedx-unsupported/configuration#3795"
THEME = "stop"
SINGLE = MANY = True
WAIT = "trap 'echo quit >told; exit' QUIT; trap 'echo term >told; exit' TERM; echo 1 >up; while :; do sleep 0.05; done"


def check(world: World) -> None:
    world.start(Program("web", WAIT, stop_signal="QUIT"))
    world.wait_file("up", "the program does not start")
    world.stop()
    if world.file("told").strip() != "quit":
        raise Wrong(f"it got {world.file('told').strip() or 'nothing'}")
