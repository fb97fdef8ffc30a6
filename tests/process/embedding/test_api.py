"""The public Python API inside an asyncio application, as the reference shows it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from supervice.client import Controller
from supervice.config import ConfigValidationError, parse_config
from supervice.core import Supervisor
from supervice.events import Event, EventBus, EventType
from supervice.health import (
    HealthChecker,
    HealthCheckResult,
    ScriptHealthChecker,
    TCPHealthChecker,
    create_health_checker,
)
from supervice.logger import get_logger, setup_logger
from supervice.models import HealthCheckConfig, HealthCheckType, ProgramConfig, SupervisorConfig
from supervice.process import FATAL, RUNNING, STOPPED, Process
from tests.process.harness.daemon import alive


async def until(predicate: Callable[[], object], timeout: float = 10) -> None:
    async with asyncio.timeout(timeout):
        while not predicate():
            await asyncio.sleep(0.01)


def sleeper(name: str = "a", **more: Any) -> ProgramConfig:
    return ProgramConfig(name=name, command="sleep 1000", startsecs=0, stdout_logfile="NONE", **more)


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    one = Process(sleeper(), EventBus())
    yield one
    await one.stop()


async def test_a_process_alone(process: Process) -> None:
    assert process.state == STOPPED
    assert process.process is None
    assert process.started_at is None
    assert process.is_healthy is None
    await process.start_process()
    assert process.state == RUNNING
    assert process.should_run
    child = process.process
    assert child is not None
    assert alive(child.pid)
    assert process.started_at is not None
    await process.stop_process()
    assert process.state == STOPPED
    assert process.process is None
    assert child.returncode == -15
    assert not process.should_run


async def test_start_starts_what_is_to_be_started_by_itself() -> None:
    one = Process(sleeper())
    await one.start()
    await until(lambda: one.state == RUNNING)
    await one.stop()
    assert one.state == STOPPED
    two = Process(sleeper(autostart=False))
    await two.start()
    assert two.state == STOPPED
    await two.stop()


async def test_the_child_is_what_asyncio_calls_a_process(process: Process) -> None:
    await process.start_process()
    child = process.process
    assert child is not None
    assert child.returncode is None
    waiting = asyncio.ensure_future(child.wait())
    child.send_signal(signal.SIGINT)
    assert await waiting == -2
    await until(lambda: process.process not in (None, child))  # restarted
    assert process.process is not None
    process.process.kill()
    process.process.terminate()


async def test_force_kill_and_kill(process: Process) -> None:
    await process.start_process()
    child = process.process
    assert child is not None
    await process.force_kill()
    assert (process.state, child.returncode) == (STOPPED, -9)
    await process.start_process()
    await process.kill()
    assert process.state == STOPPED


async def test_children_of_the_application_are_not_stolen() -> None:
    """50 children of asyncio's own beside 10 of ours that restart all the time."""
    ours = [
        Process(ProgramConfig(f"p{n}", "sh -c 'exit 1'", startsecs=0, backoff=0.01, backoff_max=0.01))
        for n in range(10)
    ]
    for one in ours:
        await one.start()

    async def run(code: int) -> int:
        child = await asyncio.create_subprocess_exec("sh", "-c", f"exit {code}")
        return await child.wait()

    codes = await asyncio.gather(*(run(n) for n in range(50)))
    assert codes == list(range(50))
    for one in ours:
        assert one.restarts > 0
        await one.stop()
    await asyncio.sleep(0)  # asyncio closes its transports a turn after the wait


async def test_a_start_that_fails_says_so_in_its_state() -> None:
    one = Process(ProgramConfig("a", "/no/such", startretries=0))
    await one.start_process()
    assert one.state == FATAL
    await one.stop()


async def test_events_of_a_process_in_order() -> None:
    bus = EventBus()
    seen: list[tuple[str, str, str]] = []

    async def handler(event: Event) -> None:
        seen.append((event.type.name, event.payload["processname"], event.payload["from_state"]))

    for kind in EventType:
        bus.subscribe(kind, handler)
    bus.start()
    one = Process(sleeper(), bus)
    await one.start_process()
    await one.stop_process()
    await bus.stop()
    assert seen == [
        ("PROCESS_STATE_STARTING", "a", "STOPPED"),
        ("PROCESS_STATE_RUNNING", "a", "STARTING"),
        ("PROCESS_STATE_STOPPING", "a", "RUNNING"),
        ("PROCESS_STATE_STOPPED", "a", "STOPPING"),
    ]
    await one.stop()


async def test_a_full_bus_drops_the_oldest_and_never_waits() -> None:
    bus = EventBus(maxsize=3)
    seen: list[int] = []

    async def handler(event: Event) -> None:
        seen.append(event.payload["n"])

    bus.subscribe(EventType.PROCESS_STATE_RUNNING, handler)
    for n in range(10):
        bus.publish(Event(EventType.PROCESS_STATE_RUNNING, {"n": n}))
    assert bus.dropped == 7
    bus.start()
    await bus.stop()
    assert seen == [7, 8, 9]


async def test_a_handler_that_fails_does_not_stop_the_bus() -> None:
    bus = EventBus()
    seen: list[Event] = []

    async def bad(_event: Event) -> None:
        raise RuntimeError("no")

    async def good(event: Event) -> None:
        seen.append(event)

    bus.subscribe(EventType.PROCESS_STATE_FATAL, bad)
    bus.subscribe(EventType.PROCESS_STATE_FATAL, good)
    bus.start()
    bus.publish(Event(EventType.PROCESS_STATE_FATAL, {}))
    bus.publish(Event(EventType.PROCESS_STATE_FATAL, {}))
    await bus.stop()
    assert len(seen) == 2


async def test_a_supervisor_in_an_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "supervisord.conf"
    path.write_text(
        f"[supervice]\nsocket = {tmp_path}/s.sock\n[program:web]\ncommand = sleep 1000\nstartsecs = 0\n"
        "stdout_logfile = NONE\n[program:w]\ncommand = sleep 1000\nnumprocs = 2\nstartsecs = 0\n[group:g]\n"
        "programs = web\n"
    )
    supervisor = Supervisor()
    supervisor.load_config(str(path))
    assert set(supervisor.processes) == {"web", "w:00", "w:01"}
    assert supervisor.groups == {"g": ["web"], "w": ["w:00", "w:01"]}
    assert supervisor.config.pidfile == "supervice.pid"
    running = asyncio.ensure_future(supervisor.run())
    await until(lambda: all(p.state == RUNNING for p in supervisor.processes.values()))
    assert (tmp_path / "supervice.pid").read_text() == f"{os.getpid()}\n"

    ctl = Controller(f"{tmp_path}/s.sock")
    assert await ctl.status()
    assert await ctl.stop_process("web")
    assert await ctl.start_process("web")
    assert await ctl.restart_process("web", force=True)
    assert not await ctl.start_process("nope")
    assert await ctl.stop_group("g")
    assert await ctl.start_group("g")
    assert (await ctl.send_command("status"))["status"] == "ok"

    path.write_text(path.read_text().replace("numprocs = 2", "numprocs = 3"))
    changes = await supervisor.reload_config()
    assert {k: changes[k] for k in ("added", "removed", "changed")} == {
        "added": ["w:02"],
        "removed": [],
        "changed": [],
    }
    assert await ctl.reload()
    await supervisor.shutdown()
    await running
    assert all(p.state == STOPPED for p in supervisor.processes.values())
    assert not (tmp_path / "supervice.pid").exists()


async def test_a_supervisor_made_of_values(tmp_path: Path) -> None:
    config = SupervisorConfig(
        pidfile="none",
        socket_path=str(tmp_path / "s.sock"),
        programs=[
            ProgramConfig("a", "sleep 1%(process_num)d00", numprocs=2, startsecs=0, stdout_logfile="NONE")
        ],
    )
    supervisor = Supervisor(config)
    running = asyncio.ensure_future(supervisor.run())
    await until(lambda: all(p.state == RUNNING for p in supervisor.processes.values()))
    pid = supervisor.processes["a:01"].pid
    # The kernel shows the words some moments after the exec.
    await until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x001100\x00")
    await supervisor.shutdown()
    await running


def test_asyncio_run_with_the_signals_of_a_terminal(tmp_path: Path) -> None:
    """`asyncio.run(supervisor.run())` as in the reference: ends by a signal, gives every handler back."""
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)}
    supervisor = Supervisor(
        SupervisorConfig(pidfile="none", socket_path="none", programs=[sleeper()]),
    )

    async def main() -> None:
        running = asyncio.ensure_future(supervisor.run())
        await until(lambda: supervisor.processes["a"].state == RUNNING)
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    asyncio.run(main())
    assert supervisor.processes["a"].state == STOPPED
    assert {n: signal.getsignal(n) for n in before} == before


async def test_health_checkers() -> None:
    assert create_health_checker(HealthCheckConfig()) is None
    script = create_health_checker(HealthCheckConfig(HealthCheckType.SCRIPT, command="true"))
    assert isinstance(script, ScriptHealthChecker)
    assert (await script.check()).healthy
    sick = await ScriptHealthChecker(
        HealthCheckConfig(HealthCheckType.SCRIPT, command="sh -c 'echo bad; exit 2'")
    ).check()
    assert not sick.healthy
    assert sick.message == "the check failed with exit code 2: bad"
    slow = ScriptHealthChecker(HealthCheckConfig(HealthCheckType.SCRIPT, command="sleep 50", timeout=0.1))
    assert "longer than 0.1 s" in (await slow.check()).message
    missing = ScriptHealthChecker(HealthCheckConfig(HealthCheckType.SCRIPT, command="/no/such"))
    assert "could not be run" in (await missing.check()).message
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    tcp = create_health_checker(HealthCheckConfig(HealthCheckType.TCP, port=port))
    assert isinstance(tcp, TCPHealthChecker)
    assert (await tcp.check()).healthy
    server.close()
    await server.wait_closed()
    assert not (await tcp.check()).healthy


async def test_a_checker_of_ones_own() -> None:
    class Always(HealthChecker):
        async def check(self) -> HealthCheckResult:
            return HealthCheckResult(True, "fine")

    assert (await Always().check()).healthy
    with pytest.raises(TypeError):
        HealthChecker()  # type: ignore[abstract]


def test_parse_config_and_its_errors(tmp_path: Path) -> None:
    path = tmp_path / "supervisord.conf"
    with pytest.raises(FileNotFoundError):
        parse_config(str(path))
    path.write_text("[supervice]\n[program:a]\ncommand = x\nstartsecs = soon\n")
    with pytest.raises(ConfigValidationError, match="startsecs"):
        parse_config(str(path))
    path.write_text("[supervice]\n[program:a]\ncommand = x -v 100%\n")
    config = parse_config(str(path))
    assert [(p.name, p.command) for p in config.programs] == [("a", "x -v 100%")]
    assert config.shutdown_timeout == 30
    assert issubclass(ConfigValidationError, ValueError)


def test_the_logger(tmp_path: Path) -> None:
    logger = setup_logger("INFO", str(tmp_path / "log"), 1000, 1)
    assert logger is get_logger() is logging.getLogger("supervice")
    logger.info("hello")
    assert "hello" in (tmp_path / "log").read_text()
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()


def test_the_documented_coroutines_are_coroutines() -> None:
    for cls, names in (
        (Supervisor, "run shutdown reload_config"),
        (Process, "start stop start_process stop_process force_kill kill"),
        (
            Controller,
            "send_command status start_process stop_process restart_process start_group stop_group reload",
        ),
    ):
        for name in names.split():
            assert inspect.iscoroutinefunction(getattr(cls, name)), f"{cls.__name__}.{name}"


async def test_a_run_that_is_cancelled_leaves_no_process_behind() -> None:
    supervisor = Supervisor(SupervisorConfig(pidfile="none", socket_path="none", programs=[sleeper()]))
    running = asyncio.ensure_future(supervisor.run())
    await until(lambda: supervisor.processes["a"].state == RUNNING)
    pid = supervisor.processes["a"].pid
    assert pid is not None
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not alive(pid))
    os.waitpid(pid, 0)


async def test_a_check_with_operators_gets_a_shell() -> None:
    config = HealthCheckConfig(HealthCheckType.SCRIPT, command="false || exit 5")
    assert "exit code 5" in (await ScriptHealthChecker(config).check()).message


EMBEDDED_PID1 = """
import asyncio, os, sys
from supervice.core import Supervisor
from supervice.models import ProgramConfig, SupervisorConfig

def zombies():
    return [p for p in os.listdir("/proc") if p.isdigit() and open(f"/proc/{p}/stat").read().rpartition(")")[2].split()[0] == "Z"]

async def main():
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.2 &); done; exec sleep 1000"
    supervisor = Supervisor(SupervisorConfig(pidfile="none", socket_path="none", programs=[
        ProgramConfig("a", f"sh -c '{script}'", startsecs=0)]))
    running = asyncio.ensure_future(supervisor.run())
    async def own(code):
        return await (await asyncio.create_subprocess_exec("sh", "-c", f"sleep 0.{code}; exit {code}")).wait()
    assert await asyncio.gather(*(own(n) for n in range(1, 9))) == list(range(1, 9))
    async with asyncio.timeout(20):
        while not zombies():
            await asyncio.sleep(0.01)
        while zombies():
            await asyncio.sleep(0.05)
    await supervisor.shutdown()
    await running
    print("done")

assert os.getpid() == 1
asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")
def test_an_application_that_is_pid_1_has_its_orphans_collected() -> None:
    import subprocess
    import sys

    words = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", EMBEDDED_PID1]
    done = subprocess.run(words, capture_output=True, timeout=60, check=False, text=True)
    if done.returncode and "unshare" in done.stderr.split("\n")[0]:
        pytest.skip("no PID namespaces here")
    assert done.stdout.endswith("done\n"), done.stderr


async def test_two_supervisors_in_one_loop() -> None:
    before = signal.getsignal(signal.SIGTERM)
    made = [
        Supervisor(SupervisorConfig(pidfile="none", socket_path="none", programs=[sleeper()]))
        for _ in range(2)
    ]
    runs = [asyncio.ensure_future(one.run()) for one in made]
    await until(lambda: all(one.processes["a"].state == RUNNING for one in made))
    async with asyncio.timeout(10):
        for one in made:
            await one.shutdown()
        await asyncio.gather(*runs)
    assert signal.getsignal(signal.SIGTERM) is before


async def test_shutdown_before_the_first_step_and_a_second_run() -> None:
    one = Supervisor(SupervisorConfig(pidfile="none", socket_path="none", programs=[sleeper()]))
    async with asyncio.timeout(20):
        running = asyncio.ensure_future(one.run())
        await one.shutdown()
        await running
        assert one.processes["a"].state == STOPPED
        for _ in range(2):
            running = asyncio.ensure_future(one.run())
            await until(lambda: one.processes["a"].state == RUNNING)
            await one.shutdown()
            await running
            assert one.processes["a"].state == STOPPED
