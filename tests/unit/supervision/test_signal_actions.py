"""Which signal does what: a stop, a reload, new log files, a program's own business; and what a second one means."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from supervice import logger
from supervice.lifecycle.exit_policy import Verdict
from supervice.models import ProgramConfig
from supervice.pid1.leftovers import zombie_children
from supervice.supervision import signal_actions as module
from supervice.supervision.signal_actions import FORWARDABLE, HARMLESS, SAME, SignalActions
from supervice.supervision.table import ProcessTable
from tests.fakes.loop import VirtualLoop
from tests.fakes.process import FakeProcess

TERM, INT, QUIT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP
USR1, USR2, WINCH, CHLD = signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCHLD


class Router:
    """In place of the handlers: a signal comes when the test sends it."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.handlers: dict[int, tuple[Callable[[int], object], bool]] = {}
        self.released: set[int] = set()
        self.reaps: Any = None
        self.drained = 0
        self.closed = self.restored = False

    def handle(self, signum: int, handler: Callable[[int], object], *, every: bool = False) -> None:
        self.handlers[signum] = handler, every

    def release(self, signum: int) -> None:
        self.handlers.pop(signum, None)
        self.released.add(signum)

    def reap_with(self, reap: Any) -> None:
        self.reaps = reap

    def drain(self) -> None:
        self.drained += 1

    def close(self, *, restore: bool) -> None:
        self.closed = True
        self.restored = restore


class Sweep:
    """In place of the search for orphans."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts
        self.closed = False

    def poll(self) -> None: ...

    def close(self) -> None:
        self.closed = True


class Program(FakeProcess):
    def __init__(self, config: ProgramConfig) -> None:
        super().__init__(config)
        self.got: list[tuple[int, str]] = []

    def signal(self, signum: int, *, trigger: str) -> None:
        self.got.append((signum, trigger))


class World:
    """Signal actions on a clock that is set by hand, and what they have asked for."""

    def __init__(self, *configs: ProgramConfig, daemon: bool = True) -> None:
        self.loop = VirtualLoop()
        self.loop.now = 100.0
        self.asked: list[Any] = []
        self.refused: Exception | None = None
        self.table: Any = ProcessTable({}, Program)  # type: ignore[arg-type]
        self.table.replace(configs)
        self.reaper = SimpleNamespace(poll=lambda: None)
        runtime: Any = SimpleNamespace(reaper=self.reaper)
        termination: Any = SimpleNamespace(
            request_by_signal=self.stop, force=lambda why: self.asked.append(("force", why))
        )
        self.actions: Any = SignalActions(
            self.loop,
            self.table,
            termination,
            runtime,
            daemon=daemon,
            reload=self.reload,
            reopen=lambda: self.asked.append("reopen"),
        )

    def stop(self, signum: int, why: Verdict) -> None:
        self.asked.append(("stop", signum, why))
        self.loop.now += 5  # a turn that takes long: what comes during it is seen after it

    async def reload(self) -> None:
        self.asked.append("reload")
        if self.refused is not None:
            raise self.refused

    def send(self, signum: int) -> None:
        handler, _every = self.actions._router.handlers[signum]
        handler(signum)

    def turns(self) -> None:
        async def nothing() -> None: ...

        self.loop.run_until_complete(nothing())

    def words(self) -> list[str]:
        return [f"{one[0]} {one[1]}" if one[0] == "stop" else f"force {one[1].code}" for one in self.asked]


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    for level in ("debug", "info", "warning", "error"):
        monkeypatch.setattr(logger, level, lines.append)
    monkeypatch.setattr(module, "SignalRouter", Router)
    monkeypatch.setattr(module, "OrphanSweep", Sweep)
    monkeypatch.setattr(module, "is_pid1", lambda: False)
    return lines


def one(name: str, **more: Any) -> ProgramConfig:
    return ProgramConfig(name, "x", **more)


# -- a stop ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signum", [TERM, INT, QUIT])
def test_the_first_stops_in_order_and_ends_well(signum: signal.Signals) -> None:
    world = World()
    world.send(signum)
    assert world.asked == [("stop", signum, Verdict(0, f"{signum.name} received"))]


@pytest.mark.parametrize(
    ("second", "later", "asked"),
    [
        (TERM, SAME / 2, ["stop 15"]),
        (TERM, SAME, ["stop 15", "force 143"]),
        (TERM, SAME * 1.1, ["stop 15", "force 143"]),
        (INT, SAME / 2, ["stop 15", "force 130"]),
    ],
)
def test_the_same_signal_at_once_is_the_first(second: int, later: float, asked: list[str]) -> None:
    world = World()
    world.loop.now = -5.0  # `stop` makes it 0, so that the sum is exact
    world.send(TERM)
    world.loop.now += later
    world.send(second)
    assert world.words() == asked


def test_the_second_kills_and_says_which_it_was(said: list[str]) -> None:
    world = World()
    world.send(TERM)
    world.send(TERM)
    assert said == ["SIGTERM received again at once: taken for the same"]
    world.send(INT)
    assert world.asked[1:] == [("force", Verdict(130, "forced by a second signal, SIGINT"))]


def test_a_burst_that_goes_on_ends_by_force() -> None:
    world = World()
    for _ in range(1000):
        world.send(TERM)
        world.loop.now += 0.001
    assert world.words()[:2] == ["stop 15", "force 143"]


# -- what goes to programs -------------------------------------------------------------------------------


def test_a_program_gets_the_signal_that_it_wants_and_is_told_why() -> None:
    world = World(
        one("web", forward_signals=((USR1, HUP),)), one("db", forward_signals=((USR1, USR1),)), one("x")
    )
    world.send(USR1)
    web, db, other = world.table.processes.values()
    assert web.got == [(HUP, "signal to supervice: SIGUSR1")]
    assert db.got == [(USR1, "signal to supervice: SIGUSR1")]
    assert other.got == []
    assert world.asked == []


def test_a_stop_signal_that_is_forwarded_stops_too() -> None:
    world = World(one("web", forward_signals=((TERM, QUIT),)))
    world.send(TERM)
    assert world.table.processes["web"].got == [(QUIT, "signal to supervice: SIGTERM")]
    assert world.words() == ["stop 15"]


def test_main_gets_all_that_is_not_ours_by_itself() -> None:
    """TERM, INT and QUIT stop and HUP reloads, unless it wants them; its own words count before the rest."""
    table = module.forwards(
        World(one("main", main=True, forward_signals=((HUP, HUP), (USR1, WINCH)))).table.processes.values()
    )
    given = {received: [delivered for _, delivered in wanted] for received, wanted in table.items()}
    expected = {int(s): [int(s)] for s in FORWARDABLE - {TERM, INT, QUIT}}
    assert given == {**expected, USR1: [WINCH]}
    plain = module.forwards(World(one("main", main=True)).table.processes.values())
    assert HUP not in plain
    assert {USR2, WINCH} <= plain.keys()
    assert not {CHLD, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE} & plain.keys()


def test_each_is_counted_where_a_program_wants_it() -> None:
    """Two that come at once are two; of those that we understand one is enough."""
    world = World(one("web", forward_signals=((USR1, USR1), (HUP, HUP))))
    every = {signum for signum, (_, every) in world.actions._router.handlers.items() if every}
    assert every == {USR1, HUP}


def test_a_reload_gives_and_takes_signals() -> None:
    world = World(one("web"), daemon=False)
    assert USR1 not in world.actions._router.handlers
    world.table.processes["web"].config = one("web", forward_signals=((USR1, USR1), (HUP, HUP)))
    world.table.rebuild()
    world.send(USR1)
    world.send(HUP)
    assert len(world.table.processes["web"].got) == 2
    world.table.processes["web"].config = one("web")
    world.table.rebuild()
    assert USR1 in world.actions._router.released
    assert USR1 not in world.actions._router.handlers
    world.send(HUP)
    world.turns()
    assert world.asked == ["reload"]
    assert len(world.table.processes["web"].got) == 2


# -- what is ours ----------------------------------------------------------------------------------------


def test_hup_reloads_and_usr2_opens_the_log_files_anew(said: list[str]) -> None:
    world = World()
    world.send(HUP)
    world.send(USR2)
    world.turns()
    assert sorted(world.asked) == ["reload", "reopen"]
    assert said == ["SIGHUP received: reloading the configuration"]


@pytest.mark.parametrize(
    "error", [ValueError("web.conf:1: no"), FileNotFoundError(2, "not there", "web.conf")]
)
def test_a_reload_that_is_refused_is_said(
    said: list[str], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[Exception] = []
    monkeypatch.setattr(module, "say_refused", refused.append)
    world = World()
    world.refused = error
    world.send(HUP)
    world.turns()
    assert refused == [error]


def test_a_daemon_is_ended_by_no_signal_that_no_program_wants(said: list[str]) -> None:
    world = World()
    left_alone = {s for s in FORWARDABLE if s not in world.actions._router.handlers}
    assert left_alone == HARMLESS & FORWARDABLE
    world.send(USR1)
    assert said == ["SIGUSR1 received: no program wants it"]
    assert world.asked == []


def test_an_application_keeps_what_is_its_own() -> None:
    world = World(daemon=False)
    assert world.actions._router.handlers.keys() == {TERM, INT, QUIT, HUP, USR2}


# -- children --------------------------------------------------------------------------------------------


def test_a_daemon_collects_every_child() -> None:
    world = World()
    assert world.actions._router.reaps is world.reaper.poll
    world.actions.close()
    assert world.actions._router.closed
    assert not world.actions._router.restored, "it is about to exit, and a second TERM must not end it"


def test_an_application_that_is_pid_1_collects_orphans_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(daemon=False).actions._router.reaps is None
    monkeypatch.setattr(module, "is_pid1", lambda: True)
    world = World(daemon=False)
    sweep = world.actions._sweep
    assert sweep.parts == (world.loop, zombie_children, world.reaper)
    assert world.actions._router.reaps == sweep.poll
    world.actions.close()
    assert sweep.closed
    assert world.actions._router.restored


# -- its life --------------------------------------------------------------------------------------------


def test_it_hears_of_changes_until_it_is_closed_and_acts_on_what_has_come() -> None:
    world = World()
    assert world.actions._router.loop is world.loop
    assert world.table._observers == (world.actions,)
    world.actions.catch_up()
    assert world.actions._router.drained == 1
    world.actions.close()
    assert world.table._observers == ()


def test_outside_of_the_main_thread_signals_are_the_applications(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_loop: Any) -> None:
        raise ValueError("signal only works in main thread")

    monkeypatch.setattr(module, "SignalRouter", refuse)
    world = World(one("web"), daemon=False)
    assert world.table._observers == ()
    world.actions.rebuild()
    world.actions.catch_up()
    world.actions.close()
