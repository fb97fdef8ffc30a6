"""A stop in the middle of a scheduled run."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a stop lets a scheduled run finish its work"
SOURCE = "aptible/supercronic's README: it waits; cron does not"
THEME = "times"
SINGLE, MANY, TIMES = False, False, True


def check(world: World) -> None:
    job = "trap 'sleep 0.3; echo 1 >told; exit' TERM; echo 1 >began; i=0; while [ $i -lt 60 ]; do sleep 0.05; i=$((i+1)); done; echo 1 >told"
    world.start(Program("job", job, every=1))
    world.wait_file("began", "it does not run")
    world.stop()
    if not world.file("told"):
        raise Wrong("it is killed")
