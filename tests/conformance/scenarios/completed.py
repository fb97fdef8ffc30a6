"""A migration before the server."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a program starts when what it needs has ended well"
SOURCE = "canonical/pebble#712, #639; ochinchina/supervisord#423"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    migrate = Program("migrate", "sleep 1.5; echo 1 >migrated", restart=False)
    web = Program(
        "web", "test -e migrated && echo yes >order || echo no >order; exec sleep 1000", needs_done="migrate"
    )
    world.start(migrate, web)
    if world.wait_file("order", "the program does not start").strip() != "yes":
        raise Wrong("it starts before")
