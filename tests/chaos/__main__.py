"""`python -m tests.chaos [--seconds N] [--seed N] [--clients N]`: a storm for one daemon, and whether it keeps its word.

The storm (`storm.py`) runs in a container with a limit of CPU, memory and pids, which is killed whole at its deadline:
nothing of it can reach this machine. The seed is printed; with it a storm makes the same choices again. Exit 1 when an
invariant was broken, 3 where there is no engine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import uuid

from tests.paths import ROOT

# Seconds for its start and its end beside those of the storm.
SLACK = 120
LIMITS = ("--cpus", "1", "--memory", "512m", "--pids-limit", "400", "--network", "none")
TAG = "supervice:chaos"
NO_ENGINE = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="of storm (60)")
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
    subprocess.run([f"{ROOT}/docker/image.sh", "--pip", TAG, options.base, "--quiet"], check=True)
    sys.stdout.write(f"chaos: seed {seed}, {options.clients} clients, {options.seconds:g} s\n")
    sys.stdout.flush()
    name = f"supervice-chaos-{uuid.uuid4().hex[:12]}"
    command = [
        *("docker", "run", "--rm", "--init", "--name", name, *LIMITS),
        *("--volume", f"{ROOT}/tests/chaos:/chaos:ro", "--entrypoint", "python3", TAG),
        *("/chaos/storm.py", str(options.seconds), str(seed), str(options.clients)),
    ]
    try:
        return subprocess.run(command, timeout=options.seconds + SLACK, check=False).returncode
    except subprocess.TimeoutExpired:
        sys.stdout.write(f"chaos: not over {SLACK} s after its time (seed {seed})\n")
        return 1
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
