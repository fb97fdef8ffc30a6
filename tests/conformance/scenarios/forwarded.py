"""Signals other than TERM."""

import signal

from tests.conformance.world import Program, World

TITLE = "HUP and USR1 reach the command"
SOURCE = "s6-overlay#347; ddollar/foreman#673"
THEME = "signals"
SINGLE, MANY = True, False


def check(world: World) -> None:
    world.start(
        Program(
            "web",
            "trap 'echo 1 >hup' HUP; trap 'echo 1 >usr1' USR1; echo 1 >up; while :; do sleep 0.05; done",
        )
    )
    world.wait_file("up", "the program does not start")
    world.signal(signal.SIGHUP)
    world.wait_file("hup", "HUP does not arrive", 5)
    world.signal(signal.SIGUSR1)
    world.wait_file("usr1", "USR1 does not arrive", 5)
