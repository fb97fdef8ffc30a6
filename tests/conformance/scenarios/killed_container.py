"""What the last run has left on the disk decides nothing."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a container that was killed starts again with the files that it left, and stops as the first did"
SOURCE = "canonical/pebble#527; stale pid files, sockets and locks"
THEME = "end"
SINGLE = MANY = True
RUN = "trap 'exit 0' TERM; echo run >>runs; while :; do sleep 0.05; done"


def check(world: World) -> None:
    command = world.tell(Program("web", RUN))
    world.run(command)
    world.wait_file("runs", "the program does not start")
    world.passes(1, lambda: world.top.poll() is None, "it ended by itself")
    world.kill()
    world.run(command)
    world.until(lambda: world.file("runs").count("run") >= 2, "the program does not start again")
    world.passes(1, lambda: world.top.poll() is None, "it ended by itself")
    if world.file("runs").count("run") > 2:
        raise Wrong("the program is started twice")
    world.stop()
