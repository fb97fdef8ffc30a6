"""Started is not ready."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a program starts when what it needs is ready"
SOURCE = "Supervisor/supervisor#122; s6-overlay#582"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    db = Program("db", "sleep 0.7; echo 1 >ready-db; exec sleep 1000")
    web = Program(
        "web", "test -e ready-db && echo yes >early || echo no >early; exec sleep 1000", needs_ready="db"
    )
    world.start(db, web)
    if world.wait_file("early", "the program does not start").strip() != "yes":
        raise Wrong("it starts before")
