"""A check that never answers."""

from tests.conformance.world import Program, World

TITLE = "a health check that hangs has failed"
SOURCE = "F1bonacc1/process-compose#298; docker's HEALTHCHECK has a timeout"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(
        Program("web", "echo run >>runs; exec sleep 1000", check="exec sleep 1000"),
        Program("b", "exec sleep 1000"),
    )
    world.wait_file("runs", "the program does not start")
    world.until(lambda: world.file("runs").count("run") >= 2, "it is waited for", 15)
