"""One table per kind of value: what is read as what, and what is refused."""

from __future__ import annotations

import contextlib
import shlex
import signal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervice.config import check_values, kinds, pairs, quoting, values
from supervice.models import HealthCheckType

REFUSED: Any = object()
RTMIN = int(signal.SIGRTMIN)

TABLE: dict[str, list[tuple[str, Any]]] = {
    "boolean": [
        ("true", True),
        ("YES", True),
        ("On", True),
        ("1", True),
        ("false", False),
        ("no", False),
        ("OFF", False),
        ("0", False),
        ("", REFUSED),
        ("maybe", REFUSED),
        ("2", REFUSED),
    ],
    "http_place": [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        (" :9090 ", ("", 9090)),
        ("*:9090", ("", 9090)),
        ("9090", ("", 9090)),
        ("localhost:65535", ("localhost", 65535)),
        ("[::1]:80", ("::1", 80)),
        ("unix:/run/p.sock", ("/run/p.sock", None)),
        ("unix:///run/p.sock", ("/run/p.sock", None)),
        ("unix:p:1", ("p:1", None)),
        ("unix:", REFUSED),
        ("", REFUSED),
        ("localhost", REFUSED),
        ("localhost:", REFUSED),
        ("localhost:0", REFUSED),
        ("localhost:65536", REFUSED),
        ("localhost:99999999999999999999", REFUSED),
        ("localhost:8\u0661", REFUSED),
        ("::1:80", REFUSED),
        ("http://localhost:80", REFUSED),
    ],
    "integer": [
        ("0", 0),
        (" 12 ", 12),
        ("-3", -3),
        ("+4", 4),
        ("1.0", REFUSED),
        ("", REFUSED),
        ("-", REFUSED),
        ("1_000", REFUSED),
        ("\N{ARABIC-INDIC DIGIT ONE}", REFUSED),
        ("\N{SUPERSCRIPT TWO}", REFUSED),
        ("9" * 5000, REFUSED),
    ],
    "natural": [("0", 0), ("-1", REFUSED)],
    "at_least_one": [("1", 1), ("0", REFUSED)],
    "retries": [("-1", -1), ("0", 0), ("-2", REFUSED)],
    "port": [("1", 1), ("65535", 65535), ("0", REFUSED), ("65536", REFUSED), ("http", REFUSED)],
    "number": [
        ("2", 2),
        ("1.5", 1.5),
        ("2.0", 2),
        (".5", 0.5),
        ("-1", REFUSED),
        ("nan", REFUSED),
        ("inf", REFUSED),
        ("1e9", REFUSED),
    ],
    "factor": [("1", 1), ("1.5", 1.5), ("0.5", REFUSED)],
    "seconds": [
        ("10", 10),
        ("0", 0),
        ("1.5", 1.5),
        ("500ms", 0.5),
        ("2000MS", 2),
        ("10s", 10),
        ("10 s", 10),
        ("2m", 120),
        ("1h", 3600),
        ("0.5h", 1800),
        ("1d", 86400),
        ("-1", REFUSED),
        ("", REFUSED),
        ("s", REFUSED),
        ("ms", REFUSED),
        ("10x", REFUSED),
        ("1m30s", REFUSED),
        ("1e400", REFUSED),
        ("999999999999", REFUSED),
        ("\N{SUPERSCRIPT TWO}s", REFUSED),
    ],
    "size": [
        ("0", 0),
        ("1048576", 1048576),
        ("512KB", 512 * 1024),
        ("50mb", 50 * 1024**2),
        ("1 GB", 1024**3),
        ("50M", REFUSED),
        ("MB", REFUSED),
        ("-1", REFUSED),
        ("1.5MB", REFUSED),
        ("", REFUSED),
    ],
    "octal": [
        ("022", 0o22),
        ("0o660", 0o660),
        ("700", 0o700),
        ("8", REFUSED),
        ("", REFUSED),
        ("77777", REFUSED),
        ("-1", REFUSED),
    ],
    "umask": [("022", 0o22), ("0777", 0o777), ("1000", REFUSED)],
    "restart": [("true", True), ("off", False), ("Unexpected", "unexpected"), ("never", REFUSED)],
    "signal_number": [
        ("TERM", 15),
        ("sigterm", 15),
        ("15", 15),
        ("SIGUSR1", int(signal.SIGUSR1)),
        ("RTMIN", RTMIN),
        ("RTMIN+3", RTMIN + 3),
        ("SIGRTMAX-1", int(signal.SIGRTMAX) - 1),
        (str(RTMIN + 1), RTMIN + 1),
        ("0", REFUSED),
        ("65", REFUSED),
        ("-15", REFUSED),
        ("NOPE", REFUSED),
        ("", REFUSED),
        ("_IGN", REFUSED),
        ("RTMIN+99", REFUSED),
        ("9" * 5000, REFUSED),
    ],
    "stop_signals": [
        ("TERM", "TERM"),
        ("SIGQUIT", "QUIT"),
        ("15", "TERM"),
        ("TERM:10 QUIT:5 KILL", "TERM:10 QUIT:5 KILL"),
        ("SIGTERM:500ms, 9", "TERM:0.5 KILL"),
        ("RTMIN+3", "RTMIN+3"),
        ("", REFUSED),
        ("TERM:", REFUSED),
        ("TERM:soon", REFUSED),
        ("TERM " * 17, REFUSED),
    ],
    "exit_codes": [
        ("0", (0,)),
        ("0,2", (0, 2)),
        (" 0 , 255 ", (0, 255)),
        ("", ()),
        ("256", REFUSED),
        ("-1", REFUSED),
        ("0,,1", REFUSED),
        ("a", REFUSED),
    ],
    "forwarded": [
        ("", ()),
        ("HUP", ((1, 1),)),
        ("HUP USR1:HUP WINCH", ((1, 1), (10, 1), (28, 28))),
        ("SIGHUP, SIGUSR2", ((1, 1), (12, 12))),
        ("HUP HUP", REFUSED),
        ("KILL", REFUSED),
        ("STOP", REFUSED),
        ("CHLD", REFUSED),
        ("HUP:", REFUSED),
        ("HUP:NOPE", REFUSED),
    ],
    "names": [("a, b,c", ("a", "b", "c")), ("", ()), (" ,", ())],
    "words": [("a b,c", ("a", "b", "c")), ("", ())],
    "dependencies": [
        ("db", (("db", "started"),)),
        (
            "db:healthy, migrate:completed,cache:started",
            (("db", "healthy"), ("migrate", "completed"), ("cache", "started")),
        ),
        ("", ()),
        ("db:well", REFUSED),
        (":healthy", REFUSED),
        ("db cache", REFUSED),
        ("db:ready, db:healthy", REFUSED),
    ],
    "log_level": [
        ("info", "INFO"),
        ("WARN", "WARNING"),
        ("blather", "DEBUG"),
        ("critical", "CRITICAL"),
        ("loud", REFUSED),
    ],
    "health_type": [
        ("none", HealthCheckType.NONE),
        ("TCP", HealthCheckType.TCP),
        ("script", HealthCheckType.SCRIPT),
        ("ping", REFUSED),
    ],
}


@pytest.mark.parametrize(
    ("parser", "written", "value"),
    [(name, written, value) for name, rows in TABLE.items() for written, value in rows],
)
def test_value(parser: str, written: str, value: Any) -> None:
    parse = getattr(check_values if hasattr(check_values, parser) else values, parser)
    if value is REFUSED:
        with pytest.raises(ValueError, match=r"\w"):
            parse(written)
    else:
        result = parse(written)
        assert result == value
        assert type(result) is type(value)


@given(st.sampled_from(sorted(TABLE)), st.text(max_size=30))
def test_any_text_is_a_value_or_a_value_error(parser: str, written: str) -> None:
    with contextlib.suppress(ValueError):
        getattr(check_values if hasattr(check_values, parser) else values, parser)(written)


@given(st.integers(1, 64))
def test_signal_names_are_read_back(number: int) -> None:
    try:
        values.signal_number(str(number))
    except ValueError:
        assert number in (32, 33)  # glibc's own
    else:
        assert values.signal_number(values.signal_name(number)) == number


# -- commands --------------------------------------------------------------------------------------------


@given(st.text(alphabet=" \t\n\"'\\ab-=%#;\N{NO-BREAK SPACE}é", max_size=40))
@example("a\\")
@example('"')
@example("date +%s # not a comment")
def test_a_command_is_split_as_shlex_splits_it(command: str) -> None:
    try:
        expected = shlex.split(command)
    except ValueError:
        expected = []
    if expected:
        assert quoting.split_command(command) == expected
    else:
        with pytest.raises(ValueError, match=r"empty|cannot be split"):
            quoting.split_command(command)


# -- environment -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", []),
        ("A=1", [("A", "1")]),
        ("A=1,B=2", [("A", "1"), ("B", "2")]),
        ("A=1,\nB=2\n", [("A", "1"), ("B", "2")]),
        ("A=1\nB=2", [("A", "1"), ("B", "2")]),
        ('A="v,a;l",B=x', [("A", "v,a;l"), ("B", "x")]),
        ("A='single \"double\"'", [("A", 'single "double"')]),
        (r'A="a\"b\\c\n"', [("A", 'a"b\\c\\n')]),
        (r"A='a\b'", [("A", r"a\b")]),
        (r"A=a\,b", [("A", "a,b")]),
        ("A = spaced out , B= x", [("A", "spaced out"), ("B", "x")]),
        ("A=,B=", [("A", ""), ("B", "")]),
        ('A=""', [("A", "")]),
        ("A=x=y", [("A", "x=y")]),
        ("A=one' two'\" three\"", [("A", "one two three")]),
        ('A="two\nlines"', [("A", "two\nlines")]),
        ("A=100%,B=%%", [("A", "100%"), ("B", "%%")]),
        ("A=1,,", [("A", "1")]),
        ("A", REFUSED),
        ("A=1,B", REFUSED),
        ("=1", REFUSED),
        ('A="open', REFUSED),
        ("A='open", REFUSED),
        ('"A"=1', REFUSED),
        ("A B=1", REFUSED),
    ],
)
def test_environment(written: str, expected: Any) -> None:
    if expected is REFUSED:
        with pytest.raises(ValueError, match=r"KEY=value|not closed"):
            pairs.pairs(written)
    else:
        assert pairs.pairs(written) == expected


def double_quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True), st.text(max_size=20)))
def test_every_value_can_be_written_in_double_quotes(wanted: dict[str, str]) -> None:
    written = ",".join(f"{key}={double_quoted(value)}" for key, value in wanted.items())
    assert dict(pairs.pairs(written)) == wanted


@given(st.text(max_size=60))
def test_any_text_is_an_environment_or_a_value_error(written: str) -> None:
    with contextlib.suppress(ValueError):
        for key, _ in pairs.pairs(written):
            assert key
            assert "=" not in key


def as_supervisord(written: str) -> dict[str, str]:
    """supervisor 4.3's rule for `environment`, in the words of its documentation and of `shlex`."""
    lexer = shlex.shlex(written)
    lexer.wordchars += "/.+-():"
    tokens = list(lexer)
    found = {}
    for i in range(0, len(tokens), 4):
        key, equals, value = tokens[i : i + 3]
        if equals != "=":
            raise ValueError(written)
        found[key] = value.strip("'\"")
    return found


PIECES = [
    "A",
    "b",
    "=",
    "=",
    ",",
    ",",
    '"',
    "'",
    " ",
    "\n",
    "\\",
    "#",
    "/x",
    "1.5",
    "%",
    "é",
    ";",
    "$V",
    '"v,w"',
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example("A=\"a,b\",B='c'")
@example("A=1,")
@example('A="x"y')
@example("A=b#c,D=e")
@example('A="b"c"d"')
@example("A='b'c'd'")
def test_stock_environment_is_read_as_supervisord_reads_it(written: str) -> None:
    try:
        expected = as_supervisord(written)
    except ValueError:
        with pytest.raises(ValueError, match=r"KEY=value|not closed"):
            pairs.supervisord_pairs(written)
    else:
        assert dict(pairs.supervisord_pairs(written)) == expected


@pytest.mark.parametrize("kind", [kind for kind in kinds.KINDS if kind not in ("schedule", "listen")])
def test_every_kind_has_a_parser_that_refuses_by_a_value_error_alone(kind: str) -> None:
    """Some are looked up by name when the first value comes (`kinds._seldom`)."""
    with contextlib.suppress(ValueError):
        kinds.KINDS[kind][0]("\0 no such value")


def test_what_is_seldom_set_is_parsed_as_ever() -> None:
    assert kinds.KINDS["ready"][0]("started") == check_values.ready("started") == "started"
    assert kinds.KINDS["ready"][0]("fd:3") == "fd:3"
    assert kinds.KINDS["environment"][0]("") == pairs.pairs("") == []
    assert kinds.KINDS["environment"][0]("A=1") == [("A", "1")]
