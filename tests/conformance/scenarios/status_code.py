"""Scripts ask too."""

from tests.conformance.world import Program, World

TITLE = "the status of a program that has failed is an exit code other than 0, of one that runs 0"
SOURCE = "Supervisor/supervisor#1223, #1274"
THEME = "operate"
SINGLE, MANY = False, True


def check(world: World) -> None:
    bad = Program("bad", "echo 1 >ran; exit 3", restart=False)
    world.start(bad, Program("good", "echo 1 >up; exec sleep 1000"))
    world.wait_file("up", "the program does not start")
    world.wait_file("ran", "the program does not start")
    world.until(
        lambda: world.control("status", "good").returncode == 0, "of the one that runs it is not 0", 4
    )
    world.until(lambda: world.control("status", "bad").returncode != 0, "of the one that failed it is 0", 4)
