"""sd_notify datagrams: any bytes are an answer, and what the manual page says is understood."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervice.notify.manager import manager
from supervice.notify.protocol import LONGEST_STATUS, LONGEST_TIME, Message, parse

KEYS = [
    b"READY", b"RELOADING", b"STOPPING", b"STATUS", b"MAINPID", b"WATCHDOG", b"WATCHDOG_USEC",
    b"EXTEND_TIMEOUT_USEC", b"BARRIER", b"ERRNO", b"FDSTORE", b"FDNAME", b"X",
]  # fmt: skip
lines = st.tuples(
    st.sampled_from(KEYS), st.one_of(st.binary(max_size=30), st.integers().map(lambda n: b"%d" % n))
)
messages = st.lists(lines, max_size=12).map(
    lambda pairs: b"\n".join(key + b"=" + value for key, value in pairs)
)


def values(message: Message) -> dict[str, object]:
    return {name: getattr(message, name) for name in Message.__slots__}


@given(st.one_of(st.binary(max_size=300), messages))
def test_any_bytes_are_an_answer(data: bytes) -> None:
    message = parse(data)
    assert message.mainpid is None or message.mainpid > 0
    for seconds in (message.extend, message.watchdog_time):
        assert seconds is None or 0 < seconds <= LONGEST_TIME
    if message.status is not None:
        assert len(message.status) <= LONGEST_STATUS
        assert message.status.isprintable()
        assert "\n" not in message.status


@given(messages, messages)
def test_later_lines_win(first: bytes, second: bytes) -> None:
    """Two messages in one say what both say, the second where they differ (pings add up)."""
    both, one, two = values(parse(first + b"\n" + second)), values(parse(first)), values(parse(second))
    said = {line.partition(b"=")[0] for line in second.split(b"\n")}
    names = {
        "ready": b"READY", "stopping": b"STOPPING", "status": b"STATUS",
        "mainpid": b"MAINPID", "watchdog_time": b"WATCHDOG_USEC", "extend": b"EXTEND_TIMEOUT_USEC",
        "barrier": b"BARRIER",
    }  # fmt: skip
    for name, key in names.items():
        assert both[name] == (two if key in said else one)[name], name
    assert both["ping"] == (one["ping"] or two["ping"])


def test_what_the_manual_says() -> None:
    message = parse(
        b"READY=1\nSTATUS=Processing requests\xe2\x80\xa6\nMAINPID=4711\nWATCHDOG=1\nWATCHDOG_USEC=20000000\n"
        b"EXTEND_TIMEOUT_USEC=5000000\nERRNO=2\nBARRIER=1"
    )
    assert values(message) == {
        "ready": True,
        "stopping": False,
        "status": "Processing requests…",
        "mainpid": 4711,
        "ping": True,
        "trigger": False,
        "watchdog_time": 20.0,
        "extend": 5.0,
        "barrier": True,
    }
    assert parse(b"WATCHDOG=trigger").trigger
    assert parse(b"READY=0").ready is False
    assert parse("MAINPID=٣".encode()).mainpid is None  # a digit, but not an ASCII one
    assert parse(b"MAINPID=-1").mainpid is None
    assert parse(b"EXTEND_TIMEOUT_USEC=0").extend is None
    assert parse(b"STATUS=a\x1b[31mb").status == "a\\x1b[31mb"


def test_who_asked_for_news() -> None:
    assert manager({}) is None
    assert manager({"NOTIFY_SOCKET": ""}) is None
    assert manager({"NOTIFY_SOCKET": "vsock:2:1234"}) is None
    assert manager({"NOTIFY_SOCKET": "@name"}) is not None
    absent = manager({"NOTIFY_SOCKET": "/no/such/socket"})
    assert absent is not None
    absent.tell("READY=1")  # a manager that is gone is no error
