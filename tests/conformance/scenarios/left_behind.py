"""What is left when the one program ends by itself."""

from tests.conformance.world import Program, World, Wrong

TITLE = "what the ended program left running gets TERM before the end"
SOURCE = "Yelp/dumb-init#212; krallin/tini#95"
THEME = "end"
SINGLE = MANY = True


def check(world: World) -> None:
    inner = "sh -c 'trap \"sleep 0.2; echo 1 >told; exit\" TERM; echo 1 >up; while :; do sleep 0.05; done' & while ! [ -e up ]; do sleep 0.05; done; exit 0"
    world.start(Program("web", inner, restart=False, main=True))
    world.exit_code("the container goes on without its program", 15)
    if not world.file("told"):
        raise Wrong("what was left had no TERM, or no time to act on it")
