"""A container without its database is no container."""

from tests.conformance.world import Program, World, Wrong

TITLE = "a program that matters and fails ends the container with a failure, after the others had TERM and their time"
SOURCE = "Supervisor/supervisor#712 and its duplicates"
THEME = "end"
SINGLE, MANY = False, True
WEB = "trap 'sleep 0.5; echo done >told; exit 0' TERM; echo 1 >up; while :; do sleep 0.05; done"
DB = "while ! test -e up; do sleep 0.05; done; sleep 0.3; exit 5"


def check(world: World) -> None:
    world.start(Program("web", WEB), Program("db", DB, restart=False, critical=True))
    world.wait_file("up", "the program does not start")
    code = world.exit_code("the container goes on without it")
    if code == 0:
        raise Wrong("the container ended with 0")
    if world.file("told").strip() != "done":
        raise Wrong("the other program had no TERM, or no time to act on it")
