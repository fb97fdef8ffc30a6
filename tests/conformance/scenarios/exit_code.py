"""A job's exit code is the container's."""

from tests.conformance.world import Program, World, Wrong

TITLE = "the exit code of the main program is the container's"
SOURCE = "Supervisor/supervisor#712, #775; s6-overlay#87"
THEME = "end"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "sleep 0.2; exit 7", restart=False, main=True))
    code = world.exit_code("the container goes on without its program")
    if code != 7:
        raise Wrong(f"the program ended with 7, the container with {code}")
