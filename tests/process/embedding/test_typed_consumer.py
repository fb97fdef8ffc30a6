"""A program that imports the installed package and is checked by `mypy --strict`: the types of the public API."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT

CONSUMER = """\
import asyncio

from supervice import (
    ConfigValidationError,
    Controller,
    Event,
    EventType,
    HealthCheckConfig,
    HealthCheckType,
    NotReached,
    Process,
    ProgramConfig,
    Supervisor,
    SupervisorConfig,
    parse_config,
)


async def main(path: str) -> int:
    try:
        config: SupervisorConfig = parse_config(path)
    except ConfigValidationError as error:
        print([problem.line for problem in error.problems])
        return 2
    check = HealthCheckConfig(HealthCheckType.TCP, port=80, interval=0.5)
    config.programs.append(ProgramConfig("web", "server", healthcheck=check, autorestart="unexpected"))
    async with Supervisor(config) as supervisor:
        supervisor.event_bus.subscribe(EventType.PROCESS_STATE_RUNNING, on_running)
        process: Process = supervisor.processes["web"]
        try:
            state: str = await process.wait_for("RUNNING", "UNHEALTHY", timeout=10)
        except (NotReached, TimeoutError):
            return 1
        child = process.process
        pid: int | None = None if child is None else child.pid
        changes: dict[str, list[str]] = await supervisor.reload_config()
        done: bool = await Controller(config.socket_path).restart_process("web", force=True)
        print(state, pid, process.uptime, process.is_healthy, changes["added"], done)
    return supervisor.exit_code


async def on_running(event: Event) -> None:
    print(event.payload["processname"])


raise SystemExit(asyncio.run(main("supervice.conf")))
"""
WRONG = {
    "await process.wait_for(3)": "arg-type",
    'ProgramConfig("web", 3)': "arg-type",
    'ProgramConfig("web", "x", commnad="y")': "call-arg",
    'ProgramConfig("web", "x", autorestart="sometimes")': "arg-type",
    "process.pid + 1": "operator",
    "supervisor.process": "attr-defined",
}


def errors_of(folder: Path, *names: str) -> list[str]:
    """The errors in these files; what mypy says of the package itself is the matter of `make types`."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file",
            "",
            "--cache-dir",
            str(folder / "cache"),
            *names,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return [line for line in done.stdout.splitlines() if line.startswith(names) and " error: " in line]


def test_a_consumer_is_typed(tmp_path: Path) -> None:
    wrong = "\n".join(f"        {line}" for line in WRONG)
    (tmp_path / "right.py").write_text(CONSUMER)
    (tmp_path / "wrong.py").write_text(
        CONSUMER.replace("        try:\n            state", f"{wrong}\n        try:\n            state")
    )
    found = errors_of(tmp_path, "right.py", "wrong.py")
    assert [line for line in found if line.startswith("right.py")] == []
    assert [line.rpartition("[")[2].rstrip("]") for line in found] == list(WRONG.values())


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "supervice" / "py.typed").is_file()
