"""Passwords are what they are."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a configured value with %, $, quotes, a backslash and ; # in it arrives as it is"
SOURCE = "Supervisor/supervisor#291, #599, #958, #771, #857"
THEME = "given"
SINGLE, MANY = False, True
VALUE = """50% $HOME; it's "x" \\n #1"""


def check(world: World) -> None:
    script = 'printf %s "$PASSWORD" >seen; echo 1 >up; exec sleep 1000'
    world.start(Program("web", script, environment=(("PASSWORD", VALUE),)))
    world.wait_file("up", "the program does not start")
    if world.file("seen") != VALUE:
        raise Wrong(f"it arrives as {world.file('seen').replace(str(world.folder), '/home') or 'nothing'}")
