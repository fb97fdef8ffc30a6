"""cron, in a container."""

from tests.conformance.world import Program, World

TITLE = "a program with a schedule of every 2 s runs at its times, its output comes out"
SOURCE = "every image with cron in it"
THEME = "times"
SINGLE, MANY, TIMES = False, False, True


def check(world: World) -> None:
    world.start(Program("job", "echo run >>runs; echo hello from the job", every=2))
    world.until(lambda: world.file("runs").count("run") >= 3, "it does not run three times in 15 s", 15)
    world.until(lambda: world.said().count("hello from the job") >= 3, "its output does not come out", 3)
