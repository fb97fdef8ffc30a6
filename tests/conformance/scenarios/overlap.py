"""A run that takes longer than its interval."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a run that takes longer than its interval is neither doubled nor cut"
SOURCE = "cron's and pm2's cron_restart"
THEME = "times"
SINGLE, MANY, TIMES = False, False, True


def check(world: World) -> None:
    job = "mkdir lock || echo 1 >double; echo 1 >>began; sleep 3; rmdir lock; echo 1 >>ended"
    world.start(Program("job", job, every=1))
    world.until(lambda: world.file("began").count("1") >= 3, "it does not run three times in 20 s", 20)
    if world.file("double"):
        raise Wrong("two runs are there at once")
    if world.file("ended").count("1") < 2:
        raise Wrong("runs are cut off")
