"""`python -m tests.benchmarks [GROUP…]`: measures supervice beside its peers and writes docs/benchmarks.md.

Every run measures every peer once, one after the other, so that what else happens on the machine meets all of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks import copying, crowd, goals, graph, install, populations, reactions, report
from tests.benchmarks.peers import NAMES, BareCopy, Peer, Supervice, SuperviceImage
from tests.benchmarks.results import Results
from tests.benchmarks.session import Bench, Failed, end_everything

GROUPS = (*populations.GROUPS, *graph.GROUPS, *reactions.GROUPS, *crowd.GROUPS, *copying.GROUPS)
BEFORE = ("supervice-before", "supervice-before-single")
DEFAULT = [name for name in NAMES if name not in ("pm2", *BEFORE)]
Step = tuple[str, str, Callable[[], None]]


def steps(bench: Bench, peer: Peer, groups: set[str], results: Results, first: bool) -> Iterator[Step]:
    """(group, what, do) for one run of one peer."""
    if isinstance(peer, BareCopy):
        yield from _to_files(bench, peer, groups, results)
        return
    if peer.groups is not None:
        groups = groups & peer.groups
    wanted = groups & set(populations.GROUPS)
    for count in (1, 10, 100, 1000) if wanted else ():
        if not populations.applies(peer, count) or not wanted & populations.measured_at(peer, count):
            continue
        yield (
            "start" if "start" in wanted else min(wanted),
            f"{count} programs",
            partial(populations.population, bench, peer, count, wanted, results, first),
        )
    if "memory" in groups and not peer.init and peer.writes_files and not isinstance(peer, SuperviceImage):
        yield (
            "memory",
            "100 programs that log",
            lambda: populations.logging_population(bench, peer, 100, results),
        )
    if "graph" in groups and type(peer) is Supervice:
        yield "graph", "1000 programs in 10 levels", lambda: graph.starts(bench, peer, 1000, results)
    if "crowd" in groups and type(peer) is Supervice and os.geteuid() == 0:
        yield "crowd", "status among 900 clients", lambda: crowd.readers(bench, peer, results)
        yield "crowd", "restart of 4,000", lambda: crowd.restart_all(bench, peer, results)
    yield from _reactions(bench, peer, groups, results, first)
    yield from _copying(bench, peer, groups, results, first)


def _reactions(bench: Bench, peer: Peer, groups: set[str], results: Results, first: bool) -> Iterator[Step]:
    if isinstance(peer, SuperviceImage):
        return
    # Twenty kills are a sample already; who waits seconds for each need not do so in every run.
    if "restart" in groups and not peer.init and (first or peer.name in ("supervice", "runit")):
        yield "restart", "crash to replacement", lambda: reactions.restart(bench, peer, results)
    if "orphans" in groups and peer.reaps and bench.namespaces and bench.compiled:
        # Who gets the kernel's lock on the list of processes is a lottery: more draws.
        for _ in range(3):
            yield "orphans", "10,000 orphans", lambda: reactions.orphans(bench, peer, results)
    # runit's ends the namespace before its children have their signal, circus asks every 5 s.
    if "stop" in groups and bench.namespaces and peer.name not in ("runit", "circus", "pm2"):
        for count in (1,) if peer.init else (1, 100):
            yield "stop", f"stop of {count}", partial(reactions.stop, bench, peer, results, count)
    if "crashloop" in groups and peer.name in ("supervice", "supervisord", "s6", "runit"):
        yield "crashloop", "crash loop", lambda: reactions.crash_loop(bench, peer, results)


def _copying(bench: Bench, peer: Peer, groups: set[str], results: Results, first: bool) -> Iterator[Step]:
    if peer.init or isinstance(peer, SuperviceImage):
        return
    if first or not peer.slow_copy:
        yield from _to_files(bench, peer, groups, results)
    if "stdout" in groups and peer.copies and bench.compiled and (first or not peer.slow_copy):
        yield "stdout", "output to stdout", lambda: copying.to_stdout(bench, peer, results)


def _to_files(bench: Bench, peer: Peer, groups: set[str], results: Results) -> Iterator[Step]:
    if "file" in groups:
        yield "file", "output to a file", lambda: copying.to_file(bench, peer, results)
    if "small" in groups:
        yield "small", "writes of 120 bytes", lambda: copying.small_writes(bench, peer, results)


def measure(bench: Bench, peers: list[Peer], groups: set[str], runs: int, results: Results) -> None:
    begin = time.monotonic()
    for run in range(runs):
        for peer in peers:
            for group, what, do in steps(bench, peer, groups, results, run == 0):
                at = time.monotonic()
                try:
                    do()
                except (Failed, OSError, AssertionError) as error:
                    results.failures[f"{group} of {peer.name}, {what}"] = str(error).splitlines()[0][:160]
                end_everything()
                took = time.monotonic() - at
                print(
                    f"{at - begin:6.0f} s  run {run + 1}  {peer.name:<16} {what:<24} {took:5.1f} s",
                    flush=True,
                )


def left_out(bench: Bench, missing: dict[str, str], groups: set[str]) -> dict[str, str]:
    found = {f"peer {name}": why for name, why in missing.items()}
    if not bench.compiled:
        found["orphans, stdout"] = "they need a C compiler, and there is none"
        found["memory"] = "too low, because children in Python share pages with supervisors in Python"
    if not bench.namespaces and groups & {"orphans", "stop"}:
        found["orphans, stop"] = "they need a PID namespace: root and unshare"
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all by default")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--peers", nargs="+", choices=NAMES, default=DEFAULT, help="pm2 is there only when asked for"
    )
    parser.add_argument("--before", metavar="COMMIT", help="measure this commit too, beside the checkout")
    parser.add_argument("--install", action="store_true", help="get what can be had first")
    parser.add_argument(
        "--json", type=Path, help="keep the values; rows that are not measured now stay as they are"
    )
    parser.add_argument("--write", type=Path, help="the page whose tables are written")
    args = parser.parse_args()
    if unknown := set(args.groups) - set(GROUPS):
        parser.error(f"there is no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    groups = set(args.groups or GROUPS)
    results = Results()
    if args.json and args.json.exists() and args.groups:
        results.load(args.json)
        results.forget(args.groups)
    names = [*args.peers, *BEFORE] if args.before else args.peers
    peers, missing = install.get(names, args.install, args.before or "")
    bench = Bench()
    try:
        results.failures.update(left_out(bench, missing, groups))
        versions = {peer.name: peer.version() for peer in peers}
        results.facts["about"] = report.about(versions, args.runs)
        print(results.facts["about"], flush=True)
        measure(bench, peers, groups, args.runs, results)
    finally:
        end_everything()
        bench.close()
    goals.derive(results)
    if args.json:
        results.save(args.json)
    if args.write:
        report.write(args.write, results)
    print("\n" + report.render(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
