"""Who may see the page and who may act: by name, by socket, by user, and by where a request was made."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervice.http.access import Access, is_address, is_foreign, uid_of
from supervice.http.messages import Request


def request(host: str = "", peer: str = "10.0.0.1:4000", **headers: str) -> Request:
    return Request(
        "GET", "/", {"host": host, **{k.replace("_", "-"): v for k, v in headers.items()}}, b"", peer
    )


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.5",
        "10.0.0.5:9090",
        "[::1]",
        "[::1]:9090",
        "localhost",
        "LOCALHOST:9",
        "app",
        "App.:9090",
        "localhost.",
    ],
)
def test_names_that_no_web_site_can_have_given(host: str) -> None:
    assert Access(password=False, hosts=("app",)).refusal(request(host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:9090",
        "app.evil.example",
        "10.0.0.5.evil.example",
        "10.0.0.256",
        "1.2.3",
        "localhost.evil.example",
        "10.0.0.5, evil.example",
        "::1",
        "0x7f.1.1.1",
        "localhost:²",
        "10.0.0.5:٣",
    ],
)
def test_other_names_are_refused_without_a_password(host: str) -> None:
    refusal = Access(password=False, hosts=("app",)).refusal(request(host))
    assert refusal is not None
    assert refusal.status == 421
    assert b"http_hosts" in bytes(refusal.body)  # type: ignore[arg-type]
    assert Access(password=True).refusal(request(host)) is None
    assert Access(password=False).refusal(request(host, "unix:uid=5,pid=6")) is None


def test_who_may_act() -> None:
    open_, closed = Access(password=True), Access(password=False, uids=frozenset((0, 7)))
    assert open_.why_not(request()) == ""
    assert "http_password" in closed.why_not(request())
    assert closed.why_not(request(peer="unix:uid=0,pid=1")) == ""
    assert closed.why_not(request(peer="unix:uid=7,pid=1")) == ""
    assert "root" in closed.why_not(request(peer="unix:uid=70,pid=1"))
    assert Access(password=False, uids=None).why_not(request(peer="unix:uid=70,pid=1")) == ""


@pytest.mark.parametrize(
    ("said", "foreign"),
    [
        ("same-origin", False),
        ("none", False),
        ("", False),
        ("cross-site", True),
        ("same-site", True),
        (" Cross-Site ", True),
    ],
)
def test_a_page_of_another_origin_is_told_from_ours(said: str, foreign: bool) -> None:
    assert is_foreign(request(sec_fetch_site=said)) == foreign


@given(st.text())
@example("²")
@example("9" * 5000)
def test_any_host_and_peer_is_survived(text: str) -> None:
    Access(password=False).refusal(request(text))
    is_address(text)
    uid_of(text)
    uid_of(f"unix:uid={text}")
