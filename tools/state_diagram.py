# ruff: noqa: E501  (tables, and the lines of a page)
"""docs/state-machine.md out of the state machine: `python -m tools.state_diagram docs/state-machine.md`.

Asks `transition` for everything: each state in every shape that matters, each input, each policy. Not
imported by the daemon. Tests check that the page is fresh, and that CASES leaves out no change of state.
"""

from __future__ import annotations

import sys
from functools import cache
from itertools import product

from supervice.lean.builtin import signal
from supervice.lean.dataclasses import replace
from supervice.lifecycle import states as s
from supervice.lifecycle.transition import transition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervice.lifecycle.states import Effect, Input, Policy, Snapshot

    Change = tuple[str, str, str]  # shape, name of the input, state reached

PID = 7
LONG, SHORT = 60.0, 2.0  # seconds that a child ran
USUAL = s.Policy()
NOTIFY = s.Policy(waits_for_ready=True, ready_timeout=30.0)
SCHEDULED = s.Policy(oneshot=True, scheduled=True)

# The shapes of a state: STARTING answers differently while the spawn is under way.
STOPPED, EXITED, FATAL, BACKOFF = (s.Snapshot(state) for state in (s.STOPPED, s.EXITED, s.FATAL, s.BACKOFF))
BACKOFF = replace(BACKOFF, should_run=True, failures=1, reason="exit code 1")
SPAWNING = s.Snapshot(s.STARTING, should_run=True)
STARTING = replace(SPAWNING, run=s.Run(PID))
STARTED = replace(SPAWNING, run=s.Run(PID, started=True))
RUNNING = s.Snapshot(s.RUNNING, should_run=True, run=s.Run(PID, started=True, ready=True))
FAILING = replace(RUNNING, run=s.Run(PID, started=True, ready=True, health_failures=2))
UNHEALTHY = replace(
    RUNNING, state=s.UNHEALTHY, run=s.Run(PID, started=True, ready=True, healthy=False, health_failures=3)
)
STOPPING = s.Snapshot(s.STOPPING, run=s.Run(PID, started=True), stop=s.Stop())
PRE_STOP = replace(STOPPING, stop=s.Stop(step=s.PRE_STOP))
RESTARTING = replace(STOPPING, should_run=True)
CURING = replace(RESTARTING, stop=s.Stop(s.SICK), health_restarts=1)
OVERDUE = replace(RESTARTING, stop=s.Stop(s.OVERDUE), reason="took longer than 60 s")
LATE = replace(RESTARTING, stop=s.Stop(s.UNREADY), reason="not ready within 30 s")
SHAPES = {
    "STOPPED": STOPPED,
    "STARTING, being spawned": SPAWNING,
    "STARTING": STARTING,
    "RUNNING": RUNNING,
    "UNHEALTHY": UNHEALTHY,
    "BACKOFF": BACKOFF,
    "STOPPING": STOPPING,
    "EXITED": EXITED,
    "FATAL": FATAL,
}
INPUTS: tuple[tuple[str, tuple[Input, ...]], ...] = (
    ("StartRequested", (s.StartRequested(),)),
    ("StopRequested", (s.StopRequested(), s.StopRequested(force=True), s.StopRequested(within=1.0))),
    ("RestartRequested", (s.RestartRequested(), s.RestartRequested(force=True))),
    ("Spawned", (s.Spawned(PID),)),
    ("SpawnFailed", (s.SpawnFailed("no such file"), s.SpawnFailed("no such user", permanent=True))),
    (
        "ChildExited",
        tuple(s.ChildExited(pid, code, ran) for pid, code, ran in product((PID, 8), (0, 1), (LONG, SHORT))),
    ),
    ("TimerElapsed", (s.TimerElapsed(),)),
    ("RunExpired", (s.RunExpired("took longer than 60 s"),)),
    ("BecameReady", (s.BecameReady(PID), s.BecameReady(8))),
    ("LostReady", (s.LostReady(PID),)),
    ("ReadinessChecked", (s.ReadinessChecked(PID, True), s.ReadinessChecked(PID, False))),
    ("TimeExtended", (s.TimeExtended(PID, 60.0, 1.0),)),
    ("LeaderChanged", (s.LeaderChanged(PID, PID),)),
    ("PreStopDone", (s.PreStopDone(1.0),)),
    (
        "HealthChecked",
        (s.HealthChecked(PID, True), s.HealthChecked(PID, False), s.HealthChecked(PID, False, counts=False)),
    ),
    ("MemoryChecked", (s.MemoryChecked(PID, True), s.MemoryChecked(PID, False))),
)


def shape_of(now: Snapshot) -> str:
    """The row of the matrix that a snapshot belongs to."""
    return "STARTING, being spawned" if now.state == s.STARTING and now.run is None else now.state


def snapshots() -> Iterator[Snapshot]:
    """Each shape with every counter at a value below and at its limit, and with each wish that it can have."""
    for shape in (*SHAPES.values(), STARTED, FAILING, PRE_STOP, CURING, LATE, OVERDUE):
        wishes = (True, False) if shape is SPAWNING or shape.stop else (shape.should_run,)
        for wish, failures, quick, restarts in product(wishes, (0, 3), (0, 1), (0, 1, 4)):
            now = replace(shape, should_run=wish, failures=failures, quick_deaths=quick)
            yield replace(now, health_restarts=restarts)
    yield replace(STARTING, run=s.Run(PID, said_ready=True))


def policies() -> Iterator[Policy]:
    for again, expected, startsecs, kind, cure in product(
        (True, False), (True, False), (0, 1), range(4), (True, False)
    ):
        policy = s.Policy(
            autorestart=again,
            restart_when_expected=expected,
            startsecs=startsecs,
            oneshot=kind in (1, 3),
            scheduled=kind == 3,
            waits_for_ready=kind == 2,
            ready_timeout=30.0,
            asks_ready=kind == 2 and cure,
            pre_stop=expected,
            health_restarts=cure,
        )
        yield policy
        if cure and expected:
            yield replace(policy, restart_limit=(0, 60.0))


@cache
def survey() -> tuple[set[Change], set[tuple[str, str, str]]]:
    """Every change of shape that the machine can make, and every step (from, to, input) that it announces."""
    changes: set[Change] = set()
    steps: set[tuple[str, str, str]] = set()
    every = tuple(policies())
    for now in snapshots():
        for name, events in INPUTS:
            for event in events:
                for policy in every:
                    after, effects = transition(now, event, policy)
                    if shape_of(after) != shape_of(now) or after.pid != now.pid:
                        changes.add((shape_of(now), name, shape_of(after)))
                    for effect in effects:
                        if isinstance(effect, s.Announce):
                            steps.add((effect.from_state, effect.to_state, name))
    return changes, steps


# What happens, in words: (shape, input, policy, the situation).
# fmt: off
CASES: tuple[tuple[Snapshot, Input, Policy, str], ...] = (
    (STOPPED, s.StartRequested(), USUAL, "also from EXITED and FATAL; old failures are forgiven"),
    (STOPPED, s.RestartRequested(), USUAL, "a restart of what is at rest is a start"),
    (EXITED, s.StartRequested(), USUAL, ""),
    (EXITED, s.RestartRequested(), USUAL, ""),
    (EXITED, s.StopRequested(), USUAL, "an operator has stopped it"),
    (FATAL, s.StartRequested(), USUAL, ""),
    (FATAL, s.RestartRequested(), USUAL, ""),
    (FATAL, s.StopRequested(), USUAL, ""),
    (SPAWNING, s.Spawned(PID), USUAL, "the program runs"),
    (SPAWNING, s.Spawned(PID), s.Policy(startsecs=0), "`startsecs = 0`"),
    (replace(SPAWNING, should_run=False), s.Spawned(PID), USUAL, "a stop landed while the spawn was under way"),
    (SPAWNING, s.SpawnFailed("not found"), USUAL, "retries are left"),
    (replace(SPAWNING, failures=3), s.SpawnFailed("not found"), USUAL, "the last retry"),
    (SPAWNING, s.SpawnFailed("no such user", permanent=True), USUAL, "trying again cannot help"),
    (replace(SPAWNING, should_run=False), s.SpawnFailed("not found"), USUAL, "a stop had landed"),
    (STARTING, s.TimerElapsed(), USUAL, "alive for `startsecs`"),
    (SPAWNING, s.Spawned(PID), NOTIFY, "with `ready`"),
    (STARTING, s.TimerElapsed(), NOTIFY, "alive for `startsecs`, `ready = notify`, `ready_timeout = 30`"),
    (STARTED, s.BecameReady(PID), NOTIFY, "it waited for that"),
    (STARTED, s.TimerElapsed(), NOTIFY, "not ready within `ready_timeout`: stopped, then a failed start"),
    (STARTED, s.TimeExtended(PID, 60.0, 10.0), NOTIFY, "it asked for more time (EXTEND_TIMEOUT_USEC)"),
    (STARTING, s.ChildExited(PID, 1, SHORT), USUAL, "died before it was up; retries are left"),
    (replace(STARTING, failures=3), s.ChildExited(PID, 1, SHORT), USUAL, "the last retry"),
    (STARTING, s.ChildExited(PID, 0, SHORT), s.Policy(oneshot=True), "a oneshot is done"),
    (STARTING, s.ChildExited(PID, 1, SHORT), SCHEDULED, "a run of a schedule has failed, the next one comes"),
    (SPAWNING, s.SpawnFailed("no such user", permanent=True), SCHEDULED, "the same"),
    (STARTING, s.RunExpired("took longer than 60 s"), SCHEDULED, "`schedule_timeout`, or `schedule_overlap = restart`"),
    (STARTING, s.StopRequested(), USUAL, ""),
    (STARTING, s.RestartRequested(), USUAL, "started again when it has ended"),
    (RUNNING, s.StopRequested(), USUAL, ""),
    (RUNNING, s.StopRequested(force=True), USUAL, "by force"),
    (RUNNING, s.RestartRequested(), USUAL, "started again when it has ended"),
    (RUNNING, s.ChildExited(PID, 1, LONG), USUAL, "`autorestart`"),
    (RUNNING, s.ChildExited(PID, 1, SHORT), USUAL, "soon after its start, for the first time"),
    (replace(RUNNING, quick_deaths=1), s.ChildExited(PID, 1, SHORT), USUAL, "again, within 10 s of the last restart"),
    (RUNNING, s.ChildExited(PID, 0, LONG), s.Policy(restart_when_expected=False), "`autorestart = unexpected`"),
    (RUNNING, s.ChildExited(PID, 1, LONG), s.Policy(autorestart=False), "`autorestart = false`"),
    (RUNNING, s.ChildExited(PID, 1, LONG), s.Policy(restart_limit=(0, 60.0)), "more restarts than `restart_limit`"),
    (RUNNING, s.StopRequested(), s.Policy(pre_stop=True), "`pre_stop`"),
    (RUNNING, s.ReadinessChecked(PID, False), s.Policy(asks_ready=True), "a failed readiness check makes it not ready, nothing else"),
    (RUNNING, s.LeaderChanged(PID, 8), USUAL, "the child has ended, the MAINPID that it named goes on"),
    (RUNNING, s.HealthChecked(PID, False, "no ping", at_once=True), USUAL, "a missed watchdog ping"),
    (RUNNING, s.HealthChecked(PID, False, "refused"), USUAL, "fewer than `healthcheck_retries` in a row"),
    (
        FAILING,
        s.HealthChecked(PID, False, "refused"),
        USUAL,
        "the last of `healthcheck_retries`: stopped for a restart",
    ),
    (
        FAILING,
        s.HealthChecked(PID, False, "refused"),
        s.Policy(health_restarts=False),
        "the same where health only reports",
    ),
    (RUNNING, s.MemoryChecked(PID, True, "600 MiB"), USUAL, "above `memory_limit` twice in a row"),
    (RUNNING, s.MemoryChecked(PID, True, "600 MiB", restarts=False), USUAL, "the same with `memory_limit_action = none`"),
    (UNHEALTHY, s.MemoryChecked(PID, True, "600 MiB"), s.Policy(health_restarts=False), "the same while a check fails, or when its turn has come (`rolling`)"),
    (UNHEALTHY, s.HealthChecked(PID, True), s.Policy(health_restarts=False), "a check passed"),
    (UNHEALTHY, s.StopRequested(), USUAL, ""),
    (UNHEALTHY, s.RestartRequested(), USUAL, ""),
    (UNHEALTHY, s.ChildExited(PID, 1, LONG), USUAL, "as from RUNNING"),
    (replace(UNHEALTHY, quick_deaths=1), s.ChildExited(PID, 1, SHORT), USUAL, "as from RUNNING"),
    (UNHEALTHY, s.ChildExited(PID, 1, LONG), s.Policy(autorestart=False), "as from RUNNING"),
    (UNHEALTHY, s.ChildExited(PID, 1, LONG), s.Policy(restart_limit=(0, 60.0)), "as from RUNNING"),
    (BACKOFF, s.TimerElapsed(), USUAL, "the wait is over"),
    (BACKOFF, s.StartRequested(), USUAL, "at once; old failures are forgiven"),
    (BACKOFF, s.RestartRequested(), USUAL, "at once"),
    (BACKOFF, s.StopRequested(), USUAL, "there is nothing to wait for"),
    (STOPPING, s.ChildExited(PID, -15, LONG), USUAL, "the end of a stop"),
    (RESTARTING, s.ChildExited(PID, -15, LONG), USUAL, "the middle of a restart"),
    (CURING, s.ChildExited(PID, -15, LONG), USUAL, "a restart for bad health waits"),
    (
        replace(CURING, health_restarts=4),
        s.ChildExited(PID, -15, LONG),
        USUAL,
        "more of those than `startretries` without a passed check between them",
    ),
    (PRE_STOP, s.PreStopDone(1.0), s.Policy(pre_stop=True), "the command has ended, after 1 s"),
    (PRE_STOP, s.TimerElapsed(), s.Policy(pre_stop=True), "the command used up its half of the wait"),
    (LATE, s.ChildExited(PID, -15, LONG), USUAL, "the end of a start that was not ready in time"),
    (OVERDUE, s.ChildExited(PID, -15, LONG), SCHEDULED, "the end of a run that had to end"),
    (STOPPING, s.TimeExtended(PID, 60.0, 10.0), USUAL, "it asked for more time, and no shutdown is under way"),
    (STOPPING, s.TimerElapsed(), USUAL, "the stop signal was not enough; a ladder would go on with its next step"),
    (STOPPING, s.StopRequested(force=True), USUAL, "no more patience"),
    (STOPPING, s.StartRequested(), USUAL, "started again when it has ended"),
)
# fmt: on


def words(effect: Effect) -> str:
    """An effect as the table shows it."""
    if isinstance(effect, s.SignalGroup):
        return "SIGKILL" if effect.signum == signal.SIGKILL else "stop signal"
    if isinstance(effect, s.SetTimer):
        return f"timer {'at least ' if effect.at_least else ''}{effect.seconds:g} s" + (
            f" ± {effect.jitter:.0%}" if effect.jitter else ""
        )
    return {
        s.Spawn: "spawn",
        s.ClearTimer: "clear timer",
        s.StartHealthChecks: "begin health checks",
        s.StopHealthChecks: "end health checks",
        s.StartReadiness: "look for readiness",
        s.StopReadiness: "look no more for readiness",
        s.RunPreStop: "run `pre_stop`",
        s.EndPreStop: "kill `pre_stop`",
    }[type(effect)]


def _case(now: Snapshot, event: Input, policy: Policy, text: str) -> str:
    _, effects = transition(now, event, policy)
    path = [now.state, *(e.to_state for e in effects if isinstance(e, s.Announce))]
    done = ", ".join(words(e) for e in effects if not isinstance(e, s.Announce))
    there = " → ".join(path[1:]) or "(stays)"
    return f"| {shape_of(now)} | {type(event).__name__} | {text} | {there} | {done} |"


def diagram() -> str:
    """The states and what leads from one to the other, as mermaid."""
    labels: dict[tuple[str, str], list[str]] = {}
    order = [name for name, _ in INPUTS]
    for before, after, name in sorted(survey()[1], key=lambda step: order.index(step[2])):
        labels.setdefault((before, after), []).append(name)
    lines = ["stateDiagram-v2", "    [*] --> STOPPED"]
    for (before, after), names in sorted(
        labels.items(), key=lambda item: [s.STATES.index(x) for x in item[0]]
    ):
        lines.append(f"    {before} --> {after}: {', '.join(names)}")
    return "\n".join(lines)


def matrix() -> str:
    """Shape by input: the shapes that can be next."""
    changes = survey()[0]
    head = ["", *(name for name, _ in INPUTS)]
    lines = [head, ["---"] * len(head)]
    shapes = list(SHAPES)
    for shape in shapes:
        row = [f"**{shape}**"]
        for name, _ in INPUTS:
            found = {after for before, by, after in changes if (before, by) == (shape, name)}
            row.append("<br>".join(sorted(found, key=shapes.index)) or "·")
        lines.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def page() -> str:
    return f"""# The state machine of a process

<!-- Generated by `python -m tools.state_diagram docs/state-machine.md` from
supervice/lifecycle/transition.py. -->

One pure function decides about a process: `transition(snapshot, input, policy) -> (snapshot, effects)`. Everything
here was asked of it. Every state answers every input. An input that came too late changes nothing: one that speaks
of a pid which is not the present one, or a timer that is no longer waited for.

STOPPED, EXITED and FATAL are at rest: no child, and only a request leads out of them.

```mermaid
{diagram()}
```

An arrow is one announced change; one input can make two at once (a crash of a program that is started again:
RUNNING → EXITED → STARTING).

## What can be next

Rows are where a process is, columns what happens or is asked. A cell has every place where it can be afterwards,
over all configurations; `·`: it always stays where it is. The name of a place is its state; "being spawned" is
STARTING before the pid is known.

{matrix()}

## Case by case

With the defaults (`startsecs = 1`, `startretries = 3`, `backoff = 1`, `stopsignal = TERM`, `stopwaitsecs = 10`) where
nothing else is said. Effects are performed in this order, after the new state is in place.

| in | input | when | goes to | effects |
|---|---|---|---|---|
{chr(10).join(_case(*case) for case in CASES)}
"""


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(page())
