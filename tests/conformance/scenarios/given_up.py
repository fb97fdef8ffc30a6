"""There is an end to trying."""

from tests.conformance.world import Program, World

TITLE = "a program that fails at once is given up after the three tries that were configured"
SOURCE = "Supervisor/supervisor#712; canonical/pebble#240"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(Program("a", "echo run >>runs; exit 1", tries=3), Program("b", "exec sleep 1000"))
    world.until(lambda: world.file("runs").count("run") >= 3, "it is not tried three times", 20)
    world.passes(6, lambda: world.file("runs").count("run") <= 4, "it is tried more often")
