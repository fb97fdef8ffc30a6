"""A crash is answered."""

from tests.conformance.world import Program, World

TITLE = "a program that is killed is started again, the other one left alone"
SOURCE = "what a supervisor is for"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(
        Program("a", "echo run >>a; sleep 0.5; kill -KILL $$"), Program("b", "echo run >>b; exec sleep 1000")
    )
    world.until(lambda: world.file("a").count("run") >= 2, "it is not started again")
    world.until(lambda: world.file("b").count("run") == 1, "the other one was started again", 1)
