"""A rolling restart among fake processes: so many down at a time, and the first that fails ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.lean.loop import sleep
from supervice.lifecycle.states import BACKOFF, FATAL, RESTING, RUNNING, STARTING, STOPPED, STOPPING, UP
from supervice.models import HealthCheckConfig, ProgramConfig
from supervice.process import START_WAIT
from supervice.runner.overlap_attempts import CHECKED_WITHIN, Attempt
from supervice.supervision.rolling import Rolling
from supervice.supervision.table import ProcessTable
from tests.fakes.loop import VirtualLoop
from tests.fakes.process import FakeProcess

READY, LATE, NEVER, FAILS, STUCK = "ready", "late", "never", "fails", "stuck"


class Program(FakeProcess):
    """It stops and starts in a second each; what becomes of a start is decided before."""

    def __init__(self, config: ProgramConfig) -> None:
        super().__init__(config)
        self.world: World
        self.outcome = READY
        self.attempt: Attempt | None = None  # of a new process beside it

    def start_time(self) -> float:
        return 2.0

    def stop_time(self) -> float:
        return 3.0

    def request_restart(self, *, force: bool, trigger: str) -> Attempt | None:
        self.world.story.append(f"restart {self.config.name}{' by force' if force else ''}: {trigger}")
        if self.attempt is None:
            self.become(STOPPING)
            self.world.loop.call_later(1.0, self.begin)
        return self.attempt

    def begin(self) -> None:
        self.world.waiting.discard(self.config.name)
        self.become(STARTING)
        if self.outcome != STUCK:
            self.world.loop.call_later(1.0, self.come_up)

    def come_up(self) -> None:
        if self.outcome == FAILS:
            self.become(FATAL)
            return
        self.become(RUNNING, ready=self.outcome == READY)
        if self.outcome == LATE:
            self.world.loop.call_later(2.0, lambda: self.become(RUNNING))


class World:
    """The programs, and a `Startup` that takes down what it is asked and starts it."""

    plans = None

    def __init__(self, loop: VirtualLoop, configs: Iterable[ProgramConfig]) -> None:
        self.loop = loop
        self.story: list[str] = []
        self.over = False
        self.more_patience = 0.0
        self.patience_for: list[str] = []
        self.waiting: set[str] = set()  # names of those that wait for what they need, for three seconds
        self.table: Any = ProcessTable({}, Program)  # type: ignore[arg-type]
        self.table.replace(configs)
        self.programs: list[Any] = list(self.table.processes.values())
        self.most_down = 0
        for program in self.programs:
            program.world = self
            program.become(RUNNING)
            program.watch(lambda *_: self.count())

    def count(self) -> None:
        self.most_down = max(self.most_down, sum(not p.snapshot.ready for p in self.programs))

    def rolling(self, **options: Any) -> Any:
        startup: Any = self
        return Rolling(self.table, startup, lambda: self.over, **{"trigger": "operator: rolling", **options})

    # -- the startup -------------------------------------------------------------------------------------

    def request(self, processes: Iterable[Any], trigger: str, *, by_hand: bool = False) -> None:
        for process in processes:
            self.story.append(f"start {process.config.name}{' by hand' if by_hand else ''}: {trigger}")
            if process.config.name in self.waiting:
                self.loop.call_later(3.0, process.begin)
            else:
                process.begin()

    def patience(self, processes: Iterable[Any]) -> float:
        self.patience_for += [process.config.name for process in processes]
        return self.more_patience

    def watch(self, _watcher: Callable[[Any], object]) -> Callable[[], None]:
        return lambda: None

    def is_waiting(self, process: Any) -> bool:
        return process.config.name in self.waiting

    def why_left(self, _process: Any) -> str:
        return ""


def make(count: int, **config: Any) -> World:
    return World(
        VirtualLoop(), [ProgramConfig(f"web:{n}", "x", program="web", **config) for n in range(count)]
    )


def roll(world: World, rolling: Any, processes: list[Any] | None = None) -> float:
    """Returns how long it took."""
    begun = world.loop.time()
    world.loop.run_until_complete(rolling.run(world.programs if processes is None else processes))
    return world.loop.time() - begun


def restarted(world: World) -> list[str]:
    return [line.split()[1].rstrip(":") for line in world.story]


OUTCOMES = st.lists(st.sampled_from([READY, READY, READY, LATE, NEVER, FAILS]), min_size=1, max_size=7)


@given(OUTCOMES, st.integers(1, 3), st.booleans())
def test_no_more_than_a_batch_is_down_and_the_first_failure_ends_it(
    outcomes: list[str], batch: int, force: bool
) -> None:
    world = make(len(outcomes))
    for program, outcome in zip(world.programs, outcomes, strict=True):
        program.outcome = outcome
    rolling = world.rolling(batch=batch, force=force)
    roll(world, rolling)
    expected: dict[str, bool] = {}
    for at in range(0, len(outcomes), batch):
        part = {f"web:{n}": outcomes[n] in (READY, LATE) for n in range(at, min(at + batch, len(outcomes)))}
        expected.update(part)
        if not all(part.values()):
            break
    assert rolling.ready == expected
    assert rolling.failed == [name for name, ready in expected.items() if not ready]
    assert restarted(world) == list(expected)
    assert world.most_down <= batch
    assert all((" by force" in line) == force for line in world.story)
    assert world.table.rolling == {}
    world.loop.close()


def test_one_that_is_not_up_is_started_not_restarted() -> None:
    world = make(3)
    world.programs[1].become(STOPPED)
    world.programs[2].become(BACKOFF)
    rolling = world.rolling(by_hand=True)
    roll(world, rolling)
    assert world.story == [
        "restart web:0: operator: rolling",
        "start web:1 by hand: operator: rolling",
        "restart web:2: operator: rolling",
    ]
    assert rolling.ready == {"web:0": True, "web:1": True, "web:2": True}


def test_by_itself_it_does_not_start_for_an_operator() -> None:
    """What it needs and was stopped by hand stays so."""
    world = make(1)
    world.programs[0].become(STOPPED)
    roll(world, world.rolling())
    assert world.story == ["start web:0: operator: rolling"]


def test_what_an_operator_has_stopped_stays_so_unless_it_was_asked_for() -> None:
    for by_hand, expected in ((False, ["web:0", "web:2"]), (True, ["web:0", "web:1", "web:2"])):
        world = make(3)
        world.table.hold(["web:1"])
        world.programs[1].become(STOPPED)
        roll(world, world.rolling(by_hand=by_hand))
        assert restarted(world) == expected
        assert ("web:1" in world.table.held) is not by_hand


def test_what_a_reload_takes_away_or_replaces_is_left_alone() -> None:
    world = make(4)
    gone, replaced, leaving = world.programs[1:]
    world.table.remove("web:1")
    world.table.remove("web:2")
    world.table.add(replaced.config)
    world.table.leave([leaving.config.name])
    roll(world, world.rolling())
    assert restarted(world) == ["web:0"]
    assert (gone.state, replaced.state, leaving.state) == (RUNNING, RUNNING, RUNNING)


def test_the_end_of_the_container_ends_it() -> None:
    world = make(3)
    world.loop.call_later(1.5, lambda: setattr(world, "over", True))
    rolling = world.rolling()
    roll(world, rolling)
    assert restarted(world) == ["web:0"]
    assert rolling.failed == []


@pytest.mark.parametrize(
    ("force", "patience", "seconds"), [(False, 0.0, 10.0), (True, 0.0, 7.0), (False, 4.0, 14.0)]
)
def test_each_has_the_time_of_its_configuration(force: bool, patience: float, seconds: float) -> None:
    """A start, a stop unless it is killed, what it needs besides; then it has failed."""
    assert START_WAIT == 5.0
    world = make(1)
    world.more_patience = patience
    world.programs[0].outcome = NEVER
    rolling = world.rolling(force=force)
    assert roll(world, rolling) == pytest.approx(seconds)
    assert rolling.failed == ["web:0"]
    assert world.patience_for == ["web:0"]


@pytest.mark.parametrize("outcome", [NEVER, STUCK])
def test_those_of_a_batch_share_their_time(outcome: str) -> None:
    """One that does not come up, and one that is up and does not become ready."""
    world = make(2)
    world.loop.now = 100.0
    for program in world.programs:
        program.outcome = outcome
    rolling = world.rolling(batch=2)
    assert roll(world, rolling) == pytest.approx(10.0)
    assert rolling.failed == ["web:0", "web:1"]


def test_what_a_renewal_takes_is_part_of_that_time() -> None:
    world = make(1)
    world.programs[0].outcome = STUCK

    async def renew(processes: list[Any]) -> dict[str, str]:
        await sleep(world.loop, 9.5)
        processes[0].become(STOPPED).begin()
        return {}

    assert roll(world, world.rolling(renew=renew)) == pytest.approx(10.0)


def test_one_that_was_fatal_and_waits_for_what_it_needs_is_still_on_its_way() -> None:
    world = make(1)
    world.programs[0].become(FATAL)
    world.waiting = {"web:0"}
    rolling = world.rolling()
    assert roll(world, rolling) == pytest.approx(4.0)
    assert rolling.ready == {"web:0": True}


# -- a new process beside the old one --------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "ready"), [("", True), ("exit code 1", False)])
def test_whether_the_new_process_has_taken_over_is_known_when_that_is_settled(
    reason: str, ready: bool
) -> None:
    """The old one is ready all the time, which says nothing of the new one."""
    world = make(2)
    attempt = world.programs[0].attempt = Attempt()
    world.loop.now = 100.0
    world.loop.call_later(8.0, attempt.settle, reason)
    rolling = world.rolling()
    assert roll(world, rolling) == pytest.approx(8.0 + 2.0 * ready)
    assert rolling.kept == ({} if ready else {"web:0": "exit code 1"})
    assert rolling.ready == ({"web:0": True, "web:1": True} if ready else {"web:0": False})
    assert rolling.failed == ([] if ready else ["web:0"])


def test_it_has_the_time_of_its_readiness_check_besides() -> None:
    check = HealthCheckConfig(start_period=20)
    world = make(2, readiness=check)
    world.loop.now = 100.0
    world.programs[1].attempt = Attempt()
    rolling = world.rolling(batch=2)
    assert roll(world, rolling) == pytest.approx(10.0 + 20 + CHECKED_WITHIN)
    assert rolling.kept == {"web:1": "the new process is not ready yet"}
    assert rolling.ready == {"web:0": True, "web:1": False}


def test_who_was_kept_is_told_of_all_batches() -> None:
    """One that an operator stops meanwhile has failed nothing, and the others have their turn."""
    world = make(2)

    async def renew(processes: list[Any]) -> dict[str, str]:
        name = processes[0].config.name
        if name == "web:0":
            world.table.hold([name])
        return {name: f"why {name}"}

    rolling = world.rolling(renew=renew)
    roll(world, rolling)
    assert rolling.kept == {"web:0": "why web:0", "web:1": "why web:1"}
    assert rolling.ready == {"web:1": False}


# -- who else --------------------------------------------------------------------------------------------


def test_a_second_one_of_the_same_program_waits_for_the_first() -> None:
    world = make(2)
    first, second, third = world.rolling(trigger="1"), world.rolling(trigger="2"), world.rolling(trigger="3")

    async def all_of_them() -> None:
        tasks = [world.loop.create_task(one.run(world.programs)) for one in (first, second, third)]
        for task in tasks:
            await task

    world.loop.run_until_complete(all_of_them())
    assert world.most_down == 1
    assert [line[-1] for line in world.story] == ["1", "1", "2", "2", "3", "3"]
    assert world.table.rolling == {}


def test_another_program_does_not_wait() -> None:
    loop = VirtualLoop()
    world = World(loop, [ProgramConfig("a", "x"), ProgramConfig("b", "x")])

    async def both() -> None:
        tasks = [loop.create_task(world.rolling().run([program])) for program in world.programs]
        for task in tasks:
            await task

    loop.run_until_complete(both())
    assert world.most_down == 2
    assert loop.now < 3


def test_one_that_breaks_off_lets_the_next_begin() -> None:
    world = make(1)

    async def breaks(_processes: Any) -> None:
        raise RuntimeError("no more")

    async def both() -> None:
        first = world.loop.create_task(world.rolling(renew=breaks).run(world.programs))
        second = world.loop.create_task(world.rolling().run(world.programs))
        with pytest.raises(RuntimeError):
            await first
        await second

    world.loop.run_until_complete(both())
    assert restarted(world) == ["web:0"]


def test_who_renews_stops_and_starts_them() -> None:
    world = make(3)
    seen: list[list[str]] = []

    async def renew(processes: list[Any]) -> dict[str, str]:
        seen.append([process.config.name for process in processes])
        for process in processes:
            process.become(STOPPED)
            process.begin()
        if len(seen) == 2:
            world.table.hold(["web:2"])
        return {}

    rolling = world.rolling(batch=2, renew=renew)
    roll(world, rolling)
    assert seen == [["web:0", "web:1"], ["web:2"]]
    assert rolling.ready == {"web:0": True, "web:1": True}  # the last was stopped by an operator meanwhile
    assert world.story == []
    assert all(process.state in UP | RESTING | {STARTING} for process in world.programs)
