"""Alive is not well."""

from tests.conformance.world import Program, World

TITLE = "a program whose health check fails is started again"
SOURCE = "F1bonacc1/process-compose#170; Supervisor/supervisor's superlance"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(
        Program("web", "echo run >>runs; : >well; exec sleep 1000", check="test -e well"),
        Program("b", "exec sleep 1000"),
    )
    world.wait_file("runs", "the program does not start")
    world.passes(3, lambda: world.file("runs").count("run") == 1, "it is started again while it is well")
    (world.folder / "well").unlink()
    world.until(lambda: world.file("runs").count("run") >= 2, "it is left as it is", 15)
