"""Time in which nothing runs is no time that a program took."""

from tests.conformance.world import Program, World

TITLE = "a container that is paused for 4 s goes on: no program is started again, though its health is checked each second"
SOURCE = "docker pause, snapshots and suspends"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    # The check takes half a second: it is under way when the container is paused.
    world.start(
        Program("web", "echo run >>runs; exec sleep 1000", check="echo 1 >checked; sleep 0.5"),
        Program("b", "exec sleep 1000"),
    )
    world.wait_file("runs", "the program does not start")
    world.wait_file("checked", "its health is not checked")
    world.pause(4)
    world.passes(4, lambda: world.file("runs").count("run") == 1, "it is started again")
