"""Text of a program on its way to people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice import logger
from supervice.lean.text import clean
from supervice.notify.protocol import parse

ATTACK = "db down\x1b]0;pwned\x07\x1b[2J\x9b\u202e"


@given(st.text())
def test_b8_what_is_clean_is_one_printable_line(text: str) -> None:
    assert clean(text).isprintable()
    assert clean(text) == text or not text.isprintable()


def test_b8_a_line_of_the_log_has_no_control_characters(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    lines: list[bytes] = []
    logger.use_stream("INFO", lines.append)
    try:
        logger.warning(f"web: {ATTACK}\nINFO forged")
    finally:
        logger.use_logging()
    [line] = lines
    assert line.endswith(b"\n")
    assert line[:-1].decode().isprintable()
    assert b"\\x1b]0;pwned\\x07\\x1b[2J\\x9b\\x202e\\nINFO forged" in line


def test_b8_the_status_of_a_program_has_none() -> None:
    message = parse(f"STATUS={ATTACK}".encode())
    assert message is not None
    assert message.status == "db down\\x1b]0;pwned\\x07\\x1b[2J\\x9b\\x202e"
