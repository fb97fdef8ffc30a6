"""Jobs end."""

from tests.conformance.world import Program, World, Wrong

TITLE = "when every program has ended well, the container ends with 0"
SOURCE = "Supervisor/supervisor#1369"
THEME = "end"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(Program("a", "sleep 0.2", restart=False), Program("b", "sleep 0.4", restart=False))
    code = world.exit_code("the container goes on without any program", 20)
    if code != 0:
        raise Wrong(f"it ended with {code}")
