"""Kubernetes and OpenShift: a user without a name and without rights."""

from tests.conformance.world import Program, World, Wrong
from tests.paths import open_to_others

TITLE = "it runs as uid 12345, which has no name"
SOURCE = "s6-overlay#392, #397, #526, #574, #578; moby/moby#6880"
THEME = "given"
SINGLE = MANY = True


def check(world: World) -> None:
    open_to_others(world.folder)
    world.folder.chmod(0o777)
    (world.folder / "unprivileged").touch()
    command = world.tell(Program("web", "id -u >seen; echo hello; exec sleep 1000"))
    for path in world.folder.rglob("*"):
        path.chmod(0o777)
    world.before = ("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups")
    world.run(command)
    if world.wait_file("seen", "the program does not start").strip() != "12345":
        raise Wrong("it runs as another one")
    world.until(lambda: "hello" in world.said(), "its output does not arrive", 3)
