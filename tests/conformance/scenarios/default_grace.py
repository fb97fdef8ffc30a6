"""A drain, with nothing configured."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a program that takes 4 s to end has them, with nothing configured"
SOURCE = "Unitech/pm2#1541; activepieces/activepieces#14487"
THEME = "stop"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(
        Program("web", "trap 'sleep 4; echo 1 >told; exit' TERM; echo 1 >up; while :; do sleep 0.05; done")
    )
    world.wait_file("up", "the program does not start")
    world.stop()
    if not world.file("told"):
        raise Wrong("it was killed before")
