"""Orphans are collected."""

from tests.conformance.world import Program, World, Wrong

TITLE = "500 orphans leave no zombie and disturb no program"
SOURCE = "lineofflight/frankfurter#558; Supervisor/supervisor#936"
THEME = "signals"
SINGLE = MANY = True


def check(world: World) -> None:
    fork = "i=0; while [ $i -lt 500 ]; do (sleep 0.1 &) ; i=$((i+1)); done; echo $$ >up; exec sleep 1000"
    world.start(Program("web", fork))
    world.wait_file("up", "the program does not start", 30)
    world.until(
        lambda: world.zombies() == 0 and len(world.processes()) <= 6, "zombies are left after 15 s", 15
    )
    if world.top.poll() is not None:
        raise Wrong("it ended")
