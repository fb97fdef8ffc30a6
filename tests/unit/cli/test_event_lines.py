"""Events as lines that stand below each other."""

from __future__ import annotations

from supervice.cli.event_lines import EventLines
from supervice.control.columns import Look

EVENT = {
    "time": "2026-01-02T03:04:05.678Z",
    "type": "PROCESS_STATE_STARTING",
    "name": "web",
    "from_state": "STOPPED",
    "reason": "asked to start",
    "pid": 7,
}


def test_the_rest_is_logfmt() -> None:
    assert EventLines(Look()).line(EVENT) == (
        '2026-01-02T03:04:05.678Z web STARTING  from=STOPPED reason="asked to start" pid=7\n'
    )
    assert EventLines(Look()).line({"type": "x", "why": 'a "b" \\c'}).endswith('why="a \\"b\\" \\\\c"\n')


def test_names_are_aligned_and_a_narrow_terminal_gets_the_time_of_the_day() -> None:
    lines = EventLines(Look(width=40))
    lines.expect([{"name": "a-longer-name"}])
    assert lines.line(EVENT) == "03:04:05 web           STARTING  from=S…\n"
    assert EventLines(Look(width=20, ellipsis="...")).line(EVENT) == "03:04:05 web STAR...\n"


def test_a_state_has_its_colour() -> None:
    text = EventLines(Look(color=True)).line(EVENT)
    assert "\x1b[33mSTARTING\x1b[0m" in text
    assert text.replace("\x1b[33m", "").replace("\x1b[0m", "") == EventLines(Look()).line(EVENT)
