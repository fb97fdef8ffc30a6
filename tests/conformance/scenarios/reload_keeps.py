"""A reload is for what has changed."""

from tests.conformance.world import Program, World

TITLE = "a reload starts what is new and leaves alone what has not changed"
SOURCE = "Supervisor/supervisor#720, #729, #888, #1154"
THEME = "operate"
SINGLE, MANY = False, True


def check(world: World) -> None:
    old = Program("old", "echo run >>runs; exec sleep 1000")
    world.start(old)
    world.wait_file("runs", "the program does not start")
    world.passes(1.2, lambda: world.top.poll() is None, "it ended by itself")
    world.tell(old, Program("new", "echo 1 >up; exec sleep 1000"))
    world.control("reload")
    world.wait_file("up", "what is new is not started")
    world.passes(1, lambda: world.file("runs").count("run") == 1, "what has not changed is started again")
