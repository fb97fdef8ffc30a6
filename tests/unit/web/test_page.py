"""The page as HTML: text stays text, every link is relative, and nothing needs a script."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.web.assets import KINDS, asset, build
from supervice.web.page import View, confirmation, page, short_page
from supervice.web.rows import row_of
from supervice.web.tail import MOST_TEXT, pieces_of

NASTY = "<script>alert(1)</script>&\"'{{token}}\x1b[31m\x00\u202e"
TEMPLATE = asset("page.html")


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def view(*rows: dict[str, Any], token: str | None = "t0ken") -> View:
    it = View()
    it.build, it.host, it.position, it.summary = "b", "host", "e-1", "1 running"
    it.rows = [row_of({"state": "RUNNING", "pid": 7, "uptime": 3.0, **row}, 1000.0) for row in rows]
    it.token = token
    it.why_not = "" if token else "only with a password"
    return it


def test_a_page_works_without_a_script() -> None:
    seen = Page(
        page(TEMPLATE, view({"name": "web"}, {"name": "job", "state": "STOPPED", "pid": None}), 1000.0)
    )
    assert [form["action"] for form in seen.all("form")] == ["act"]
    assert [form["method"] for form in seen.all("form")] == ["post"]
    buttons = [button["value"] for button in seen.all("button")]
    assert buttons == ["reload", "restart:web", "stop:web", "start:job"]
    assert {"type": "hidden", "name": "token", "value": "t0ken"} in seen.all("input")
    assert "?program=web" in [a["href"] for a in seen.all("a")]


def test_who_may_only_look_gets_no_token_and_no_button() -> None:
    text = page(TEMPLATE, view({"name": "web"}, token=None), 1000.0)
    seen = Page(text)
    assert seen.all("button") == []
    assert "Looking only: only with a password" in seen.text
    assert "t0ken" not in text


def test_every_link_is_relative() -> None:
    """No path of ours begins with a slash or names a host: the page works under any path of a proxy."""
    it = view({"name": "/etc//x"})
    it.tail = ("web", [[0, "line\n"]], "")
    for text in (
        page(TEMPLATE, it, 1000.0),
        confirmation(TEMPLATE, it, "stop", "/a", "./"),
        short_page(TEMPLATE, it, "x", ""),
    ):
        for _, attributes in Page(text).elements:
            for name in ("href", "src", "action"):
                target = attributes.get(name)
                assert target is None or not re.match(r"/|\w+:", target), target
    script = asset("page.js")
    assert re.findall(r"""(?:fetch|EventSource)\((at\("[^"]*)""", script) == [
        'at("news',
        'at("events',
        'at("act',
    ]


@given(st.text() | st.just(NASTY), st.text() | st.just(NASTY), st.text() | st.just(NASTY))
def test_text_stays_text(name: str, detail: str, line: str) -> None:
    """The elements are the same whatever the texts are."""
    plain, strange = view({"name": "web", "reason": "x"}), view({"name": name, "reason": detail or "x"})
    plain.tail, strange.tail = (
        ("web", [[1, "line"], [0, "x"]], ""),
        (name, pieces_of([{"stream": "stderr", "data": line}, {"stream": "stdout", "data": "x"}]), ""),
    )
    plain.outcomes = [{"id": 1, "about": 1, "ok": True, "text": "x"}]
    strange.outcomes = [{"id": 1, "about": 1, "ok": True, "text": detail}]
    shape = [tag for tag, _ in Page(page(TEMPLATE, plain, 1000.0)).elements]
    text = page(TEMPLATE, strange, 1000.0)
    assert [tag for tag, _ in Page(text).elements] == shape
    assert not set(text) & set("\x00\x1b\u202e\u2066")
    assert not set(confirmation(TEMPLATE, strange, "stop", name, "./")) & set("\x00\x1b\u202e\u2066")


def test_a_mark_in_a_text_is_text() -> None:
    assert "t0ken" not in Page(page(TEMPLATE, view({"name": "{{token}}"}), 1000.0)).text


def test_a_tail_goes_back_as_far_as_it_can_be_held() -> None:
    frames = [{"stream": "stdout" if n % 3 else "stderr", "data": f"line {n}\n"} for n in range(40_000)]
    pieces = pieces_of(frames)
    text = "".join(text for _, text in pieces)
    assert MOST_TEXT - 20 < len(text) <= MOST_TEXT
    assert text.endswith("line 39999\n")
    assert text.startswith("line ")
    assert pieces_of([]) == []
    assert pieces_of([{"stream": "stderr", "data": "a\n"}, {"stream": "stderr", "data": "b"}]) == [
        [1, "a\nb"]
    ]


@pytest.mark.parametrize("name", [*KINDS, "page.html"])
def test_the_files_hold_nothing_from_elsewhere(name: str) -> None:
    text = asset(name)
    assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[\w.]+\.\w", text)
    assert not re.findall(
        r"innerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|@import|url\(", text
    )
    assert not re.findall(r"\son\w+=|style=", text)


def test_the_whole_page_weighs_less_than_60_kilobytes_with_100_programs() -> None:
    rows = [{"name": f"program-{n:03d}", "reason": "", "healthy": True} for n in range(100)]
    whole = page(TEMPLATE, view(*rows), 1000.0) + "".join(map(asset, KINDS))
    assert len(whole.encode()) < 60_000


def test_the_files_have_a_name_that_changes_with_them() -> None:
    assert re.fullmatch(r"[0-9a-f]{8}", build())
