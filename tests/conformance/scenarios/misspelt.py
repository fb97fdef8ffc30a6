"""A typing error in an option."""

from tests.conformance.supervisor import Supervisor
from tests.conformance.world import Program, World, Wrong

TITLE = "an option that is misspelt is named at the start"
SOURCE = "canonical/pebble's strict layers"
THEME = "operate"
SINGLE, MANY = False, True


def check(world: World) -> None:
    assert isinstance(world.supervisor, Supervisor)
    command = world.tell(Program("web", "echo 1 >up; exec sleep 1000"))
    world.supervisor.misspell(world.folder)
    world.run(command)

    def named() -> bool:
        return "restrat" in world.said() + world.file("daemon.log")

    try:
        world.until(lambda: named() or world.file("up"), "", 8)
    except Wrong:
        raise Wrong("nothing starts, and nothing says why") from None
    world.until(named, "it is ignored without a word", 2)
