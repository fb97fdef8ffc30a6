"""A session of its own is no way out."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a stop lets a descendant with a session of its own finish its work"
SOURCE = "Yelp/dumb-init#191"
THEME = "stop"
SINGLE = MANY = True


def check(world: World) -> None:
    inner = "setsid sh -c 'trap \"sleep 0.3; echo 1 >told; exit\" TERM; echo 1 >up; while :; do sleep 0.05; done' & exec sleep 1000"
    world.start(Program("web", inner))
    world.wait_file("up", "the program does not start")
    world.stop()
    if not world.file("told"):
        raise Wrong("the descendant had no TERM, or no time to act on it")
