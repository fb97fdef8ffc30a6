"""What listeners say and are told: the state machine under any split of its bytes, and the exact texts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.config.event_names import EVENTS
from supervice.supervisord.listeners import events
from supervice.supervisord.listeners import protocol as p
from supervice.supervisord.listeners.protocol import ListenerProtocol


def pieces(text: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(places)]


def converse(said: list[bytes], told: bool = True) -> tuple[list[str], str]:
    """All answers and the last state; `told`: a ready listener is told an event at once, after each read."""
    machine = ListenerProtocol()
    answers = []
    for data in said:
        answers += machine.feed(data)
        if told and machine.state == p.READY:
            machine.sent()
    return answers, machine.state


@pytest.mark.parametrize(
    ("said", "answers", "state"),
    [
        ([b"READY\n"], ["ready"], p.READY),
        ([b"READY"], [], p.ACKNOWLEDGED),
        ([b"READYx"], ["broken"], p.UNKNOWN),
        ([b"hello\n"], ["broken"], p.UNKNOWN),
        ([b"READY\nREADY\n"], ["ready", "broken"], p.UNKNOWN),
        ([b"READY\n", b"x"], ["ready", "broken"], p.UNKNOWN),
        ([b"hello\n", b"READY\n"], ["broken"], p.UNKNOWN),
    ],
)
def test_before_an_event(said: list[bytes], answers: list[str], state: str) -> None:
    assert converse(said, told=False) == (answers, state)


@pytest.mark.parametrize(
    ("said", "answers", "state"),
    [
        (b"RESULT 2\nOK", ["processed"], p.ACKNOWLEDGED),
        (b"RESULT 2\nOKREADY\n", ["processed", "ready"], p.READY),
        (b"RESULT 4\nFAIL", ["rejected"], p.ACKNOWLEDGED),
        (b"RESULT 3\nOK\n", ["rejected"], p.ACKNOWLEDGED),
        (b"RESULT 0\n", ["rejected"], p.ACKNOWLEDGED),
        (b"RESULT 2\nOKRESULT 2\nOK", ["processed", "broken"], p.UNKNOWN),  # it answers twice
        (b"RESULT 2\r\nOK", ["processed"], p.ACKNOWLEDGED),
        (b"RESULT x\nOK", ["broken"], p.UNKNOWN),
        (b"RESULT -1\nOK", ["broken"], p.UNKNOWN),
        (b"READY\n", ["broken"], p.UNKNOWN),  # instead of an answer
        (b"\n", ["broken"], p.UNKNOWN),
        (b"RESULT 2", [], p.BUSY),
        (b"RESULT 2\nO", [], p.BUSY),
        (b"RESULT 99999999999\nOK", [], p.BUSY),
        (b"x" * 100_000, ["broken"], p.UNKNOWN),
    ],
)
def test_the_answer_to_an_event(said: bytes, answers: list[str], state: str) -> None:
    machine = ListenerProtocol()
    machine.feed(b"READY\n")
    machine.sent()
    assert machine.feed(said) == answers
    assert machine.state == state
    assert bool(machine.complaint) == (state == p.UNKNOWN)


RESULTS = {b"RESULT 2\nOK": "processed", b"RESULT 4\nFAIL": "rejected", b"RESULT 5\nOK OK": "rejected"}


@given(st.lists(st.sampled_from(sorted(RESULTS)), max_size=8), st.lists(st.integers(0, 200)))
def test_a_good_listener_is_understood_however_its_bytes_come(results: list[bytes], cuts: list[int]) -> None:
    machine = ListenerProtocol()
    said = [b"READY\n", *(result + b"READY\n" for result in results)]
    answers = []
    for text in said:  # it says the next only after it was told an event
        for data in pieces(text, cuts):
            answers += machine.feed(data)
        assert machine.state == p.READY
        machine.sent()
    assert answers == ["ready", *(word for result in results for word in (RESULTS[result], "ready"))]


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"READY\n", *sorted(RESULTS)])))
def test_garbage_breaks_it_once_and_for_all(said: list[bytes]) -> None:
    answers, state = converse(said)
    assert answers.count("broken") == (state == p.UNKNOWN)
    if "broken" in answers:
        assert answers[-1] == "broken"


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)))
def test_an_answer_means_the_same_however_its_bytes_come(said: bytes, cuts: list[int]) -> None:
    whole, split = ListenerProtocol(), ListenerProtocol()
    for machine in (whole, split):
        machine.feed(b"READY\n")
        machine.sent()
    one = whole.feed(said)
    many = [answer for data in pieces(said, cuts) for answer in split.feed(data)]
    assert (one, whole.state) == (many, split.state)


# -- names and texts -------------------------------------------------------------------------------------


def test_names_stand_for_what_begins_like_them() -> None:
    assert events.concrete(["PROCESS_STATE_FATAL", "TICK"]) == {
        "PROCESS_STATE_FATAL",
        "TICK_5",
        "TICK_60",
        "TICK_3600",
    }
    assert events.concrete(["PROCESS_LOG"]) == {"PROCESS_LOG_STDOUT", "PROCESS_LOG_STDERR"}
    assert events.concrete(["REMOTE_COMMUNICATION"]) == {"REMOTE_COMMUNICATION"}
    every = events.concrete(["EVENT"])
    assert len(every) == 20
    assert every == events.concrete(every)
    assert EVENTS - every == {
        "EVENT",
        "PROCESS_STATE",
        "PROCESS_LOG",
        "PROCESS_COMMUNICATION",
        "SUPERVISOR_STATE_CHANGE",
        "TICK",
        "PROCESS_GROUP",
    }


def test_the_texts_are_supervisords() -> None:
    """Taken down from supervisord 4.3."""
    state = events.process_state("cat", "cats", "STARTING", "pid:2766")
    assert state == "processname:cat groupname:cats from_state:STARTING pid:2766"
    assert (
        events.process_state("cat", "cats", "BACKOFF") == "processname:cat groupname:cats from_state:BACKOFF"
    )
    log = events.process_log("cat", "cats", 7, "stdout", b"one\ntwo\n")
    assert log == "processname:cat groupname:cats pid:7 channel:stdout\none\ntwo\n"
    assert events.process_communication("cat", "cats", 7, b"x") == "processname:cat groupname:cats pid:7\nx"
    undecodable = "processname:c groupname:c pid:7\nUndecodable: b'\\xff'"
    assert events.process_communication("c", "c", 7, b"\xff") == undecodable
    assert events.remote_communication("mail", "you") == "type:mail\nyou"
    assert events.process_group("cats") == "groupname:cats\n"
    assert events.tick(1201063880) == "when:1201063880"
    assert events.envelope("supervisor", 21, "listener", 10, "PROCESS_LOG_STDOUT", log) == (
        b"ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 eventname:PROCESS_LOG_STDOUT len:60\n"
        + log.encode()
    )


def test_the_length_counts_characters_as_supervisord_does() -> None:
    header, payload = events.envelope("s", 0, "p", 0, "REMOTE_COMMUNICATION", "type:ä\nö").split(b"\n", 1)
    assert header.endswith(b" len:8")
    assert payload.decode() == "type:ä\nö"
