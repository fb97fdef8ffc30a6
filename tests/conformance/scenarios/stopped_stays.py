"""An operator's word counts."""

from tests.conformance.world import Program, World, Wrong

TITLE = "what an operator stopped stays down, and starts when told"
SOURCE = "circus-tent/circus#965, #809"
THEME = "operate"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(Program("a", "echo run >>runs; exec sleep 1000"), Program("b", "exec sleep 1000"))
    world.wait_file("runs", "the program does not start")
    world.passes(1.2, lambda: world.top.poll() is None, "it ended by itself")
    said = world.control("stop", "a")
    runs = world.file("runs").count("run")
    world.passes(2.5, lambda: world.file("runs").count("run") == runs, "it is started again")
    if not world.processes():
        raise Wrong(f"the container ended: {said.stdout.strip()[:80]}")
    world.control("start", "a")
    world.until(lambda: world.file("runs").count("run") == runs + 1, "it is not started when told to")
