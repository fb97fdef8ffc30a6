"""Output right before the end."""

from tests.conformance.world import Program, World, Wrong

TITLE = "1 MiB that a program writes right before its end arrives whole"
SOURCE = "Supervisor/supervisor#749"
THEME = "output"
SINGLE = MANY = True
LINES = 16384


def check(world: World) -> None:
    line = "x" * 63
    script = f"i=0; while [ $i -lt 64 ]; do printf '%s\\n' {line}; i=$((i+1)); done >block; i=0; while [ $i -lt 256 ]; do cat block; i=$((i+1)); done; echo 1 >written"
    world.start(Program("a", script, restart=False), *())
    world.wait_file("written", "the program does not run")

    def arrived() -> bool:
        return (world.folder / "output").read_text(errors="replace").count(line) >= LINES

    try:
        world.until(arrived, "", 5)
    except Wrong:
        found = (world.folder / "output").read_text(errors="replace").count(line)
        raise Wrong(f"{LINES - found} of {LINES} lines are missing") from None
