"""Logs that do not grow for ever."""

from pathlib import Path

from tests.conformance.world import Program, World, Wrong

TITLE = "a log file is rotated at 64 KiB, two old ones are kept, and no line is torn"
SOURCE = "Supervisor/supervisor#322; measured: rotation in the middle of a line"
THEME = "output"
SINGLE, MANY = False, True
LINE = "0123456789" * 5


def check(world: World) -> None:
    block = f"i=0; while [ $i -lt 100 ]; do echo {LINE}; i=$((i+1)); done >block; "
    write = "i=0; while [ $i -lt 100 ]; do cat block; i=$((i+1)); sleep 0.005; done; echo 1 >written; exec sleep 1000"
    (world.folder / "logs").mkdir()
    world.start(Program("web", block + write, log="logs/current", log_max=64 << 10))
    world.wait_file("written", "the program does not run", 20)

    def quiet() -> bool:
        return 0 < len(list(_logs(world))) <= 4

    world.until(quiet, "more than four files are kept", 3)
    sizes = [path.stat().st_size for path in _logs(world)]
    if max(sizes) > 80 << 10:
        raise Wrong(f"a file has {max(sizes) >> 10} KiB")
    if len(sizes) < 3:
        raise Wrong("no old ones are kept")
    for path in _logs(world):
        if any(line != LINE for line in path.read_text().splitlines()):
            raise Wrong("lines are torn at the rotation")


def _logs(world: World) -> list[Path]:
    """Without what loggers keep beside them."""
    there = (path for path in (world.folder / "logs").iterdir() if path.is_file())
    return [path for path in there if path.name not in ("lock", "state", "config")]
