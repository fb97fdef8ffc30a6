"""A typing error in the only command."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a main command that is not there is exit code 127"
SOURCE = "canonical/pebble#41; the shells' convention"
THEME = "end"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "", command="/nowhere/at/all", restart=False, main=True))
    code = world.exit_code("the container goes on without its program")
    if code != 127:
        raise Wrong(f"the container ended with {code}")
