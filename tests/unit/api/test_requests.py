"""A request becomes a value once: whatever its types, a `Request` or one error that says what to write."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.api import requests
from supervice.api.requests import Request, parse
from supervice.control.protocol import GROUP, NAMES, CommandError, verbs
from supervice.supervision.conditions import WANTED

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
KEYS = [key for key, *_ in requests._ARGUMENTS]


@given(
    st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), values),
    st.sampled_from(["status", "signal", "start", "startgroup", "wait", "frob"]),
)
def test_any_object_is_a_request_or_an_invalid_one(message: dict[str, Any], command: str) -> None:
    message = {**message, "command": command}
    try:
        request = parse(message)
    except CommandError as error:
        assert (error.code, error.message.count("\n")) == ("INVALID_REQUEST", 0)  # noqa: PT017 - either is right
        return
    assert request.command == command
    assert all(isinstance(name, str) and name for name in request.names)
    assert request.timeout is None or 0 <= request.timeout < 1e9
    assert request.lines is None or request.lines >= 0
    assert (request.kind or "live") in requests.KINDS
    assert request.wanted in requests.WAITS
    assert {type(request.force), type(request.follow), type(request.dry_run)} == {bool}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": 1}, '"name": 1 is not a string; write "name": "web"'),
        ({"name": None}, '"name": None is not a string; write "name": "web"'),
        ({"names": "web"}, '"names": \'web\' is not a list of strings; write "names": ["web", "db"]'),
        (
            {"names": ["web", 1]},
            '"names": [\'web\', 1] is not a list of strings; write "names": ["web", "db"]',
        ),
        ({"force": "yes"}, '"force": \'yes\' is not true or false; write "force": true'),
        ({"follow": 1}, '"follow": 1 is not true or false; write "follow": true'),
        ({"dry_run": 0}, '"dry_run": 0 is not true or false; write "dry_run": true'),
        ({"stderr": "no"}, '"stderr": \'no\' is not true or false; write "stderr": true'),
        ({"timeout": -1}, '"timeout": -1 is not a number of seconds; write "timeout": 30'),
        ({"timeout": "5"}, '"timeout": \'5\' is not a number of seconds; write "timeout": 30'),
        ({"timeout": True}, '"timeout": True is not a number of seconds; write "timeout": 30'),
        ({"timeout": 1e308 * 10}, '"timeout": inf is not a number of seconds; write "timeout": 30'),
        ({"lines": True}, '"lines": True is not a number of lines; write "lines": 100'),
        ({"lines": 1.5}, '"lines": 1.5 is not a number of lines; write "lines": 100'),
        ({"kind": "alive"}, '"kind": \'alive\' is not a kind of health; write "kind": "live" or "ready"'),
        (
            {"for": "ever"},
            '"for": \'ever\' is not what can be waited for; write "for": "running", "ready", "healthy" or "exited"',
        ),
        ({"kind": ["live"]}, '"kind": [\'live\'] is not a kind of health; write "kind": "live" or "ready"'),
        ({"signal": None}, '"signal": None is not the name or the number of a signal; write "signal": "HUP"'),
        (
            {"names": [1] * 100},
            f'"names": [{"1, " * 12}... is not a list of strings; write "names": ["web", "db"]',
        ),
    ],
)
def test_wrong_types_are_answered_with_what_to_write(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse({"command": "stop", "name": "web", **arguments})
    assert (caught.value.code, caught.value.message) == ("INVALID_REQUEST", message)


def test_every_example_fits_itself() -> None:
    """What an error says to write is accepted."""
    for key, fits, _, example in requests._ARGUMENTS:
        for one in example.replace(" or ", ", ").split(", ") if key in ("kind", "for") else [example]:
            assert fits(json.loads(one)), (key, one)


def test_a_whole_request() -> None:
    message = {
        "command": "restart",
        "name": "web",
        "names": ["a", "b:*"],
        "timeout": 2,
        "lines": 0,
        "stderr": True,
        "force": True,
        "dry_run": True,
        "follow": True,
        "kind": "ready",
        "for": "exited",
        "more": [1],
    }
    assert parse(message) == Request(
        "restart", ("web", "a", "b:*"), 2.0, 0, "stderr", True, False, True, True, "ready", "exited"
    )
    assert parse({"command": "status"}) == Request("status")
    assert parse({"command": "wait", "timeout": None}).timeout is None


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        parse({"command": "status"}).names = ("web",)  # type: ignore[misc]


@pytest.mark.parametrize(("word", "number"), [("HUP", 1), ("sighup", 1), ("1", 1), (10, 10), ("RTMIN+1", 35)])
def test_signals_have_names_and_numbers(word: str | int, number: int) -> None:
    assert parse({"command": "signal", "signal": word, "name": "web"}).signum == number


@pytest.mark.parametrize("word", ["", "NOPE", 0, 99, -1])
def test_what_is_no_signal_says_what_is(word: str | int) -> None:
    with pytest.raises(
        CommandError, match=r"not a signal; write a name|no signal has this number; write"
    ) as caught:
        parse({"command": "signal", "signal": word, "name": "web"})
    assert caught.value.code == "INVALID_REQUEST"


@pytest.mark.parametrize("command", sorted(verbs(NAMES | GROUP)))
def test_what_acts_needs_a_name(command: str) -> None:
    nothing: list[dict[str, Any]] = [{}, {"name": ""}, {"names": []}]
    for names in nothing:
        with pytest.raises(CommandError, match=f"{command} needs ") as caught:
            parse({"command": command, "signal": "HUP", **names})
        assert caught.value.code == "INVALID_REQUEST"


def test_what_can_be_waited_for_is_what_wait_knows() -> None:
    assert set(requests.WAITS) == {*WANTED, "exited"}


def test_a_value_that_is_nested_too_deeply_to_be_shown_is_refused_too() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(CommandError, match='"names": a value within values is not a list of strings'):
        parse({"command": "stop", "names": nested})
    while nested:  # its end would be a call in a call, too
        nested = nested.pop()
