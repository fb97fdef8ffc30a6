"""Programs start as from a shell."""

import signal

from tests.conformance.world import Program, World, Wrong

TITLE = "programs start with no signal blocked or ignored"
SOURCE = "Supervisor/supervisor's and Go's and Python's dispositions; bpo-1652"
THEME = "given"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(
        Program("web", "grep -E 'SigBlk|SigIgn' /proc/self/status >masks; echo 1 >up; exec sleep 1000")
    )
    world.wait_file("up", "the program does not start")
    for line in world.file("masks").splitlines():
        name, _, mask = line.partition(":")
        # 32 and 33 are the C library's own, which its posix_spawn leaves ignored; no program can ask for them.
        wrong = [
            number for number in range(1, 65) if int(mask, 16) >> number - 1 & 1 and number not in (32, 33)
        ]
        if wrong:
            how = "blocked" if name == "SigBlk" else "ignored"
            raise Wrong(f"{', '.join(signal.Signals(number).name for number in wrong)}: {how}")
