"""Many orphans at once."""

from tests.conformance.world import Program, World

TITLE = "1,000 orphans that end at once are collected within 5 s"
SOURCE = "Supervisor/supervisor#936; measured: supervisors that collect some in each turn"
THEME = "signals"
SINGLE = MANY = True
COUNT = 1000


def check(world: World) -> None:
    # A bounded loop: no more processes than COUNT and the shell's own.
    fork = (
        f"i=0; while [ $i -lt {COUNT} ]; do (sleep 1000 & echo $! >>pids); i=$((i+1)); done; echo 1 >up; "
        "while ! [ -e go ]; do sleep 0.05; done; kill -9 $(cat pids); echo 1 >killed; exec sleep 1000"
    )
    world.start(Program("web", fork))
    world.wait_file("up", "the program does not start", 40)
    (world.folder / "go").touch()
    world.wait_file("killed", "the program does not kill them", 15)
    world.until(lambda: world.zombies() == 0, "zombies are left after 5 s", 5)
