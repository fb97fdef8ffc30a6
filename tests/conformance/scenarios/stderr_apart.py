"""Two streams are two streams."""

from tests.conformance.world import Program, World, Wrong

TITLE = "what a program says on stderr comes out of the container's stderr, not of its stdout"
SOURCE = "canonical/pebble#811"
THEME = "output"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "echo to-out; echo to-err >&2; echo 1 >up; exec sleep 1000"))
    world.wait_file("up", "the program does not start")
    world.until(lambda: "to-out" in world.said() and "to-err" in world.said(), "it does not come out", 5)
    if "to-err" in world.file("output") or "to-out" in world.file("errors"):
        raise Wrong("both come out of one stream")
