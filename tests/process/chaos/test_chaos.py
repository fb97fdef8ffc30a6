"""What the storm of `make chaos` checks can fail: a daemon that lies is caught. The storm itself is in a container."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from supervice.config import load
from supervice.pid1.leftovers import children_of
from tests.chaos import actors, facts, scene
from tests.chaos.actors import World
from tests.eventually import eventually


def leader(name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "1000"], env={scene.NAME: name}, start_new_session=True)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all processes those of this test: a storm in a container of another worker has the same names."""
    monkeypatch.setattr(facts, "all_pids", lambda: children_of(os.getpid()) or [])


@pytest.fixture
def two() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two copies of one program."""
    made = [leader("web"), leader("web")]
    # A process has no variables for a moment while it executes its program.
    eventually(lambda: all(facts.named(one.pid) for one in made))
    yield made
    for one in made:
        one.kill()
        one.wait()


def world() -> World:
    return World("7 1", 3, 0.0)


def told(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any]) -> None:
    """What `status` says, one time after the other."""
    left = list(answers)
    monkeypatch.setattr(actors, "rows", lambda: {"web": {"name": "web", **(left.pop(0))}})


def test_the_same_seed_makes_the_same_choices() -> None:
    once, again = world(), world()
    for what in ("client 3", "reloader", "disaster 0"):
        for turn in range(20):
            assert once.dice(what, turn).random() == again.dice(what, turn).random()
    assert once.dice("client 3", 1).random() != once.dice("client 3", 2).random()
    assert scene.configuration(Random("7 1"), 3) == scene.configuration(Random("7 1"), 3)


@pytest.mark.parametrize("seed", range(5))
def test_each_configuration_of_the_storm_is_a_right_one(seed: int, tmp_path: Path) -> None:
    file = tmp_path / "supervice.conf"
    file.write_text(scene.configuration(Random(seed), 3))
    loaded = load(str(file))
    assert [str(one) for one in loaded.problems if one.severity == "error"] == []
    assert {"own2", "bomb", "many"} <= {program.name for program in loaded.config.programs}


def test_two_copies_are_seen(two: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert {one.pid for one in facts.leaders()["web"]} == {one.pid for one in two}
    told(monkeypatch, {"state": "RUNNING", "pid": two[0].pid})
    with pytest.raises(AssertionError, match="two copies at once: web"):
        actors.auditor(world(), Random(1))
    two[1].kill()
    two[1].wait()
    told(monkeypatch, {"state": "RUNNING", "pid": two[0].pid})
    actors.auditor(world(), Random(1))


def test_a_pid_that_is_none_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = leader("web")
    gone.kill()
    gone.wait()
    lie = {"state": "RUNNING", "pid": gone.pid}
    told(monkeypatch, lie, {"state": "STOPPED", "pid": None})
    actors.auditor(world(), Random(1))  # it ended between the question and the look
    told(monkeypatch, lie, lie)
    with pytest.raises(AssertionError, match="no such process"):
        actors.auditor(world(), Random(1))


def test_a_process_that_is_told_to_be_none_is_seen(
    two: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    two[1].kill()
    two[1].wait()
    lie = {"state": "STOPPED", "pid": None}
    told(monkeypatch, lie, {"state": "RUNNING", "pid": two[0].pid})
    actors.auditor(world(), Random(1))
    told(monkeypatch, lie, lie)
    with pytest.raises(AssertionError, match="lives, but"):
        actors.auditor(world(), Random(1))


def test_a_false_word_about_a_stop_is_seen(
    two: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lives = {"state": "RUNNING", "pid": two[0].pid}
    random = next(dice for n in range(99) if (dice := Random(n)).choice(["start", "stop"]) == "stop")
    monkeypatch.setattr(random, "choice", lambda _verbs: "stop")
    monkeypatch.setattr(actors, "ask", lambda *_, **__: {"status": "ok", "message": "Stopped own1"})
    answers: list[dict[str, Any]] = [lives, {"state": "STOPPED", "pid": None}]
    monkeypatch.setattr(actors, "rows", lambda: {"own1": {"name": "own1", **answers.pop(0)}})
    with pytest.raises(AssertionError, match="'lives'"):
        actors.client(1, world(), random)


def test_what_an_actor_finds_ends_the_storm_and_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    here = world()
    here.over = float("inf")

    def act(_world: World, _random: Random) -> None:
        raise AssertionError("a lie")

    actors.again_and_again(act, here, "client 1")
    assert here.is_over()
    assert '"failed": "client 1, turn 1: AssertionError: a lie"' in capfd.readouterr().out


def test_the_members_of_a_program_are_known_wherever_they_go() -> None:
    with leader("bomb") as one:
        below = subprocess.Popen(
            ["sh", "-c", "exec setsid sleep 1000"], env={**os.environ, scene.NAME: "bomb"}
        )
        eventually(lambda: set(facts.members("bomb")) == {one.pid, below.pid})
        one.kill()
        below.kill()
        below.wait()
    assert facts.members("bomb") == []
