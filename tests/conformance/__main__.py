"""`python -m tests.conformance [--write FILE] [SCENARIO…]`: what users of supervisors complain of, tried out.

Every scenario is run against every supervisor that is here, each as PID 1 of a namespace of its own, without
knowing anything of the inside. What fails is run once more, alone. Exit code 1: supervice fails in one.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from tests.conformance import scenarios
from tests.conformance.supervisors import Supervisor, available
from tests.conformance.world import Cannot, World, Wrong

BEGIN = "<!-- tried: begin (written by `make conformance`) -->"
END = "<!-- tried: end -->"
# Outcomes; the reason stands below the table.
YES, NO, UNABLE, NOT_ITS_JOB = "yes", "no", "cannot", "-"
# As docs/signals-and-exit-codes.md says: Python starts first.
KNOWN = {("supervice by pip", "early_signal")}


def all_scenarios() -> dict[str, ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(scenarios.__path__)]
    return {name: importlib.import_module(f"{scenarios.__name__}.{name}") for name in names}


def outcome(one: Supervisor, scenario: ModuleType) -> tuple[str, str]:
    """(outcome, reason) of one scenario with one supervisor."""
    if not (scenario.SINGLE if one.single else scenario.MANY):
        return NOT_ITS_JOB, ""
    reason = ""
    for _ in range(2):  # a busy machine fails once, a supervisor twice
        with tempfile.TemporaryDirectory(prefix="cf") as folder:
            world = World(Path(folder), one.command, one.stop_signal)
            try:
                scenario.check(world)
                return YES, ""
            except Cannot as error:
                return UNABLE, str(error)
            except (Wrong, OSError) as error:
                reason = str(error)
            finally:
                world.end()
    return NO, reason


def table(
    found: dict[str, dict[str, tuple[str, str]]], have: list[Supervisor], missing: dict[str, str]
) -> str:
    """The results as Markdown."""
    titles = {name: module.TITLE for name, module in all_scenarios().items()}
    names = [one.name for one in have]
    versions = ", ".join(f"{one.name} {one.version()}" for one in have)
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, Linux {'.'.join(platform.release().split('.')[:2])}, {os.cpu_count()} cores. {versions}.",
        "",
    ]
    lines += ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    reasons: list[str] = []
    for scenario, row in found.items():
        cells = []
        for name in names:
            what, why = row[name]
            if why:
                reason = f"{name}: {why}"
                if reason not in reasons:
                    reasons.append(reason)
                what = f"{what} ({reasons.index(reason) + 1})"
            cells.append(what)
        lines.append(f"| {titles[scenario]} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "yes: it does. no: it was tried and fails. cannot: there is no way to tell it. -: not its job.",
        "",
    ]
    lines += [f"{number}. {reason}." for number, reason in enumerate(reasons, 1)]
    lines += ["", *(f"- {name} is left out: {why}." for name, why in missing.items())]
    return "\n".join(lines).rstrip() + "\n"


def write(path: Path, text: str) -> None:
    before, _, rest = path.read_text().partition(BEGIN)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--install", action="store_true", help="get what can be had first")
    parser.add_argument("--write", type=Path, help="the page whose table is written")
    parser.add_argument("--only", nargs="+", default=[], metavar="SUPERVISOR")
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
    have, missing = available(arguments.install)
    have = [one for one in have if not arguments.only or one.name in arguments.only]
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for name in arguments.scenarios or there:
        found[name] = {}
        for one in have:
            found[name][one.name] = outcome(one, there[name])
            what, why = found[name][one.name]
            print(f"conformance: {name:14} {one.name:22} {what} {why}".rstrip(), flush=True)
    if arguments.write:
        write(arguments.write, table(found, have, missing))
    ours = [one.name for one in have if one.name.startswith("supervice")]
    failed = {
        (name, scenario) for scenario, row in found.items() for name in ours if row[name][0] in (NO, UNABLE)
    }
    return 1 if failed - KNOWN else 0


if __name__ == "__main__":
    sys.exit(main())
