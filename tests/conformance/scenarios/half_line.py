"""A prompt, or the last words before a program hangs."""

from tests.conformance.world import Program, World

TITLE = "a line that is not finished is seen within 2 s"
SOURCE = "canonical/pebble#495; dagucloud/dagu#462"
THEME = "output"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "printf 'Enter password: '; echo 1 >up; exec sleep 1000"))
    world.wait_file("up", "the program does not start")
    world.until(lambda: "Enter password" in world.said(), "it is held back", 2)
