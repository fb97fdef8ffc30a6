"""The container's limits are its programs'."""

from tests.conformance.world import Program, World, Wrong

TITLE = "programs have the container's limit on open files"
SOURCE = "Supervisor/supervisor#1025"
THEME = "given"
SINGLE = MANY = True


def check(world: World) -> None:
    world.before = ("prlimit", "--nofile=512:4096")
    world.start(Program("web", "ulimit -n >limit; exec sleep 1000"))
    found = world.wait_file("limit", "the program does not start").strip()
    if found != "512":
        raise Wrong(f"the container has 512, the program {found}")
