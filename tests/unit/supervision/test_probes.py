"""Live, ready, started and the numbers; what was first started when; waiting for conditions (no children)."""

from __future__ import annotations

import os
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.api.endpoints import Endpoints
from supervice.api.metrics import Own, escape, metrics_text
from supervice.http.access import Access
from supervice.http.messages import Request, Response
from supervice.lean.loop import Loop
from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RUNNING,
    STARTING,
    STATES,
    STOPPED,
    STOPPING,
    UNHEALTHY,
)
from supervice.models import HealthCheckConfig, HealthCheckType, ProgramConfig
from supervice.supervision.conditions import WANTED, UntilAll
from supervice.supervision.probes import Probes
from supervice.supervision.start_record import StartRecord
from supervice.supervision.table import ProcessTable
from tests.fakes.process import FakeProcess

LIVE = (STARTING, RUNNING, UNHEALTHY, STOPPING)
CHECK = HealthCheckConfig(HealthCheckType.SCRIPT, command="true")


class Program(FakeProcess):
    def __init__(self, name: str, **config: Any) -> None:
        super().__init__(ProgramConfig(name, "x", **config))


class Startup:
    """Who waits, who was left, and who wants to know."""

    def __init__(self) -> None:
        self.left: dict[str, str] = {}
        self.plans = None
        self.watchers: list[Any] = []

    def watch(self, watcher: Any) -> Any:
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)

    def why_left(self, process: Program) -> str:
        return self.left.get(process.config.name, "")

    def waiting_for(self, _process: Program) -> list[str]:
        return []


def table(*programs: Program) -> ProcessTable:
    made = ProcessTable({}, lambda config: next(p for p in programs if p.config is config))  # type: ignore[arg-type, return-value]
    made.replace(program.config for program in programs)
    return made


def probes(*programs: Program) -> Any:
    made: Any = Probes(table(*programs))
    made.begin()
    return made


# -- the rules -------------------------------------------------------------------------------------------


def test_live_unless_unhealthy_or_what_matters_has_failed() -> None:
    plain, main, critical = Program("p"), Program("m", main=True), Program("c", critical=True)
    it = probes(plain, main, critical)
    assert it.live()
    assert probes(plain.become(FATAL)).live()
    plain.become(UNHEALTHY)
    assert not it.live()
    plain.become(RUNNING)
    assert it.live()
    main.become(FATAL)
    assert not it.live()
    main.become(EXITED)
    critical.become(FATAL)
    assert not it.live()


def test_ready_when_all_that_start_by_themselves_are_ready_or_completed() -> None:
    web, job, hand = Program("web"), Program("job", type="oneshot"), Program("hand", autostart=False)
    it = probes(web, job, hand)
    assert not it.ready()
    web.become(RUNNING)
    assert not it.ready()
    job.become(EXITED)
    assert it.ready()
    job.expected = False
    assert not it.ready()
    job.expected = True
    web.become(RUNNING, ready=False)
    assert not it.ready()
    web.become(STOPPED)
    assert not it.ready()
    web.become(RUNNING)
    it.shutting_down("the end")
    assert not it.ready()
    assert it.live()


def test_the_command_counts_from_the_beginning() -> None:
    web, command = Program("web").become(RUNNING), Program("main", autostart=False)
    command.foreground = ["sh"]
    it = probes(web, command)
    assert not it.ready()
    assert not it.started()
    command.become(RUNNING)
    it.changed(command, None)
    assert it.ready()
    assert it.started()


def test_started_once_it_was_ready_though_no_probe_looked() -> None:
    web, job = Program("web"), Program("job", type="oneshot")
    it = probes(web, job)
    it.changed(job.become(EXITED), None)
    assert not it.started()
    it.changed(web.become(RUNNING), None)
    it.changed(web.become(BACKOFF), None)
    assert it.started()
    assert not it.ready()


def test_what_a_reload_takes_away_is_not_awaited() -> None:
    web, bad = Program("web"), Program("bad")
    it = probes(web, bad)
    it.changed(web.become(RUNNING), None)
    assert not it.started()
    it._table.remove("bad")
    it.rebuild()
    assert it.started()


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(STATES)), max_size=30))
def test_started_is_whether_ready_was_ever_true(moves: list[tuple[int, str]]) -> None:
    programs = [Program(f"p{n}", type="oneshot" if n == 3 else "simple", autostart=n > 0) for n in range(4)]
    it = probes(*programs)
    ever = it.ready()
    for number, state in moves:
        it.changed(programs[number].become(state), None)
        ever = ever or it.ready()
        assert it.started() is ever


# -- waiting ---------------------------------------------------------------------------------------------


def in_loop(coro: Coroutine[Any, Any, Any]) -> Any:
    loop = Loop()
    try:
        return loop.run_until_complete(coro)
    finally:
        loop.close()


def wait_for(
    wanted: str, programs: list[Program], *moves: Any, startup: Startup | None = None, seconds: float = 5.0
) -> list[bool]:
    """Who is there at the end; each move is done in a turn of its own."""
    it: Any = table(*programs)
    queue = startup or Startup()

    async def main() -> list[bool]:
        from supervice.lean.loop import running_loop

        until: Any = UntilAll(it, queue, programs, WANTED[wanted])  # type: ignore[arg-type]
        todo = list(moves)

        def move() -> None:
            if todo:
                todo.pop(0)()
                running_loop().call_soon(move)

        running_loop().call_soon(move)
        await until.wait(seconds)
        assert queue.watchers == []
        assert it._observers == ()
        return [until.has(p) for p in programs]

    found: list[bool] = in_loop(main())
    return found


def test_running_is_not_ready_and_ready_is_not_healthy() -> None:
    web = Program("web", healthcheck=CHECK).become(RUNNING, ready=False)
    assert wait_for("running", [web]) == [True]
    assert wait_for("ready", [web], lambda: web.become(RUNNING)) == [True]
    assert wait_for("healthy", [web], lambda: web.become(RUNNING, healthy=True)) == [True]
    web.become(RUNNING, ready=False)
    assert wait_for("ready", [web], seconds=0) == [False]
    assert wait_for("healthy", [web.become(RUNNING, healthy=False)], seconds=0) == [False]
    assert wait_for("healthy", [Program("unchecked").become(RUNNING)], seconds=0) == [True]


def test_all_of_them_at_the_same_moment() -> None:
    a, b = Program("a"), Program("b")
    moves = [lambda: a.become(RUNNING), lambda: a.become(BACKOFF), lambda: b.become(RUNNING)]
    assert wait_for("running", [a, b], *moves, seconds=0.05) == [False, True]
    a.become(STOPPED), b.become(STOPPED)
    assert wait_for("running", [a, b], *moves, lambda: a.become(RUNNING)) == [True, True]


def test_a_completed_oneshot_is_all_that_it_can_be() -> None:
    job = Program("job", type="oneshot").become(EXITED)
    assert [wait_for(word, [job], seconds=0) for word in WANTED] == [[True]] * 3


def test_one_that_has_failed_for_good_ends_the_waiting() -> None:
    a, b = Program("a"), Program("b")
    assert wait_for("running", [a, b], lambda: a.become(FATAL), seconds=60) == [False, False]
    assert wait_for("running", [a, b], seconds=60) == [False, False]
    startup = Startup()
    startup.left["b"] = "needs a:started, but a is FATAL"
    assert wait_for("ready", [b], startup=startup, seconds=60) == [False]


# -- the record of starts -------------------------------------------------------------------------------------------


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_start_of_each_and_no_other() -> None:
    clock = Clock()
    db, web = Program("db", healthcheck=CHECK), Program("web", depends_on=(("db", "healthy"),))
    late, gone = Program("late", type="oneshot"), Program("gone")
    it = table(web, db, late, gone, Program("never"))
    record = StartRecord(it, clock)
    record.begin()
    record.asked("db")
    record.asked("web")
    record.begun()

    def at(moment: float, program: Program, state: str, **more: Any) -> None:
        clock.now = 100 + moment
        record.changed(program.become(state, **more), None)  # type: ignore[arg-type]

    at(1, db, STARTING)
    at(2, db, BACKOFF)
    at(3, db, STARTING)
    at(4, db, RUNNING)
    at(5, db, RUNNING, healthy=True)
    record.released("web", "db")
    at(6, web, STARTING)
    at(7, web, RUNNING, ready=False)
    at(8, web, RUNNING)
    at(9, db, BACKOFF)
    at(10, db, RUNNING, healthy=True)
    record.released("web", "other")
    record.asked("late")
    at(11, late, STARTING)
    at(12, late, EXITED)
    record.asked("gone")
    it.remove("gone")
    record.rebuild()
    it.add(gone.config)  # another process by that name
    clock.now = 120
    report = record.report(Startup())  # type: ignore[arg-type]
    assert report["elapsed"] == 20
    rows = {row.pop("name"): row for row in report["processes"]}
    assert list(rows) == ["web", "db", "late"]
    keys = ("asked", "began", "up", "ready", "completed", "healthy", "failed", "released_by", "later")
    assert [rows["db"][k] for k in keys] == [0, 1, 4, 4, None, 5, None, None, False]
    assert [rows["web"][k] for k in keys] == [0, 6, 7, 8, None, None, None, "db", False]
    assert [rows["late"][k] for k in keys] == [10, 11, None, None, 12, None, None, None, True]
    assert rows["web"]["waited_for"] == ["db:healthy"]


def test_a_failure_is_the_end_of_the_first_start() -> None:
    clock = Clock()
    job = Program("job", type="oneshot")
    record = StartRecord(table(job), clock)
    record.begin()
    record.asked("job")
    for state in (STARTING, FATAL, STARTING, EXITED):
        clock.now += 1
        record.changed(job.become(state), None)  # type: ignore[arg-type]
    (row,) = record.report(Startup())["processes"]  # type: ignore[arg-type]
    assert (row["began"], row["failed"], row["completed"]) == (1, 2, None)


# -- the numbers -----------------------------------------------------------------------------------------


def samples(text: str) -> dict[str, float]:
    """By name and labels; and a look at the form: each family once, described before its samples."""
    assert text.endswith("\n# EOF\n")
    found: dict[str, float] = {}
    families: dict[str, str] = {}
    for line in text.split("\n")[:-2]:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in families
            families[family] = kind
        elif not line.startswith("#"):
            sample, _, value = line.rpartition(" ")
            name = sample.partition("{")[0]
            last, kind = list(families.items())[-1]
            assert name == last + {"counter": "_total", "info": "_info"}.get(kind, "")
            assert sample not in found
            found[sample] = float(value)
    return found


def test_the_numbers() -> None:
    web = Program("web", group="front").become(RUNNING, healthy=False)
    web.uptime, web.restarts = 12.3456, 2
    web.output = SimpleNamespace(dropped_lines=3, lost_bytes=99)
    web.exits = (SimpleNamespace(status=1), SimpleNamespace(status=-9))
    off = Program("off", autostart=False)
    used = {
        "web": {
            "cpu_seconds": 1.5,
            "memory": 4096,
            "memory_estimated": True,
            "processes": 2,
            "open_files": None,
        },
        "off": None,
    }
    container = {"memory": 8192, "limit": None, "oom_kills": 3}
    text = metrics_text([web, off], probes(web, off), Own(), used=used, container=container)  # type: ignore[list-item]
    found = samples(text)
    assert found["supervice_container_memory_bytes"] == 8192
    assert found["supervice_container_oom_kills_total"] == 3
    assert "supervice_container_memory_limit_bytes" not in found  # what is not known has no sample
    mine = '{name="web",group="front"}'
    assert {k.removesuffix(mine): v for k, v in found.items() if k.endswith(mine)} == {
        "supervice_process_up": 1,
        "supervice_process_ready": 1,
        "supervice_process_healthy": 0,
        "supervice_process_uptime_seconds": 12.346,
        "supervice_process_restarts_total": 2,
        "supervice_process_last_exit_code": 137,
        "supervice_process_dropped_lines_total": 3,
        "supervice_process_lost_bytes_total": 99,
        "supervice_process_oom_kills_total": 0,
        "supervice_process_cpu_seconds_total": 1.5,
        "supervice_process_memory_bytes": 4096,
        "supervice_process_memory_estimated": 1,
        "supervice_process_processes": 2,
    }
    assert sum(v for k, v in found.items() if k.startswith("supervice_process_state{") and "web" in k) == 1
    assert found['supervice_process_state{name="web",group="front",supervice_process_state="RUNNING"}'] == 1
    assert 'supervice_process_ready{name="off",group="off"}' not in found
    assert found["supervice_ready"] == found["supervice_live"] == 1
    assert 1e6 < found["process_resident_memory_bytes"] < 1e9
    assert found["process_open_fds"] == pytest.approx(len(os.listdir("/proc/self/fd")), abs=3)
    assert 0 < found["process_cpu_seconds_total"] < 10_000


@given(st.text())
def test_a_label_may_hold_anything(name: str) -> None:
    written = escape(name)
    assert "\n" not in written
    out, rest = "", iter(written)
    for c in rest:  # as the specification reads it
        assert c != '"'
        out += {"n": "\n", "\\": "\\", '"': '"'}[next(rest)] if c == "\\" else c
    assert out == name


# -- the endpoints ---------------------------------------------------------------------------------------


class NoPage:
    """Where everything that is no probe goes."""

    def answer(self, request: Request, access: Access) -> Response:
        return Response(404, b"the page")


def endpoints(*programs: Program, stopping: bool = False) -> Endpoints:
    it = probes(*programs)
    if stopping:
        it.shutting_down("the end")
    termination: Any = SimpleNamespace(stopping=stopping)
    return Endpoints(None, it._table, Startup(), it, termination, NoPage)  # type: ignore[arg-type]


def answered(it: Endpoints, request: Request) -> Response:
    answer = it.answer(request)
    if isinstance(answer, Response):
        return answer
    coming = answer

    async def wait() -> Response:
        return await coming

    loop = Loop()
    try:
        got = loop.run_until_complete(wait())
    finally:
        loop.close()
    assert isinstance(got, Response)
    return got


def get(it: Endpoints, target: str, method: str = "GET") -> tuple[int, str]:
    response = answered(it, Request(method, target))
    assert isinstance(response.body, bytes)
    return response.status, response.body.decode()


def test_what_the_endpoints_say() -> None:
    db, web = Program("db").become(RUNNING), Program("web").become(UNHEALTHY, ready=False)
    it = endpoints(db, web)
    assert get(it, "/livez") == (503, "not live: web is UNHEALTHY\ndb RUNNING ok\nweb UNHEALTHY failed\n")
    assert get(it, "/readyz") == (503, "not ready: web is UNHEALTHY\ndb RUNNING ok\nweb UNHEALTHY failed\n")
    assert get(it, "/startupz")[0] == 503
    web.become(RUNNING)
    assert [get(it, path)[0] for path in ("/livez", "/readyz", "/startupz")] == [200, 200, 503]
    it._probes.changed(web, None)  # type: ignore[arg-type]
    assert get(it, "/startupz") == (200, "started\ndb RUNNING ok\nweb RUNNING ok\n")
    assert get(endpoints(db, stopping=True), "/readyz") == (
        503,
        "not ready: shutting down\ndb RUNNING ok\n",
    )


def test_only_those_who_ask_for_it_get_what_a_check_said() -> None:
    web = Program("web").become(UNHEALTHY)
    web.pid, web.uptime, web.restarts, web.health_message = 7, 61.2, 2, "said:\n\x1b[31m password"
    it = endpoints(web)
    assert get(it, "/livez") == (503, "not live: web is UNHEALTHY\nweb UNHEALTHY failed\n")
    assert get(it, "/livez?verbose") == (
        503,
        "not live: web is UNHEALTHY\nweb UNHEALTHY failed; pid 7; up 61 s; restarts 2; said:  [31m password\n",
    )
    assert get(it, "/livez?a=b&verbose=1") == get(it, "/livez?verbose")
    assert get(it, "/livez?notverbose") == get(it, "/livez")


@pytest.mark.parametrize("path", ["/", "/livez/", "/livezz", "//livez", ""])
def test_the_page_answers_everything_else(path: str) -> None:
    assert get(endpoints(), path) == (404, "the page")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_nothing_can_be_changed(method: str) -> None:
    response = answered(endpoints(), Request(method, "/metrics"))
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


def test_metrics_say_what_they_are() -> None:
    response = answered(endpoints(Program('a"\udc80')), Request("GET", "/metrics"))
    assert response.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert isinstance(response.body, bytes)
    assert b'name="a\\"?"' in response.body
