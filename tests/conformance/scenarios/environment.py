"""`docker run -e`."""

from tests.conformance.world import Program, World, Wrong

TITLE = "the environment of the container reaches the programs"
SOURCE = "s6-overlay#128, #284, #494, #523, #622"
THEME = "given"
SINGLE = MANY = True


def check(world: World) -> None:
    world.environment = {"GREETING": "hello 'world' $HOME"}
    world.start(Program("web", 'printf %s "$GREETING" >seen; echo 1 >up; exec sleep 1000'))
    world.wait_file("up", "the program does not start")
    if world.file("seen") != "hello 'world' $HOME":
        raise Wrong(f"it arrives as {world.file('seen').replace(str(world.folder), '/home') or 'nothing'}")
