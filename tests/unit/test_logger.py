"""The daemon's own log: one line each, light, never in the way."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervice import logger


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    logger.use_logging()
    log = logging.getLogger("supervice")
    for handler in log.handlers[:]:
        log.removeHandler(handler)
        handler.close()
    log.propagate = True
    log.setLevel(logging.NOTSET)


def test_one_line_with_time_and_level() -> None:
    lines: list[bytes] = []
    logger.use_stream("info", lines.append)
    logger.debug("not this")
    logger.info("hello")
    logger.error("two\nlines")
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO hello\n", lines[0])
    assert lines[1].endswith(b" ERROR two\\nlines\n")
    assert len(lines) == 2
    logger.set_level("CRITICAL")
    logger.error("no")
    logger.critical("yes")
    assert len(lines) == 3


def test_the_format_of_the_container() -> None:
    lines: list[bytes] = []
    logger.use_stream("INFO", lines.append, "json")
    logger.warning('say "hi"')
    assert json.loads(lines[0])["message"] == 'say "hi"'
    assert json.loads(lines[0])["level"] == "WARNING"
    logger.use_stream("INFO", lines.append, "prefix")
    logger.warning("x")
    assert lines[1].startswith(b"supervice | ")
    logger.use_stream("INFO", lines.append, "prefix-time")
    logger.info("timed")
    assert re.fullmatch(rb"\S+T\S+Z supervice \| INFO timed\n", lines[-1])


def test_it_never_raises() -> None:
    def broken(_line: bytes) -> None:
        raise RuntimeError

    logger.use_stream("DEBUG", broken)
    logger.error("lost \udcff")
    lines: list[bytes] = []
    logger.use_stream("DEBUG", lines.append)
    logger.error("\udcff")
    logger.log("nonsense", "still said")
    assert len(lines) == 2


def test_unknown_level() -> None:
    with pytest.raises(ValueError, match="DEBUG, INFO"):
        logger.use_stream("LOUD", print)
    with pytest.raises(ValueError, match="LOUD"):
        logger.setup_logger("LOUD", None, 0, 0)


def test_an_embedding_application_sees_logging_records(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="supervice"):
        logger.info("100% sure %s")
    assert caplog.records[0].getMessage() == "100% sure %s"
    assert caplog.records[0].name == "supervice"


def test_setup_logger_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = logger.setup_logger("INFO", str(path), 200, 2)
    assert log is logger.get_logger()
    for number in range(20):
        logger.info(f"line {number}")
    logger.debug("not this")
    assert len(list(tmp_path.iterdir())) == 3
    assert path.read_text().endswith("INFO line 19\n")


def test_setup_logger_twice_has_one_handler(capsys: pytest.CaptureFixture[str]) -> None:
    logger.setup_logger("INFO", None, 0, 0)
    log = logger.setup_logger("DEBUG", None, 0, 0)
    logger.debug("once")
    assert len(log.handlers) == 1
    assert capsys.readouterr().out.count("once") == 1


def test_a_second_place_has_each_line_in_its_own_format() -> None:
    lines: list[bytes] = []
    also: list[bytes] = []
    logger.use_stream("info", lines.append)
    logger.also_to(also.append, "prefix")
    logger.debug("not this")
    logger.info("hello")
    assert [line.startswith(b"supervice | ") for line in (*lines, *also)] == [False, True]
    logger.use_stream("info", lines.append)
    logger.info("alone")
    assert (len(lines), len(also)) == (2, 1)
