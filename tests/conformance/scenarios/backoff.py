"""A crash loop leaves room for others."""

from tests.conformance.world import Program, World

TITLE = "a program that exits at once is started at most 10 times in 5 s"
SOURCE = "Supervisor/supervisor#487; canonical/pebble#240"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(Program("a", "echo run >>runs; exit 1"), Program("b", "exec sleep 1000"))
    world.until(lambda: world.file("runs").count("run") >= 2, "it is not started again", 20)
    world.passes(5, lambda: world.file("runs").count("run") <= 11, "it is started more often")
