"""A script without its x bit."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a main command that may not be executed is exit code 126"
SOURCE = "canonical/pebble#41; the shells' convention"
THEME = "end"
SINGLE = MANY = True


def check(world: World) -> None:
    plain = world.folder / "plain"
    plain.write_text("#!/bin/sh\n")
    world.start(Program("web", "", command=str(plain), restart=False, main=True))
    code = world.exit_code("the container goes on without its program")
    if code != 126:
        raise Wrong(f"the container ended with {code}")
