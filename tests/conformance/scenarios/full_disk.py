"""The disk of the logs is full."""

from tests.conformance.world import Program, World

TITLE = "a program goes on when the disk of its log file is full, and is logged again when there is room"
SOURCE = "svlogd's manual"
THEME = "output"
SINGLE, MANY = False, True


def check(world: World) -> None:
    small = world.small_disk(256 << 10)
    (small / "log").mkdir()
    ballast = small / "ballast"
    ballast.write_bytes(bytes(192 << 10))
    block = "i=0; while [ $i -lt 64 ]; do echo 0123456789012345678901234567890123456789012345678901234567890123; i=$((i+1)); done >block; "
    write = "i=0; while [ $i -lt 100 ]; do cat block; i=$((i+1)); done; echo 1 >written; while ! [ -e room ]; do sleep 0.05; done; "
    again = "while :; do echo there is room; sleep 0.1; done"
    world.start(Program("web", block + write + again, log="small/log/current", log_max=10 << 20))
    world.wait_file("written", "the program waits for the disk")
    ballast.unlink()
    for path in (small / "log").iterdir():
        if path.name != "current" and not path.name.startswith("lock"):
            path.unlink()
    (world.folder / "room").touch()
    world.until(
        lambda: any(
            b"there is room" in path.read_bytes() for path in (small / "log").iterdir() if path.is_file()
        ),
        "nothing is logged when there is room again",
        15,
    )
