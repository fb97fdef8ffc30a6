"""What handlers and clients of the HTTP server are told, without a socket."""

from __future__ import annotations

import email.utils
import time
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.http.messages import Request, http_date, unquote


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
