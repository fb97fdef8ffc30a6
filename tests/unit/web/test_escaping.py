"""Text is text: whatever a name or a line holds, it is neither markup nor invisible."""

from __future__ import annotations

import urllib.parse
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from supervice.web.escaping import fields, html, quote, visible, without_colours

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NASTY = (
    TEXT
    | st.text("<>&\"' \n\t\x00\x1b[31m\u202e\u2066\u200b\ufeff\x85\x9b/=")
    | st.just("<script>alert(1)</script>")
)


class Seen(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(NASTY)
def test_nothing_is_markup(text: str) -> None:
    seen = Seen()
    seen.feed(f'<p title="{html(text)}">{html(text)}</p>')
    seen.close()
    assert seen.tags == ["p"]
    assert seen.attributes == [("title", text)]


@given(NASTY)
def test_a_line_holds_nothing_that_cannot_be_seen(text: str) -> None:
    shown = visible(text)
    assert all(c.isprintable() or c in "\n\t" or c.isspace() for c in shown)
    assert not set(shown) & set("\x00\x1b\x9b\x85\u2028\u2029\u202e\u2066\u200b\ufeff\u061c")
    assert visible(shown) == shown
    if text.isprintable():
        assert shown == text


def test_colours_go_and_what_is_left_of_a_sequence_stays_visible() -> None:
    assert visible("\x1b[31;1mWARN\x1b[0m slow\n") == "WARN slow\n"
    assert visible("a\x1b]0;title\x07b") == "a\u241b]0;title\u2407b"
    assert without_colours("cut \x1b[3") == "cut \x1b[3"
    assert visible("cut \x1b[3") == "cut \u241b[3"
    assert visible("\u202egnp.exe") == "<U+202E>gnp.exe"
    assert visible("a\r\nb\rc") == "a\nb\u240dc"


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_forms_are_read_as_browsers_write_them(pairs: list[tuple[str, str]]) -> None:
    encoded = urllib.parse.urlencode(pairs)
    assert fields(encoded) == pairs


@given(st.text())
def test_any_query_is_survived(query: str) -> None:
    fields(query.encode("utf-8", "replace").decode("latin-1"))


@given(TEXT)
def test_a_name_survives_a_link_and_a_form(name: str) -> None:
    assert urllib.parse.unquote(quote(name)) == name
    assert html(quote(name)) == quote(name)
    assert dict(fields(f"program={quote(name)}"))["program"] == name
