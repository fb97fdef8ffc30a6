"""A program that comes up each time, and crashes a little later."""

from tests.conformance.world import Program, World

TITLE = "a program that crashes again and again after 1.2 s is given up after three restarts, as configured"
SOURCE = "Supervisor/supervisor#1285"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(
        Program("a", "echo run >>runs; sleep 1.2; exit 1", flaps=3),
        Program("b", "exec sleep 1000"),
    )
    world.until(lambda: world.file("runs").count("run") >= 3, "it is not started again", 25)
    world.passes(9, lambda: world.file("runs").count("run") <= 5, "it is started again for ever")
