"""Random graphs through everything that decides: startup, processes, the state machine, checks, probes and the shutdown.

Only the kernel is made up: children, their ends, their words and the clock. What a program fulfils is taken
down here from what its child did, not asked of the code under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import supervice.health
import supervice.lean.loop
import supervice.pid1.child
from supervice import logger
from supervice.api.dispatch import Dispatcher
from supervice.checks.base import HealthCheckResult
from supervice.core import Supervisor
from supervice.lean.loop import sleep
from supervice.lifecycle.exit_policy import Verdict
from supervice.lifecycle.graph import ranks
from supervice.lifecycle.states import RESTING, UP
from supervice.models import HealthCheckConfig, HealthCheckType, ProgramConfig, program_of
from supervice.notify.protocol import parse
from supervice.pid1.spawn import SpawnError
from supervice.process import Process
from supervice.supervision import startup
from supervice.supervision.shutdown import Shutdown
from tests.fakes.loop import VirtualLoop

KILL = 9


class Run:
    """One child: what it did, and nothing that the daemon thinks of it."""

    def __init__(self, name: str, pid: int, began: float) -> None:
        self.name = name
        self.pid = pid
        self.began = began
        self.told = False  # to stop
        self.said_ready = False
        self.fit: bool | None = None  # the last readiness check
        self.well: bool | None = None  # the last liveness check


class World:
    """The launcher, the spawner, the reaper and the notification socket of all programs."""

    outputs = None
    address = "@world"
    old = False  # of the list of strangers, as a reaper

    def __init__(self, loop: VirtualLoop, configs: list[ProgramConfig], random: Random) -> None:
        self.loop = loop
        self.random = random
        self.kind = False  # from now on everything goes well
        self.runtime = SimpleNamespace(loop=loop, reaper=self, blame=lambda _status, _ours: "")
        self.pids = iter(range(100, 10**6))
        self.runs: dict[str, Run] = {}
        self.reapers: dict[int, tuple[Any, Any]] = {}
        self.listeners: dict[int, Any] = {}
        self.completed: set[str] = set()
        self.well: dict[tuple[str, str], bool] = {}
        self.told: list[tuple[str, frozenset[str]]] = []  # who was told to stop, and who was alive then
        self.checks: dict[int, tuple[str, str]] = {}
        self.supervisor = Supervisor()
        for config in configs:
            self.supervisor.table.add(config)
        self.commands = Dispatcher(self.supervisor)
        for name, process in self.supervisor.processes.items():
            process.use(self)  # type: ignore[arg-type]
            process.watch(self.changed)
            self.checks[id(process.config.healthcheck)] = name, "well"
            self.checks[id(process.config.readiness)] = name, "fit"

    # -- the launcher ------------------------------------------------------------------------------------

    def obstacle(self, _config: ProgramConfig, _over: object) -> None:
        """No mount and no name server is silent here."""

    def spawn(self, config: ProgramConfig, _out: int, _err: int, _env: object, _fds: object) -> int:
        if not self.kind and self.random.random() < 0.05:
            raise SpawnError("no such file", permanent=self.random.random() < 0.3, code=127)
        pid = next(self.pids)
        run = self.runs[config.name] = Run(config.name, pid, self.loop.time())
        self.completed.discard(config.name)
        self.plan(config, run)
        return pid

    def plan(self, config: ProgramConfig, run: Run) -> None:
        random = self.random
        fails = not self.kind and random.random() < 0.4
        if config.ready == "notify" and (self.kind or random.random() < 0.8):
            after = random.choice([0.0, 0.5, 1.0, 3.0]) if not self.kind else 0.1
            self.loop.call_later(after, self.say, run, b"READY=1")
            if fails and random.random() < 0.5:  # ready, and gone at the same moment
                self.loop.call_later(after, self.end, run, random.choice([0, 1, -9]))
        if config.type == "oneshot" or fails:
            after = random.choice([0.0, 0.3, 1.0, 2.0])
            self.loop.call_later(after, self.end, run, random.choice([0, 1, -9]) if fails else 0)

    def ended(self, _config: ProgramConfig, _foreground: bool) -> None:
        """No program has anything of ours to give back."""

    def notify_variables(self, config: ProgramConfig) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address} if config.ready == "notify" else {}

    def notify_socket(self) -> World:
        return self

    def release_notify_socket(self) -> None:
        pass

    # -- the notification socket and the reaper ----------------------------------------------------------

    def register(self, pid: int, first: Any, before: Any = None) -> None:
        if getattr(first, "__name__", "") == "_message":
            self.listeners[pid] = first
        else:
            self.reapers[pid] = first, before

    def forget(self, listener: Any) -> None:
        self.listeners = {pid: one for pid, one in self.listeners.items() if one != listener}

    def drain(self) -> None:
        pass

    def knows(self, _pid: int) -> bool:
        return True

    def blame(self, _status: int, _ours: bool) -> str:
        return ""

    def strangers(self, *, fresh: bool = False) -> list[int]:
        return []

    # -- what happens ------------------------------------------------------------------------------------

    def alive(self, run: Run) -> bool:
        return self.runs.get(run.name) is run

    def say(self, run: Run, message: bytes) -> None:
        if self.alive(run):
            run.said_ready = message == b"READY=1"
            self.listeners[run.pid](run.pid, parse(message))

    def end(self, run: Run, status: int) -> None:
        if not self.alive(run):
            return
        del self.runs[run.name]
        if status == 0 and not run.told and self.config(run.name).type == "oneshot":
            self.completed.add(run.name)
        reaped, before = self.reapers.pop(run.pid)
        if before is not None:
            before()
        reaped(status)

    def signal(self, pid: int, signum: int) -> bool:
        run = next((run for run in self.runs.values() if run.pid == pid), None)
        if run is None:
            return False
        # A sick one is stopped by itself, and what an operator stops goes its own way.
        if not run.told and not self.process(run).should_run and run.name not in self.supervisor.table.held:
            self.told.append((run.name, frozenset(self.runs)))
        run.told = True
        if signum == KILL:
            self.loop.call_soon(self.end, run, -signum)
        elif self.random.random() < 0.8:
            self.loop.call_later(self.random.choice([0.0, 0.0, 0.2, 4.0]), self.end, run, -signum)
        return True

    def changed(self, process: Process, _change: object) -> None:
        if process.state in RESTING and not (process.state == "EXITED" and process.expected):
            self.completed.discard(process.config.name)

    def checker(self, config: HealthCheckConfig, *_: object) -> Any:
        if config.type is HealthCheckType.NONE:
            return None
        name, what = self.checks[id(config)]

        async def check() -> HealthCheckResult:
            answer = self.kind or self.well.get((name, what), True)
            setattr(self.runs[name], what, answer)
            return HealthCheckResult(answer, "asked")

        return SimpleNamespace(check=check)

    # -- conditions --------------------------------------------------------------------------------------

    def process(self, run: Run) -> Process:
        return self.supervisor.processes[run.name]

    def config(self, name: str) -> ProgramConfig:
        return self.supervisor.processes[name].config

    def fulfils(self, name: str, condition: str) -> bool:
        config, run = self.config(name), self.runs.get(name)
        if config.type == "oneshot":
            return condition != "healthy" and name in self.completed and run is None
        if run is None or run.told or self.loop.time() < run.began + config.startsecs - 1e-9:
            return False
        if config.ready == "notify" and not run.said_ready and condition == "ready":
            return False
        if condition == "ready" and config.readiness.type is not HealthCheckType.NONE:
            return run.fit is True
        return run.well is True if condition == "healthy" else True

    def asked(self, process: Process) -> None:
        """Startup has a process at rest started: is everything that it needs so?"""
        for program, condition in process.config.depends_on:
            for name, other in self.supervisor.processes.items():
                if program_of(other.config) == program:
                    assert self.fulfils(name, condition), (process.config.name, name, condition)


@st.composite
def graphs(draw: st.DrawFn) -> list[ProgramConfig]:
    made: list[ProgramConfig] = []
    for number in range(draw(st.integers(1, 7))):
        needs = {}
        for other in draw(st.lists(st.sampled_from(made), max_size=3)) if made else ():
            words = ["started", "ready"]
            words += ["completed"] if other.type == "oneshot" else []
            words += ["healthy"] if other.healthcheck.type is not HealthCheckType.NONE else []
            needs[program_of(other)] = draw(st.sampled_from(words))
        oneshot = draw(st.booleans()) and draw(st.booleans())
        ready = "started" if oneshot else draw(st.sampled_from(["started", "notify", "check"]))
        asks = not oneshot and (ready == "check" or draw(st.booleans()))
        checked = not oneshot and draw(st.booleans())
        kind = {True: HealthCheckType.SCRIPT, False: HealthCheckType.NONE}
        more: dict[str, Any] = {
            "type": "oneshot" if oneshot else "simple",
            "depends_on": tuple(needs.items()),
            "ready": ready,
            "ready_timeout": draw(st.sampled_from([2.0, 20.0])),
            "readiness": HealthCheckConfig(kind[asks], command="x", interval=1, retries=1, start_period=0),
            "healthcheck": HealthCheckConfig(
                kind[checked],
                command="x",
                interval=1,
                retries=2,
                start_period=0,
                action=draw(st.sampled_from(["restart", "none"])),
            ),
            "startsecs": draw(st.sampled_from([0, 1])),
            "startretries": draw(st.integers(0, 2)),
            "priority": draw(st.sampled_from([1, 999])),
            "autostart": draw(st.integers(0, 4)) > 0,
            "autorestart": draw(st.sampled_from([True, True, "unexpected", False])),
            "stopwaitsecs": 3,
        }
        for copy in range(draw(st.sampled_from([1, 1, 2]))):
            own = {
                **more,
                "healthcheck": HealthCheckConfig(**vars_of(more["healthcheck"])),
                "readiness": HealthCheckConfig(**vars_of(more["readiness"])),
            }
            made.append(ProgramConfig(f"p{number}:{copy}", "x", program=f"p{number}", **own))
    return draw(st.permutations(made))


def vars_of(config: HealthCheckConfig) -> dict[str, Any]:
    names = ("type", "command", "interval", "retries", "start_period", "action")
    return {name: getattr(config, name) for name in names}


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signals, checks and time go to the world; what is logged goes nowhere."""
    real = Process.request_start

    def request_start(process: Process, trigger: str) -> None:
        if process.state in RESTING:
            Now.world.asked(process)
        real(process, trigger)

    for module, name, new in (
        (supervice.pid1.child, "signal_group", lambda pid, signum: Now.world.signal(pid, signum)),
        (supervice.pid1.child, "signal_process", lambda pid, signum: Now.world.signal(pid, signum)),
        (supervice.pid1.child, "group_is_empty", lambda _group: True),
        (supervice.pid1.child, "read_stat", lambda _pid: None),
        (supervice.health, "create_health_checker", lambda *args: Now.world.checker(*args)),
        (supervice.lean.loop, "time", SimpleNamespace(monotonic=lambda: Now.world.loop.now)),
        (startup, "time", SimpleNamespace(monotonic=lambda: Now.world.loop.now)),
        (Process, "request_start", request_start),
    ):
        monkeypatch.setattr(module, name, new)
    for level in ("debug", "info", "warning", "error"):
        monkeypatch.setattr(logger, level, lambda *_: None)
    yield
    Now.world = None


class Now:
    world: Any = None


def world(configs: list[ProgramConfig], random: Random) -> World:
    loop = VirtualLoop()
    loop.on_error = fail
    Now.world = SimpleNamespace(loop=loop)
    made = Now.world = World(loop, configs, random)
    return made


def fail(error: BaseException) -> None:
    Now.world.failures = [*getattr(Now.world, "failures", []), error]


async def disturb(it: World, steps: int) -> None:
    """Things happen to programs by themselves and by hand."""
    random, names = it.random, sorted(it.supervisor.processes)
    for _ in range(steps):
        await sleep(it.loop, random.choice([0.0, 0.0, 0.1, 1.0, 3.0]))
        name = random.choice(names)
        run = it.runs.get(name)
        what = random.choice(["kill", "well", "fit", "unready", "start", "stop", "restart", "reload"])
        if what == "kill" and run is not None:
            it.end(run, random.choice([0, 1, -9]))
        elif what in ("well", "fit"):
            it.well[name, what] = random.random() < 0.5
        elif what == "unready" and run is not None and it.config(name).ready == "notify":
            it.say(run, random.choice([b"STOPPING=1", b"READY=1"]))
        elif what in ("start", "stop", "restart"):
            request = {"command": what, "names": random.sample(names, min(len(names), random.randint(1, 3)))}
            it.loop.create_task(order(it, {**request, "timeout": 0}))
        elif what == "reload":
            it.supervisor.table.rebuild()


async def order(it: World, request: dict[str, Any]) -> None:
    from supervice.control.protocol import CommandError

    try:
        await it.commands.execute(request)
    except CommandError:
        pass  # did not get there, and said so


def is_there(process: Process) -> bool:
    if process.config.type == "oneshot":
        return process.state == "EXITED" and process.expected
    return process.state in UP and process.snapshot.ready


async def recover(it: World) -> None:
    """From here on all goes well: by hand everything can be had, and nothing waits for ever."""
    it.kind = True
    for run in list(it.runs.values()):
        if it.config(run.name).ready == "notify":
            it.say(run, b"READY=1")
    await sleep(it.loop, 200)
    waiting = [n for n, p in it.supervisor.processes.items() if it.supervisor.startup.is_waiting(p)]
    for name in waiting:  # only for what an operator has stopped
        held = it.supervisor.table.held | set(waiting)
        words = it.supervisor.startup.waiting_for(it.supervisor.processes[name])
        assert any(word.rpartition(":")[0] in held for word in words), (name, words)
    await order(it, {"command": "start", "names": sorted(it.supervisor.processes)})
    await sleep(it.loop, 200)
    assert [n for n, p in it.supervisor.processes.items() if not is_there(p)] == []
    assert it.supervisor.probes.ready()
    assert it.supervisor.probes.started()


async def shut_down(it: World) -> None:
    processes = it.supervisor.processes
    places = ranks(p.config for p in processes.values())
    it.supervisor.termination.request(Verdict(0, "the end"))
    it.told.clear()
    before = {run.name: run.told for run in it.runs.values()}
    await Shutdown(it.loop, processes.values(), 60, None).run()
    assert all(p.state in RESTING for p in processes.values())
    assert not it.runs
    for name, alive in it.told:
        behind = {other for other in alive if places[other] > places[name] and not before.get(other)}
        assert not behind, (name, behind)


@settings(max_examples=100, deadline=None)
@given(graphs(), st.integers(0, 2**32), st.integers(0, 25), st.booleans())
def test_nothing_starts_early_nothing_hangs_and_the_end_is_the_reverse(
    configs: list[ProgramConfig], seed: int, steps: int, settle: bool
) -> None:
    it = world(configs, Random(seed))

    async def story() -> None:
        it.supervisor.probes.begin()
        it.supervisor.startup.begin()
        await disturb(it, steps)
        if settle:
            await recover(it)
        await shut_down(it)
        await sleep(it.loop, 100)  # what was begun comes to its end
        assert not it.runs

    try:
        it.loop.run_until_complete(story())
    finally:
        it.loop.close()
    assert getattr(it, "failures", []) == []
