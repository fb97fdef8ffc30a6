"""How fast it answers to what happens: a crash, a storm of orphans, its stop signal, a crash loop."""

from __future__ import annotations

import os
import random
import signal
import time

from tests import procfs
from tests.benchmarks.peers import Peer, Program, Supervice
from tests.benchmarks.results import Results
from tests.benchmarks.session import Bench, Failed, Session, many

GROUPS = ("restart", "orphans", "stop", "crashloop")
SHORT = 1.5  # seconds after which a program counts as up
QUESTIONS = 5  # while programs crash


def restart(bench: Bench, peer: Peer, results: Results, count: int = 20, span: float = 5.0) -> None:
    """From SIGKILL for a program to its replacement's main(), each at a random time: a loop that polls has any phase."""
    with Session(bench, peer, lambda run: many(run, "up", count)) as run:
        pids = {one.name: one.pid for one in run.up(count)}
        time.sleep(2.5)
        killed: dict[str, int] = {}
        begin = time.monotonic()
        for when, name in sorted((random.uniform(0, span), name) for name in pids):
            time.sleep(max(0.0, begin + when - time.monotonic()))
            killed[name] = time.monotonic_ns()
            os.kill(pids[name], signal.SIGKILL)
        for one in run.up(2 * count, 15)[count:]:
            results.add("restart.ms", peer.name, (one.when - killed[one.name]) / 1e6)


def orphans(bench: Bench, peer: Peer, results: Results, count: int = 10_000) -> None:
    """As PID 1: so many orphans that end at once."""

    def program(run: Session) -> list[Program]:
        return [Program("p0", run.child("orphans", "p0", count))]

    with Session(bench, peer, program, pid1=True) as run:
        born = run.reports.wait("ready", 1, 60, run.alive)[0].values[0]
        if born < count:
            raise Failed(f"the machine lets a process have {born} of {count} children")
        cpu = procfs.cpu_seconds(run.pid)
        done = run.reports.wait("collected", 1, 40, run.alive)[0]
        if done.values[0]:
            raise Failed(f"{done.values[0]} were still there after 20 s")
        ended = run.reports.of("ended")[0].values
        last = run.reports.of("ended")[0].when
        assert not ended
        results.add("orphans.after", peer.name, (done.when - last) / 1e6)
        time.sleep(0.1)
        results.add("orphans.cpu", peer.name, 1000 * (procfs.cpu_seconds(run.pid) - cpu))


def stop(bench: Bench, peer: Peer, results: Results, count: int) -> None:
    """As PID 1: from its stop signal to the child's, and to its own end."""
    with Session(bench, peer, lambda run: many(run, "term", count), pid1=True) as run:
        run.up(count)
        time.sleep(SHORT + random.random())
        sent, gone = run.stop()
        run.reports.wait("term", count, 2)
        told = max(one.when for one in run.reports.of("term"))
        results.add(f"stop.told.{count}", peer.name, (told - sent) / 1e6)
        results.add(f"stop.gone.{count}", peer.name, (gone - sent) / 1e6)


def crash_loop(bench: Bench, peer: Peer, results: Results, count: int = 50, span: float = 5.0) -> None:
    """Programs that exit at once and are started again, one a second each where that can be configured."""
    with Session(bench, peer, lambda run: many(run, "die", count, startsecs=0, hot=True)) as run:
        run.up(2 * count)
        own = run.own()
        cpu, before, begin = sum(map(procfs.cpu_seconds, own)), len(run.reports.of("up")), time.monotonic()
        while time.monotonic() < begin + span:
            run.reports.take(0.05)
        while run.reports.take(0):
            pass
        took = time.monotonic() - begin
        spent = sum(map(procfs.cpu_seconds, own)) - cpu
        starts = len(run.reports.of("up")) - before
        if not starts:
            raise Failed("nothing was started again")
        results.add("crashloop.cpu", peer.name, 1000 * spent / starts)
        results.add("crashloop.rate", peer.name, starts / took)
        for _ in range(
            QUESTIONS if isinstance(peer, Supervice) else 0
        ):  # not before: a peer has none to answer
            run.reports.take(0.5)
            asked = run.time_command(peer.status(run.folder, run.programs))[0]
            results.add("crashloop.status", peer.name, asked)
