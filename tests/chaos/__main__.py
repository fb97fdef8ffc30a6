"""`python -m tests.chaos [--seconds N] [--seed N] [--clients N]`: storms for one PID 1, and whether it keeps its word.

The daemon is PID 1 of a container with a limit of CPU, memory and pids, which is removed whole at its deadline: nothing
of it can reach this machine. The seed is printed; with it the actors make the same choices again. Exit 1 when an
invariant was broken, 3 where there is no engine.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import time
from random import Random

from tests.chaos.container import ENDS, LIBRARY, SLACK, Chaos
from tests.paths import ROOT

ROUND = 20.0  # seconds of storm
NO_ENGINE = 3
LOG = ROOT / "build/chaos.log"
BUNDLE, PIP = "supervice:chaos", "supervice:chaos-pip"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120, help="of all rounds (120)")
    parser.add_argument("--seed", type=int, default=None, help="of its choices (the time)")
    parser.add_argument("--clients", type=int, default=30, help="at the same time (30)")
    parser.add_argument(
        "--base", default="python:3.13-slim", help="image to build on; it has Python and flock"
    )
    options = parser.parse_args()
    seed = int(time.time()) if options.seed is None else options.seed
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        sys.stderr.write("chaos: there is no engine, and without a container there is no chaos\n")
        return NO_ENGINE
    images = {False: BUNDLE}
    subprocess.run([f"{ROOT}/docker/image.sh", BUNDLE, options.base, "--quiet"], check=True)
    if LIBRARY:  # the bundle is static: no library gets between it and the clock
        images[True] = PIP
        subprocess.run([f"{ROOT}/docker/image.sh", "--pip", PIP, options.base, "--quiet"], check=True)
    else:
        _say("no clock is set: there is no libfaketime (Debian's package of that name)")
    _say(f"seed {seed}, {options.clients} clients, {options.seconds:g} s")
    return _rounds(images, seed, options.clients, options.seconds)


def _rounds(images: dict[bool, str], seed: int, clients: int, seconds: float) -> int:
    over, number, deadline = time.monotonic() + seconds, 0, seconds + ROUND + SLACK
    with contextlib.ExitStack() as stack:
        boxes = [
            stack.enter_context(Chaos(image, seed, clients, deadline, clock=clock))
            for clock, image in images.items()
        ]
        while time.monotonic() < over:
            number += 1
            box = boxes[number % len(boxes)]
            random = Random(f"{seed} {number} end")
            end = random.choice(ENDS)
            _say(box.round(number, ROUND, end, amid=end != "OOM" and random.random() < 0.5))
            if box.failures:
                LOG.parent.mkdir(exist_ok=True)
                LOG.write_text("\n".join(box.log()))
                print(*box.failures, sep="\n")
                _say(f"what the daemon said: {LOG}")
                _say(f"broken with seed {seed} in round {number}: make chaos SECONDS={seconds:g} SEED={seed}")
                return 1
    _say(f"{number} rounds, all invariants kept (seed {seed})")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"chaos: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
