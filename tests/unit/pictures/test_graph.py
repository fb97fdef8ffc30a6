"""`graph` as a picture: well-formed whatever the names are, every program once, lines from left to right."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervice.pictures.graph import graph_svg
from supervice.pictures.svg import class_of

SVG = "{http://www.w3.org/2000/svg}"


def program(
    name: str, *needs: str, state: str = "RUNNING", conditions: tuple[str, ...] = ("started",)
) -> dict[str, Any]:
    wanted = [dict(zip(("program", "condition"), need.split(":"), strict=True)) for need in needs]
    process = {"name": name, "state": state, "conditions": list(conditions), "reason": ""}
    return {"name": name, "depends_on": wanted, "processes": [process]}


def drawn(*programs: dict[str, Any]) -> ET.Element:
    return ET.fromstring(graph_svg({"programs": list(programs)}).encode())


def boxes(root: ET.Element) -> dict[str, tuple[float, float]]:
    """Program to the upper left corner of its box."""
    found = {}
    for group in root.iter(f"{SVG}g"):
        title, box = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        assert title is not None
        assert box is not None
        found[str(title.text).partition(",")[0]] = float(box.get("x", "")), float(box.get("y", ""))
    return found


def test_each_stands_right_of_what_it_needs() -> None:
    root = drawn(
        program("web", "app:started", "cache:started"),
        program("app", "db:healthy", "cache:started"),
        program("db"),
        program("cache"),
        program("cron"),
    )
    at = boxes(root)
    assert at["db"][0] == at["cache"][0] < at["app"][0] < at["web"][0]
    assert at["cron"][1] > max(y for name, (_, y) in at.items() if name != "cron")
    lines = [path.get("class") for path in root.iter(f"{SVG}path")]
    assert sorted(map(str, lines)) == ["line", "line", "line", "line open"]  # db is not healthy
    titles = [str(title.text) for path in root.iter(f"{SVG}path") for title in path]
    assert sorted(titles) == [
        "app needs cache: started",
        "app needs db: healthy",
        "web needs app: started",
        "web needs cache: started",
    ]
    words = [str(text.text) for text in root.iter(f"{SVG}text") if text.get("class") == "word"]
    assert words.count("started") == 2  # once beside app, once beside cache
    assert words.count("healthy") == 1


def test_it_needs_nothing_from_elsewhere_and_is_dark_for_who_wants_it() -> None:
    svg = graph_svg({"programs": [program("web", "db:started"), program("db")]})
    assert not re.findall(
        r"https?:|<script|<image|@import|url\(", svg.replace("http://www.w3.org/2000/svg", "")
    )
    assert "prefers-color-scheme:dark" in svg


def test_nothing_is_a_picture_too() -> None:
    assert "No programs" in graph_svg({"programs": []})
    assert "No programs" in graph_svg({})


def test_a_circle_ends() -> None:
    at = boxes(drawn(program("a", "b:started"), program("b", "a:started")))
    assert set(at) == {"a", "b"}


def test_markup_in_a_name_is_text() -> None:
    root = drawn(program('<script>"&\x1b[31m\u202e', "db:<b>"), program("db"))
    assert [
        element.tag for element in root.iter() if "script" in element.tag or element.tag == f"{SVG}b"
    ] == []
    assert any("<script>" in str(title.text) for title in root.iter(f"{SVG}title"))


NAMES = st.text(st.characters(exclude_characters=":"), min_size=1, max_size=6)


@given(st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=3), st.text(max_size=8)), max_size=12))
def test_any_reply_is_well_formed(rows: list[tuple[str, list[str], str]]) -> None:
    programs = [
        program(name, *(f"{need}:ready" for need in needs), state=state) for name, needs, state in rows
    ]
    root = drawn(*programs)
    assert len(list(root.iter(f"{SVG}g"))) == len({name for name, _, _ in rows})


def test_a_process_has_one_of_five_looks() -> None:
    assert class_of({"state": "RUNNING"}) == "up"
    assert class_of({"state": "RUNNING", "ready": False}) == "busy"
    assert class_of({"state": "RUNNING", "healthy": False}) == "bad"
    assert class_of({"state": "UNHEALTHY"}) == "bad"
    assert class_of({"state": "STOPPED", "waiting_for": ["db:ready"]}) == "busy"
    assert class_of({"state": "EXITED", "exitcode": 0}) == "done"
    assert class_of({"state": "EXITED", "exitcode": 3}) == "bad"
    assert class_of({"state": "EXITED", "signal": 9}) == "bad"
    assert class_of({"state": "never heard of"}) == "off"
