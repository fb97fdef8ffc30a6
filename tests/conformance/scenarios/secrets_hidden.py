"""Every user of the machine may look at command lines."""

from tests import procfs
from tests.conformance.world import Program, World, Wrong

TITLE = "a configured secret is in no command line"
SOURCE = "the manual of ps: command lines are for all"
THEME = "given"
SINGLE, MANY = False, True


def check(world: World) -> None:
    secret = "correct-horse-battery"
    script = 'echo "$PASSWORD" >seen; exec sleep 1000'
    world.start(Program("web", script, environment=(("PASSWORD", secret),)))
    world.wait_file("seen", "the program does not start")
    world.passes(1.5, lambda: not _shown(world, secret), "ps shows it")
    if secret not in world.file("seen"):
        raise Wrong("the program does not have it")


def _shown(world: World, secret: str) -> bool:
    return any(secret in procfs.read(f"/proc/{pid}/cmdline") for pid in world.processes())
