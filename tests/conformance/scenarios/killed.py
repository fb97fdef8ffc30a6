"""A crash is visible from outside."""

from tests.conformance.world import Program, World, Wrong

TITLE = "killed by signal 11 is exit code 139"
SOURCE = "Supervisor/supervisor#775"
THEME = "end"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "sleep 0.2; kill -SEGV $$", restart=False, main=True))
    code = world.exit_code("the container goes on without its program")
    if code != 139:
        raise Wrong(f"the program was killed by signal 11, the container ended with {code}")
