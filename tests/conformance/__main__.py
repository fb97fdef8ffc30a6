"""`python -m tests.conformance [--write FILE] [SCENARIO…]`: what users of supervisors complain of, tried out.

Every scenario is run against every supervisor that is here, each as PID 1 of a namespace of its own, without
knowing anything of the inside. What fails is run once more, with less beside it. Exit code 1: supervice fails in one.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from tests.conformance import scenarios
from tests.conformance.page import NO, NOT_ITS_JOB, UNABLE, YES, Found, render, write
from tests.conformance.supervisor import Supervisor
from tests.conformance.supervisors import available
from tests.conformance.world import Cannot, World, Wrong

# Where supervice fails, and the documents say so.
KNOWN = {
    ("supervice by pip", "early_signal"),  # docs/signals-and-exit-codes.md: Python starts first
    ("supervice", "quick_start"),  # docs/benchmarks.md: an interpreter starts first
    ("supervice by pip", "quick_start"),
    ("supervice -- COMMAND", "quick_start"),
    ("supervice", "small"),
    ("supervice by pip", "small"),
    ("supervice -- COMMAND", "small"),
}
# These are about milliseconds, or about memory, which two of one kind share: nothing else runs beside them.
ALONE = ("quick_start", "fast_again", "stop_fast", "early_signal", "small")


def all_scenarios() -> dict[str, ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(scenarios.__path__)]
    return {name: importlib.import_module(f"{scenarios.__name__}.{name}") for name in names}


def concerns(one: Supervisor, scenario: ModuleType) -> bool:
    if getattr(scenario, "TIMES", False):
        return one.times
    if one.single:
        return bool(scenario.SINGLE)
    return bool(scenario.MANY) and one.name != "supercronic"


def once(one: Supervisor, scenario: ModuleType) -> tuple[str, str]:
    """(outcome, reason) of one try of one scenario with one supervisor."""
    if not concerns(one, scenario):
        return NOT_ITS_JOB, ""
    with tempfile.TemporaryDirectory(prefix="cf", ignore_cleanup_errors=True) as folder:
        world = World(Path(folder), one)
        try:
            scenario.check(world)
        except Cannot as error:
            return UNABLE, str(error)
        except (Wrong, OSError, ValueError) as error:
            return NO, str(error)
        finally:
            world.end()
    return YES, ""


def outcome(one: Supervisor, scenario: ModuleType) -> tuple[str, str]:
    """A busy machine fails once, a supervisor twice."""
    found = once(one, scenario)
    return once(one, scenario) if found[0] == NO else found


def try_all(have: list[Supervisor], wanted: dict[str, ModuleType], workers: int) -> Found:
    """All of them, side by side where time does not matter; what fails once more, with half as many beside it."""
    found: Found = {name: {} for name in wanted}
    todo = [(name, one) for name in wanted for one in have]
    for count in (workers, max(1, workers // 2)):
        beside = [pair for pair in todo if pair[0] not in ALONE]
        alone = [pair for pair in todo if pair[0] in ALONE]
        for pairs, width in ((beside, count), (alone, 1)):
            with ThreadPoolExecutor(width) as pool:
                results = pool.map(lambda pair: once(pair[1], wanted[pair[0]]), pairs)
                for (name, one), (what, why) in zip(pairs, results, strict=True):
                    found[name][one.name] = what, why
                    if what != NOT_ITS_JOB:
                        print(f"conformance: {name:18} {one.name:20} {what} {why}".rstrip(), flush=True)
        todo = [(name, one) for name, one in todo if found[name][one.name][0] == NO]
    return found


def merged(path: Path, found: Found, there: dict[str, ModuleType]) -> Found:
    """What was found now over what is kept in the file, which has both then."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    every = {
        name: {**{who: (what, why) for who, (what, why) in kept.get(name, {}).items()}, **found.get(name, {})}
        for name in there
    }
    every = {name: row for name, row in every.items() if row}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(every, indent=1))
    return every


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--install", action="store_true", help="get what can be had first")
    parser.add_argument("--write", type=Path, help="the page whose tables are written")
    parser.add_argument(
        "--json", type=Path, help="keep the results; those that are not tried now stay as they are"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="SUPERVISOR")
    parser.add_argument("--workers", type=int, default=4, help="so many at a time (default: 4)")
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(all_scenarios())}; all by default")
    arguments = parser.parse_args()
    there = all_scenarios()
    if unknown := set(arguments.scenarios) - set(there):
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}; there are {', '.join(there)}")
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    if (
        shutil.which("unshare") is None
        or subprocess.run(unshare, capture_output=True, check=False).returncode != 0
    ):
        print("conformance: it takes a PID namespace: root and unshare", file=sys.stderr)
        return 2
    every, missing = available(arguments.install)
    have = [one for one in every if not arguments.only or one.name in arguments.only]
    wanted = {name: there[name] for name in arguments.scenarios or there}
    found = try_all(have, wanted, arguments.workers)
    if arguments.json:
        found = merged(arguments.json, found, there)
    if arguments.write:
        shown = [one for one in every if any(one.name in row for row in found.values())]
        write(arguments.write, render(found, there, shown, missing))
    failed = {
        (name, scenario)
        for scenario, row in found.items()
        for name, (what, _why) in row.items()
        if name.startswith("supervice") and what in (NO, UNABLE)
    }
    for name, scenario in sorted(failed - KNOWN):
        print(f"conformance: {name} fails: {there[scenario].TITLE}", file=sys.stderr)
    return 1 if failed - KNOWN else 0


if __name__ == "__main__":
    sys.exit(main())
