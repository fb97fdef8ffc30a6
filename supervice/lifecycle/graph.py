"""The dependency graph: what `depends_on` means, as values.

A program names others, each with a condition. `problems` finds what is wrong with that, `ranks` and `levels`
give the order of starting (and, reversed, of stopping), and `Gates` tracks which conditions hold. The name of
a program stands for all of its processes: a condition holds when it holds for each of them.
"""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass
from supervice.lifecycle.states import EXITED, UP
from supervice.models import HealthCheckType, group_priority, program_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from supervice.lifecycle.states import Snapshot
    from supervice.models import ProgramConfig

    Needs = Mapping[str, Sequence[tuple[str, str]]]
    Rank = tuple[int, int, int]

STARTED = "started"
READY = "ready"
HEALTHY = "healthy"
COMPLETED = "completed"
CONDITIONS = (STARTED, READY, HEALTHY, COMPLETED)

# The main program is started after all others, whatever their priority.
LAST = 2**31

_DONE = frozenset({STARTED, READY, COMPLETED})
_NOTHING: frozenset[str] = frozenset()


def conditions_met(snapshot: Snapshot, *, oneshot: bool, expected: bool) -> frozenset[str]:
    """Returns the conditions that a process fulfils. A completed oneshot fulfils all but `healthy`."""
    if snapshot.state in UP:
        met = {STARTED}
        if snapshot.ready:
            met.add(READY)
        if snapshot.healthy is True:
            met.add(HEALTHY)
        return frozenset(met)
    return _DONE if oneshot and expected and snapshot.state == EXITED else _NOTHING


def is_unchecked(config: ProgramConfig) -> bool:
    """Returns whether no check and no watchdog ever says that it is healthy."""
    return config.healthcheck.type is HealthCheckType.NONE and not config.watchdog


# -- faults of a graph -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A fault of the graph; `program` is the one whose `depends_on` has to change."""

    program: str
    message: str


def problems(
    needs: Needs,
    *,
    unchecked: Collection[str] = (),
    not_oneshot: Collection[str] = (),
    guess: Callable[[str, Iterable[str]], str] = lambda word, known: "",
) -> list[Fault]:
    """Returns everything that can never work.

    `unchecked` programs have no health check; `guess(word, known)` returns a hint for a misspelt name.
    """
    found = []
    for program, pairs in needs.items():
        for name, condition in pairs:
            if name not in needs:
                found.append(Fault(program, f"there is no program {name!r}{guess(name, needs)}"))
            elif condition not in CONDITIONS:
                words = f"{', '.join(CONDITIONS[:-1])} or {CONDITIONS[-1]}"
                found.append(Fault(program, f"{name}:{condition}: unknown condition; write {words}"))
            elif condition == HEALTHY and name in unchecked:
                message = f"{name}:healthy never holds: {name} has no health check; add one there"
                found.append(Fault(program, message))
            elif condition == COMPLETED and name in not_oneshot:
                message = f"{name}:completed never holds: {name} is no oneshot; set type = oneshot there"
                found.append(Fault(program, message))
    for path in cycles(needs):
        cycle = " -> ".join(path)
        found.append(Fault(path[0], f"{cycle} is a cycle, none of these can be first; remove one of them"))
    return found


def cycles(needs: Needs) -> list[list[str]]:
    """Returns each path that leads back to its beginning: `[a, b, a]` when a needs b and b needs a."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in needs:
        if start in done:
            continue
        path: list[str] = [start]
        position = {start: 0}
        todo: list[Iterator[tuple[str, str]]] = [iter(needs[start])]
        while todo:
            for name, _ in todo[-1]:
                if name in position:
                    found.append([*path[position[name] :], name])
                elif name in needs and name not in done:
                    position[name] = len(path)
                    path.append(name)
                    todo.append(iter(needs[name]))
                    break
            else:
                todo.pop()
                over = path.pop()
                del position[over]
                done.add(over)
    return found


# -- order -----------------------------------------------------------------------------------------------


def start_order(config: ProgramConfig) -> tuple[int, int]:
    """Returns the order by priority: lower starts earlier and stops later, dependencies aside."""
    if config.main:
        return LAST, config.priority
    return group_priority(config), config.priority


def ranks(configs: Iterable[ProgramConfig]) -> dict[str, Rank]:
    """Returns the rank of each process: its priority's, or right after what it needs, if that is later."""
    of_program: dict[str, list[ProgramConfig]] = {}
    needs: dict[str, dict[str, None]] = {}
    for config in configs:
        program = program_of(config)
        of_program.setdefault(program, []).append(config)
        needs.setdefault(program, {}).update((name, None) for name, _ in config.depends_on)
    found: dict[str, Rank] = {}
    top: dict[str, Rank] = {}
    for program in _needed_first(needs):
        for config in of_program[program]:
            rank = (*start_order(config), 0)
            behind = [top[name] for name, _ in config.depends_on if name in top]
            if behind:
                group, priority, depth = max(behind)
                rank = max(rank, (group, priority, depth + 1))
            found[config.name] = rank
        top[program] = max(found[config.name] for config in of_program[program])
    return found


def levels(configs: Iterable[ProgramConfig]) -> list[list[str]]:
    """Returns the processes that start together, level by level. Reversed it is the order of stopping."""
    by_rank: dict[Rank, list[str]] = {}
    for name, rank in ranks(configs).items():
        by_rank.setdefault(rank, []).append(name)
    return [by_rank[rank] for rank in sorted(by_rank)]


def _needed_first(needs: Mapping[str, Mapping[str, None]]) -> list[str]:
    """Returns each program after all that it needs; programs of a cycle (no checked graph has one) last."""
    left = {program: sum(name in needs for name in names) for program, names in needs.items()}
    dependents: dict[str, list[str]] = {}
    for program, names in needs.items():
        for name in names:
            dependents.setdefault(name, []).append(program)
    order = [program for program, count in left.items() if not count]
    for program in order:  # grows while it is walked
        for dependent in dependents.get(program, ()):
            left[dependent] -= 1
            if not left[dependent]:
                order.append(dependent)
    return order if len(order) == len(needs) else [*order, *(p for p in needs if left[p])]


def related(
    names: Iterable[str], old: Iterable[ProgramConfig], new: Iterable[ProgramConfig]
) -> list[list[str]]:
    """Returns the named processes in parts that are independent of each other.

    Processes belong to one part when they are of one program, or of programs of which one needs the other,
    before or after the reload, directly or through others.
    """
    of_program: dict[str, list[str]] = {}
    needs: dict[str, set[str]] = {}
    chosen = set(names)
    for config in (*old, *new):
        program = program_of(config)
        needs.setdefault(program, set()).update(name for name, _ in config.depends_on)
        if config.name in chosen:
            chosen.discard(config.name)
            of_program.setdefault(program, []).append(config.name)
    part = {program: [program] for program in of_program}
    for program in of_program:
        seen = {program}
        todo = [program]
        while todo:
            for name in needs.get(todo.pop(), set()) - seen:
                seen.add(name)
                todo.append(name)
                if name in part and part[name] is not part[program]:
                    part[program] += part[name]
                    for moved in part[name]:
                        part[moved] = part[program]
    parts = {id(programs): programs for programs in part.values()}
    return [[name for program in programs for name in of_program[program]] for programs in parts.values()]


# -- conditions ------------------------------------------------------------------------------------------


class Gates:
    """Tracks which conditions hold and which processes may start.

    It counts what is missing, so that a change costs no more than what it changes.
    """

    def __init__(self, configs: Iterable[ProgramConfig]) -> None:
        self._program: dict[str, str] = {}
        self._needs: dict[str, tuple[tuple[str, str], ...]] = {}
        members: dict[str, set[str]] = {}
        for config in configs:
            program = program_of(config)
            self._program[config.name] = program
            members.setdefault(program, set()).add(config.name)
            if config.depends_on:
                self._needs[config.name] = config.depends_on
        self._members = {program: sorted(names) for program, names in members.items()}
        # For each condition that is needed: the processes that lack it, and those that need it.
        self._missing: dict[str, dict[str, set[str]]] = {}
        self._dependents: dict[tuple[str, str], list[str]] = {}
        self._unmet: dict[str, int] = {}
        for process, pairs in self._needs.items():
            for name, condition in pairs:
                missing = self._missing.setdefault(name, {})
                if condition not in missing:
                    missing[condition] = set(members.get(name, ()))
                self._dependents.setdefault((name, condition), []).append(process)
            self._unmet[process] = len(pairs)

    def note(self, process: str, met: frozenset[str]) -> list[str]:
        """Notes what a process fulfils now; returns the processes for which this was the last condition."""
        opened: list[str] = []
        program = self._program.get(process, "")
        for condition, missing in self._missing.get(program, {}).items():
            if (condition in met) is (process not in missing):
                continue
            dependents = self._dependents[program, condition]
            if condition in met:
                missing.discard(process)
                if not missing:
                    for name in dependents:
                        self._unmet[name] -= 1
                        if not self._unmet[name]:
                            opened.append(name)
            else:
                if not missing:
                    for name in dependents:
                        self._unmet[name] += 1
                missing.add(process)
        return opened

    def is_needed(self, process: str) -> bool:
        """Returns whether the start of any process depends on it."""
        return self._program.get(process) in self._missing

    def may_start(self, process: str) -> bool:
        return not self._unmet.get(process)

    def unmet(self, process: str) -> list[tuple[str, str]]:
        """Returns the processes that this one waits for, each with its condition."""
        return [
            (name, condition)
            for program, condition in self._needs.get(process, ())
            for name in sorted(self._missing[program][condition])
        ]

    def needed_by(self, process: str) -> list[tuple[str, str]]:
        """Returns the processes that need this one, each with its condition."""
        program = self._program.get(process, "")
        return [
            (name, condition)
            for condition in self._missing.get(program, ())
            for name in self._dependents[program, condition]
        ]

    def above(self, process: str) -> list[str]:
        """Returns all processes that this one depends on, directly or not, in any state."""
        return [
            name for program, _ in self._needs.get(process, ()) for name in self._members.get(program, ())
        ]
