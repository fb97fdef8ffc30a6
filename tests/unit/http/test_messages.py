"""What handlers and clients of the HTTP server are told, without a socket."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import time
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.http.messages import Request, http_date, unquote
from supervice.supervisord.rpc.servers import guard


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text("%0aAfFgG~é"))
def test_percent_encoding_is_the_standard_librarys(text: str) -> None:
    assert unquote(urllib.parse.quote(text, safe="")) == text
    if text.isascii():
        assert unquote(text) == urllib.parse.unquote(text)


@given(st.integers(0, 2**32))
def test_dates(when: int) -> None:
    assert http_date(time.gmtime(when)) == email.utils.formatdate(when, usegmt=True)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a?b?c", "/a", "b?c"),
        ("http://host", "/", ""),
        ("http://host/x%2Fy?q", "/x/y", "q"),
        ("*", "*", ""),
    ],
)
def test_targets(target: str, path: str, query: str) -> None:
    request = Request("GET", target)
    assert (request.path, request.query) == (path, query)


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@given(
    st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_only_the_right_words_pass(user: str, password: str) -> None:
    right = (user, password) == ("chris", "123")
    sha = "{SHA}" + hashlib.sha1(b"123").hexdigest()
    for stored in ("123", sha):
        ask = guard("chris", stored)
        assert ask is not None
        assert (ask(Request("GET", "/", basic(user, password))) is None) == right
        assert ask(Request("GET", "/", basic("chris", "123"))) is None


@given(st.text())
def test_any_header_is_survived(header: str) -> None:
    ask = guard("chris", "123")
    assert ask is not None
    for value in (header, f"Basic {header}", f"basic {header}"):
        answer = ask(Request("GET", "/", {"authorization": value}))
        assert answer is not None
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="default"')


def test_without_a_password_no_client_is_asked() -> None:
    assert guard(None, None) is None
    ask = guard("", "")  # given and empty is still a password
    assert ask is not None
    assert ask(Request("GET", "/")) is None
