"""A program that runs as another user."""

from tests.conformance.world import Program, World, Wrong
from tests.paths import open_to_others

TITLE = "a program that runs as another user has the HOME and USER of that user"
SOURCE = "Supervisor/supervisor#161, #307, #435, #1171"
THEME = "given"
SINGLE, MANY = False, True


def check(world: World) -> None:
    open_to_others(world.folder)
    world.folder.chmod(0o777)
    world.start(Program("web", 'echo "$(id -un) $HOME $USER" >seen; exec sleep 1000', user="games"))
    user, *rest = world.wait_file("seen", "the program does not start").split()
    if user != "games":
        raise Wrong(f"it runs as {user}")
    if rest != ["/usr/games", "games"]:
        raise Wrong("it keeps those of root")
