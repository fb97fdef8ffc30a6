"""Who is let in by a password: only the right words, kept as they are or as a digest."""

from __future__ import annotations

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from supervice.http.credentials import guard
from supervice.http.messages import Request


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@given(
    st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_only_the_right_words_pass(user: str, password: str) -> None:
    right = (user, password) == ("chris", "123")
    sha = "{SHA}" + hashlib.sha1(b"123").hexdigest()
    sha256 = "{SHA256}" + hashlib.sha256(b"123").hexdigest().upper()
    for stored in ("123", sha, sha256):
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


def test_a_password_that_begins_with_a_brace_is_one() -> None:
    ask = guard("chris", "{SHA512}123")
    assert ask is not None
    assert ask(Request("GET", "/", basic("chris", "{SHA512}123"))) is None
