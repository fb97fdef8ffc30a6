"""The page's answers to requests of any kind, by the server and without a socket."""

from __future__ import annotations

import pytest

from tests.fakes.http_client import answers


def asked(target: str) -> tuple[list[bytes], list[str]]:
    """The statuses of the answers, and what the server has to log."""
    server = answers([f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()])
    return server.statuses, server.lines


@pytest.mark.parametrize("number", ["0", "12", "x", "", "%C2%B2", "9" * 15, "9" * 16, "9" * 5000])
def test_news_take_any_number(number: str) -> None:
    """Python makes no number of more than 4,300 digits, and the answer was 500 with a line in the log."""
    assert asked(f"/news?said={number}&from=e-{number}") == ([b"200"], [])
