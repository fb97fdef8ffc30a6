"""`boot` and `graph` as text and as a picture: the critical chain, well-formed XML, trees that end."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.cli.tree import graph_text
from supervice.pictures import timeline
from supervice.pictures.timeline import boot_svg, boot_text, critical_chain, duration

SVG = "{http://www.w3.org/2000/svg}"


def row(name: str, began: float | None = 0.0, ready: float | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "asked": 0.0, "began": began, "ready": ready, "state": "RUNNING", **more}


def reply(*rows: dict[str, Any], elapsed: float = 100.0) -> dict[str, Any]:
    return {"began_at": "2026-01-02T03:04:05.678Z", "elapsed": elapsed, "processes": list(rows)}


STACK = reply(
    row("web", 2.5, 2.9, waited_for=["app:started"], released_by="app"),
    row("db", 0.0, 0.5, healthy=1.0),
    row("migrate", 1.0, None, completed=2.0, state="EXITED", waited_for=["db:healthy"], released_by="db"),
    row("app", 2.0, 2.5, waited_for=["migrate:completed", "cache:ready"], released_by="migrate"),
    row("cache", 0.0, 0.1),
    row("bad", 0.0, None, failed=0.2, state="FATAL", reason="exit code 3"),
    row("left", None, None, state="STOPPED", reason="needs bad:completed, but bad is FATAL"),
    row("cron", 50.0, 50.25, asked=50.0, later=True),
)


def test_the_text_shows_what_each_one_waited_for() -> None:
    assert boot_text(STACK) == (
        "began at 2026-01-02T03:04:05.678Z, took 2.900 s\n"
        "critical chain: db -> migrate -> app -> web\n"
        "NAME       BEGAN  SETTLED  TIME                                        DETAIL\n"
        "* db       0.000    0.500  [======##################################]\n"
        "  cache    0.000    0.100  [=#######################################]\n"
        "  bad      0.000    0.200  [==xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]  failed: exit code 3\n"
        "* migrate  1.000    2.000  [.............==============#############]  waited for db:healthy\n"
        "* app      2.000    2.500  [...........................=======######]"
        "  waited for migrate:completed, cache:ready, released by migrate\n"
        "* web      2.500    2.900  [..................................=====#]  waited for app:started\n"
        "  left         -        -  [                                        ]"
        "  not started: needs bad:completed, but bad is FATAL\n"
        "  . waiting  = starting  # ready or done  x failed\n"
        "later, at 50.000: cron in 0.250 s\n"
    )


def test_what_is_not_over_lasts_until_now() -> None:
    going = reply(
        row("db", 0.0, None, state="STARTING"),
        row("web", None, None, state="STOPPED", waiting_for=["db:ready"]),
        elapsed=4.0,
    )
    assert duration(going) == 4.0
    assert critical_chain(going) == ["db"]
    text = boot_text(going)
    assert "took 4.000 s so far" in text
    assert "[" + "=" * 40 + "]" in text
    assert "[" + "." * 40 + "]  waits for db:ready" in text


def test_the_one_that_failed_is_critical_while_another_waits_for_it() -> None:
    stuck = reply(
        row("cache", 0.0, 1.0),
        row("disk", 0.0, 0.1),
        row("db", 0.1, None, failed=0.2, state="FATAL", reason="exit code 3", released_by="disk"),
        row("web", None, None, state="STOPPED", waiting_for=["db:ready"]),
        elapsed=4.0,
    )
    assert critical_chain(stuck) == ["disk", "db"]
    assert "* db " in boot_text(stuck)


def test_what_was_stopped_on_its_way_says_so() -> None:
    assert "]  stopped before it was ready\n" in boot_text(reply(row("a", 0.0, None, state="STOPPED")))


def test_nothing_at_all() -> None:
    assert boot_text(reply()) == "Nothing has been started\n"
    assert critical_chain(reply()) == []
    ET.fromstring(boot_svg(reply()))
    assert graph_text({}) == "No programs\n"


# -- the critical chain ----------------------------------------------------------------------------------


@st.composite
def boots(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, list[str]], dict[str, int]]:
    """What a boot with these needs and these durations looks like, as the daemon would report it."""
    needs: dict[str, list[str]] = {}
    takes: dict[str, int] = {}
    done: dict[str, int] = {}
    rows = []
    for number in range(draw(st.integers(1, 8))):
        name = f"p{number}"
        needs[name] = draw(st.lists(st.sampled_from(sorted(done)), unique=True, max_size=3)) if done else []
        takes[name] = draw(st.integers(1, 50))
        began = max((done[other] for other in needs[name]), default=0)
        done[name] = began + takes[name]
        last = next((other for other in needs[name] if done[other] == began), None)
        rows.append(row(name, float(began), float(done[name]), released_by=last))
    return reply(*draw(st.permutations(rows)), elapsed=10_000.0), needs, takes


def longest(needs: dict[str, list[str]], takes: dict[str, int]) -> int:
    """By walking every path there is."""

    def down(name: str) -> int:
        return takes[name] + max((down(other) for other in needs[name]), default=0)

    return max(down(name) for name in needs)


@given(boots())
def test_the_critical_chain_is_the_longest_path(
    boot: tuple[dict[str, Any], dict[str, list[str]], dict[str, int]],
) -> None:
    said, needs, takes = boot
    chain = critical_chain(said)
    assert needs[chain[0]] == []
    assert all(before in needs[after] for before, after in itertools.pairwise(chain))
    assert sum(takes[name] for name in chain) == longest(needs, takes) == duration(said)


def test_a_reply_that_lies_ends_too() -> None:
    circle = reply(row("a", 0.0, 1.0, released_by="b"), row("b", 0.0, 1.0, released_by="a"))
    assert sorted(critical_chain(circle)) == ["a", "b"]
    strange = {"processes": [{}, 7, {"name": None, "began": "soon", "ready": True}], "elapsed": "x"}
    boot_text(strange)
    ET.fromstring(boot_svg(strange))


# -- the picture -----------------------------------------------------------------------------------------


def bars(svg: str) -> dict[str, ET.Element]:
    root = ET.fromstring(svg.encode())
    found = {}
    for group in root.iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        assert title is not None
        found[str(title.text).partition(",")[0]] = group
    return found


def test_the_picture_has_one_bar_a_process_and_marks_the_chain() -> None:
    svg = boot_svg(STACK)
    groups = bars(svg)
    assert list(groups) == ["db", "cache", "bad", "migrate", "app", "web", "left"]
    critical = [name for name, group in groups.items() if "critical" in group.get("class", "")]
    assert critical == ["db", "migrate", "app", "web"]
    fills = [rect.get("fill") for rect in groups["app"].iter(f"{SVG}rect")]
    assert fills == [timeline.COLORS[kind] for kind in ("waiting", "starting", "ready")] + ["none"]
    assert len(list(ET.fromstring(svg.encode()).iter(f"{SVG}path"))) == 3
    notes = [str(text.text) for text in groups["left"].iter(f"{SVG}text")]
    assert notes == ["left", "not started: needs bad:completed, but bad is FATAL"]
    assert "start at 2026-01-02T03:04:05.678Z: 7 processes" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert "<image" not in svg
    assert "<script" not in svg
    assert "@import" not in svg
    assert "url(" not in svg


@pytest.mark.parametrize("count", [1, 3, 200, 1000])
def test_the_picture_grows_and_nothing_overlaps(count: int) -> None:
    svg = boot_svg(reply(*(row(f"p{n:03d}", n / 10, n / 10 + 1) for n in range(count))))
    root = ET.fromstring(svg.encode())
    groups = bars(svg)
    assert len(groups) == count
    tops = [float(group.findall(f"{SVG}text")[0].get("y", "0")) for group in groups.values()]
    steps = {round(b - a, 1) for a, b in itertools.pairwise(tops)}
    assert steps <= ({24.0} if count <= 30 else {15.0})
    for rect in root.iter(f"{SVG}rect"):
        x, y = float(rect.get("x", "0")), float(rect.get("y", "0"))
        assert x >= 0
        assert x + float(rect.get("width", "0")) <= float(root.get("width", "0"))
        assert y >= 0
        assert y + float(rect.get("height", "0")) <= float(root.get("height", "0"))


words = st.text(st.characters(), max_size=40)
moments = st.one_of(st.none(), st.floats(0, 1e6))
anything = st.builds(
    row,
    words,
    moments,
    moments,
    completed=moments,
    failed=moments,
    asked=moments,
    healthy=moments,
    reason=words,
    released_by=st.one_of(st.none(), words),
    waited_for=st.lists(words, max_size=2),
    waiting_for=st.lists(words, max_size=2),
    state=st.sampled_from(["RUNNING", "STOPPED", "FATAL", "STARTING", "<&>"]),
    later=st.booleans(),
)


@given(st.lists(anything, max_size=6), words)
def test_whatever_names_and_reasons_hold_the_picture_is_xml_and_the_text_one_line_each(
    rows: list[dict[str, Any]], began_at: str
) -> None:
    said = {"began_at": began_at, "elapsed": 5.0, "processes": rows}
    svg = boot_svg(said)
    ET.fromstring(svg.encode())
    first = sum(1 for one in rows if not one["later"])
    assert len(list(ET.fromstring(svg.encode()).iter(f"{SVG}g"))) == first
    text = boot_text(said)
    assert all(line.isprintable() for line in text.split("\n"))


# -- the tree --------------------------------------------------------------------------------------------


def program(name: str, *needs: str, state: str = "RUNNING", **more: Any) -> dict[str, Any]:
    pairs = [need.partition(":") for need in needs]
    met = ["ready", "started"] if state == "RUNNING" else []
    one = {"name": name, "state": state, "conditions": met, "waiting_for": [], "reason": "", **more}
    return {
        "name": name,
        "depends_on": [{"program": p, "condition": c} for p, _, c in pairs],
        "processes": [one],
    }


def test_the_tree() -> None:
    text = graph_text(
        {
            "programs": [
                program("web", "app:started", "cache:ready", state="STOPPED", waiting_for=["app:started"]),
                program("db"),
                program("app", "db:healthy", "cache:started", state="BACKOFF", reason="exit code 1"),
                program("cache", "disk:completed"),
                program("disk", state="EXITED", conditions=["completed"]),
                program("cron"),
            ]
        }
    )
    assert text == (
        "web                         WAITING, waits for app:started\n"
        "|-- app:started             BACKOFF, not started yet: exit code 1\n"
        "|   |-- db:healthy          RUNNING, not healthy yet\n"
        "|   `-- cache:started       RUNNING\n"
        "|       `-- disk:completed  EXITED\n"
        "`-- cache:ready             RUNNING  (see above)\n"
        "cron                        RUNNING\n"
    )


def test_a_program_with_many_processes_is_one_line() -> None:
    one = program("w")
    one["processes"] = [{"name": f"w:{n}", "state": s} for n, s in enumerate(["RUNNING", "RUNNING", "FATAL"])]
    assert graph_text({"programs": [one]}) == "w  2 RUNNING, 1 FATAL\n"


def test_ten_levels_of_ten_are_shown_once_each() -> None:
    """Shown again wherever they are needed they would be ten thousand million lines."""
    programs = [
        program(f"p{level}{n}", *(f"p{level - 1}{m}:ready" for m in range(10)) if level else ())
        for level in range(10)
        for n in range(10)
    ]
    lines = graph_text({"programs": programs}).splitlines()
    assert len(lines) <= 1000
    assert sum(line.startswith("p9") for line in lines) == 10


@given(st.lists(st.tuples(words, st.lists(words, max_size=3)), max_size=6))
def test_any_graph_ends_and_every_program_is_there(pairs: list[tuple[str, list[str]]]) -> None:
    programs = {
        name: program(name, *(f"{need.replace(':', '')}:ready" for need in needs)) for name, needs in pairs
    }
    lines = graph_text({"programs": list(programs.values())}).splitlines()
    assert all(line.isprintable() for line in lines)
    assert len(lines) >= len(programs)


def test_a_chain_of_thousands_needs_no_deep_stack() -> None:
    programs = [program(f"p{n}", *([f"p{n + 1}:ready"] if n < 3000 else [])) for n in range(3001)]
    assert len(graph_text({"programs": programs}).splitlines()) == 3001
