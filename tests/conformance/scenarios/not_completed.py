"""A migration that fails."""

from tests.conformance.world import Program, World

TITLE = "a program does not start when what it needs has failed"
SOURCE = "canonical/pebble#712"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    migrate = Program("migrate", "echo 1 >tried; exit 3", restart=False)
    web = Program("web", "echo 1 >started; exec sleep 1000", needs_done="migrate")
    world.start(migrate, web, Program("other", "exec sleep 1000"))
    world.wait_file("tried", "the program does not start")
    world.passes(2, lambda: not world.file("started"), "it starts all the same")
