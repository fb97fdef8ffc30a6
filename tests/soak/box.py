"""The soak in a container with limits, which is removed whole at its deadline: `python -m tests.soak --box`."""

from __future__ import annotations

import subprocess
import sys
import uuid

from tests.paths import ROOT

LIMITS = (
    "--cpus",
    "1",
    "--memory",
    "512m",
    "--memory-swap",
    "512m",
    "--pids-limit",
    "400",
    "--network",
    "none",
)
SLACK = 180  # seconds for its start and its end
TAG = "supervice:soak"
PYTHON = "/opt/supervice/bin/python"  # of the pip image: it has supervice and what that needs
NO_ENGINE = 3


def boxed(seconds: float, base: str = "python:3.13-slim") -> int:
    """Runs the soak of this tree there; returns its exit code, 3 where there is no engine."""
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        sys.stderr.write("soak: there is no engine; without a container: python -m tests.soak\n")
        return NO_ENGINE
    subprocess.run([f"{ROOT}/docker/image.sh", "--pip", TAG, base, "--quiet"], check=True)
    name = f"supervice-soak-{uuid.uuid4().hex[:12]}"
    command = [
        *("docker", "run", "--rm", "--init", "--name", name, *LIMITS, "--no-healthcheck"),
        *("--volume", f"{ROOT}/tests:/soak/tests:ro", "--workdir", "/soak"),
        *("--env", "PYTHONDONTWRITEBYTECODE=1", "--env", "COLUMNS=120"),
        *("--entrypoint", PYTHON, TAG, "-m", "tests.soak", "--seconds", f"{seconds:g}s"),
    ]
    try:
        return subprocess.run(command, timeout=seconds + SLACK, check=False).returncode
    except subprocess.TimeoutExpired:
        sys.stdout.write(f"soak: not over {SLACK} s after its time\n")
        return 1
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)
