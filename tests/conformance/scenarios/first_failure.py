"""Two jobs, one of which fails."""

from tests.conformance.world import Program, World, Wrong

TITLE = "when all have ended and one failed, the container says so"
SOURCE = "Supervisor/supervisor#1685"
THEME = "end"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(Program("a", "sleep 0.2; exit 3", restart=False), Program("b", "sleep 0.4", restart=False))
    code = world.exit_code("the container goes on without any program", 20)
    if code == 0:
        raise Wrong("a program failed with 3, the container ended with 0")
