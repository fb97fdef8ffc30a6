"""`async with Supervisor(config)` and `Process.wait_for`: an application's few lines, and what may go wrong."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from supervice import (
    EXITED,
    FATAL,
    RUNNING,
    STOPPED,
    ConfigValidationError,
    NotReached,
    Process,
    ProgramConfig,
    SocketInUse,
    Supervisor,
    SupervisorConfig,
)
from tests.process.harness.daemon import alive


def program(name: str = "a", command: str = "sleep 1000", **more: Any) -> ProgramConfig:
    more = {"startsecs": 0, "stdout_logfile": "NONE", "stderr_logfile": "NONE", **more}
    return ProgramConfig(name, command, **more)


def config(*programs: ProgramConfig, **more: Any) -> SupervisorConfig:
    return SupervisorConfig(pidfile="none", socket_path="none", programs=list(programs), **more)


async def test_it_runs_until_the_end_of_the_block() -> None:
    async with Supervisor(config(program("a"), program("b"))) as supervisor:
        a, b = supervisor.processes.values()
        assert await a.wait_for("RUNNING") == RUNNING
        await b.wait_for("RUNNING", timeout=10)
        pid = a.pid
        assert pid is not None
        assert repr(a) == f"<Process a RUNNING pid={pid}>"
        assert repr(a.process) == f"<Child pid={pid}>"
        assert repr(supervisor).startswith(f"<Supervisor running: <Process a RUNNING pid={pid}>, <Process b")
    assert (a.state, b.state) == (STOPPED, STOPPED)
    assert not alive(pid)
    assert repr(supervisor) == "<Supervisor not running: <Process a STOPPED>, <Process b STOPPED>>"
    async with supervisor:  # and once more
        await a.wait_for("RUNNING", timeout=10)
    assert a.state == STOPPED


async def test_an_error_in_the_block_stops_everything_and_comes_through() -> None:
    supervisor = Supervisor(config(program()))

    async def application() -> None:
        async with supervisor:
            await supervisor.processes["a"].wait_for("RUNNING", timeout=10)
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await application()
    assert supervisor.processes["a"].state == STOPPED


async def test_a_cancelled_block_leaves_no_process() -> None:
    supervisor = Supervisor(config(program()))

    async def application() -> None:
        async with supervisor:
            await asyncio.sleep(1000)

    task = asyncio.create_task(application())
    a = supervisor.processes["a"]
    await a.wait_for("RUNNING", timeout=10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert a.state == STOPPED


async def test_what_prevents_the_start_is_raised_at_the_beginning(tmp_path: Path) -> None:
    place = str(tmp_path / "s.sock")
    async with Supervisor(SupervisorConfig(pidfile="none", socket_path=place, programs=[program()])):
        other = Supervisor(SupervisorConfig(pidfile="none", socket_path=place, programs=[program()]))
        with pytest.raises(SocketInUse):
            async with other:
                raise AssertionError("it has begun")
        assert other.processes["a"].state == STOPPED


async def test_the_end_of_all_programs_ends_the_run_and_not_the_block() -> None:
    async with Supervisor(config(program(command="true", autorestart=False))) as supervisor:
        await supervisor.processes["a"].wait_for("EXITED", timeout=10)
    assert supervisor.exit_code == 0


async def test_a_state_that_was_only_passed_through_counts() -> None:
    one = Process(program(command="true", autorestart=False))
    waiting = asyncio.create_task(one.wait_for(RUNNING, timeout=10))
    await asyncio.sleep(0)
    await one.start_process()
    await one.wait_for(EXITED, timeout=10)
    assert await waiting == RUNNING
    await one.stop()


async def test_what_will_not_come_is_said_at_once() -> None:
    bad = Process(ProgramConfig("bad", "/no/such", startretries=0))
    await bad.start()
    with pytest.raises(NotReached, match=r"bad is FATAL \(.*/no/such.*\) and will not be RUNNING by itself"):
        await bad.wait_for("RUNNING", timeout=10)
    assert await bad.wait_for("RUNNING", "FATAL") == FATAL
    await bad.stop()
    ended = Process(program("ended", "sh -c 'exit 3'", autorestart=False))
    await ended.start_process()
    await ended.wait_for("EXITED", timeout=10)
    with pytest.raises(NotReached, match=r"ended is EXITED \(.*3\) and will not be RUNNING"):
        await ended.wait_for("RUNNING")
    await ended.stop()


async def test_a_wait_that_takes_too_long() -> None:
    one = Process(program("one"))
    with pytest.raises(TimeoutError, match=r"one is STOPPED after 0\.\d s, not RUNNING or UNHEALTHY"):
        await one.wait_for("RUNNING", "UNHEALTHY", timeout=0.05)
    for words in (("running",), ()):
        with pytest.raises(ValueError, match="write one of STOPPED, STARTING, RUNNING"):
            await one.wait_for(*words)


def test_errors_name_the_program_and_the_field() -> None:
    with pytest.raises(ConfigValidationError) as caught:
        Supervisor(
            config(
                program("web", stopsignal="NOPE"),
                program("db", startsecs=-1, environment={"PW": 7}),
                program("db", ready="soon"),
                loglevel="loud",
            )
        )
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("SupervisorConfig: loglevel = 'loud': ")
    assert lines[1].startswith("web: stopsignal = 'NOPE': not a signal; write a name")
    assert lines[2].startswith("db: startsecs = -1: ")
    assert lines[3] == "db: environment: not a dict of texts; write {'NAME': 'value'}"
    assert lines[4].startswith("db: ready = 'soon': ")
    assert lines[5] == "db: name: two programs have this name; rename one"
    with pytest.raises(ConfigValidationError, match=r"^one: stopsignal = 'NOPE': not a signal"):
        Process(program("one", stopsignal="NOPE"))


async def test_nothing_is_left_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with Supervisor(config(program(), logfile=SupervisorConfig().logfile)) as supervisor:
        await supervisor.processes["a"].wait_for("RUNNING", timeout=10)
        assert os.listdir(tmp_path) == []
    assert os.listdir(tmp_path) == []
    one = Process(program())
    await one.start_process()
    await one.stop()
    assert os.listdir(tmp_path) == []
