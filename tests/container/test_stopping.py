"""The end of a container: who gets which signal, how long it takes, and what is left of the programs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.container.helpers import Box, eventually, programs

MEMBERS = ("leader", "child", "grandchild")


def family(name: str, *kinds: str, **options: object) -> str:
    lines = [
        f"[program:{name}]",
        f"command = python3 /programs/family.py {name} {' '.join(kinds)}",
        "startsecs = 0",
    ]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in options.items())]) + "\n"


def start(run: Callable[..., Box], config: str, *expected: tuple[str, str], **options: object) -> Box:
    """A container with families; returns once the `expected` (name, member) have said that they are there."""
    box = run(config="[supervice]\n" + config, files=programs("family.py"), **options)

    def there() -> bool:
        log = box.logs()
        return all(re.search(rf"^{name} {member} \d+$", log, re.M) for name, member in expected)

    eventually(there, 20, 0.05, "all members are there")
    return box


@pytest.mark.long
def test_every_process_of_every_program_gets_the_signal(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    names = ("anna", "berta")
    expected = [(name, member) for name in names for member in MEMBERS]
    box = start(run, "".join(map(family, names)), *expected, image=image_for(base))
    assert box.stop() == 0
    log = box.logs()
    for name, member in expected:
        assert f"{name} {member} got TERM\n" in log
    assert "SIGKILL" not in log


def test_what_called_setsid_is_stopped_at_the_end(run: Callable[..., Box]) -> None:
    box = start(run, family("anna", "daemon"), ("anna", "daemon"), ("anna", "grandchild"))
    assert box.stop() == 0
    assert "anna daemon got TERM\n" in box.logs()


def test_b9_what_called_setsid_is_stopped_with_its_program(run: Callable[..., Box]) -> None:
    box = start(run, family("anna", "daemon"), ("anna", "daemon"), ("anna", "grandchild"))
    box.ctl("stop", "anna")
    assert "anna leader got TERM" in box.logs()
    box.wait_log("anna daemon got TERM\n")


def test_a_leftover_that_ignores_the_signal_is_killed(run: Callable[..., Box]) -> None:
    box = start(run, family("anna", "daemon", "stubborn"), ("anna", "daemon"))
    assert box.stop(20) == 0
    log = box.logs()
    assert re.search(r"what the programs left behind: python3 \(pid \d+\)", log)
    assert "anna daemon got TERM\n" in log
    assert "still there" not in log


def test_under_an_init_the_leftovers_are_stopped_too(run: Callable[..., Box]) -> None:
    box = start(run, family("anna", "daemon"), ("anna", "daemon"), init=True)
    assert box.stop() == 0
    assert "anna daemon got TERM\n" in box.logs()


def test_the_rest_of_a_group_ends_with_its_leader(run: Callable[..., Box]) -> None:
    """A replacement must not find the port or the lock still held by a child of its predecessor."""
    config = family("anna", "brief", autorestart="true") + family("berta")
    box = start(run, config, ("anna", "grandchild"), ("berta", "grandchild"))
    log = box.wait_log("anna grandchild got TERM\n")
    assert "anna child got TERM\n" in log
    assert "berta leader got TERM" not in log
    box.wait_state("berta")


@pytest.mark.long
def test_docker_stop_in_time_although_a_program_ignores_the_signal(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    config = family("deaf", "deaf", stopwaitsecs=1) + family("good")
    box = start(run, config, ("deaf", "grandchild"), ("good", "grandchild"), image=image_for(base))
    begun = time.monotonic()
    assert box.stop() == 0  # and not 137
    assert time.monotonic() - begun >= 1
    log = box.logs()
    assert "deaf leader got TERM\n" in log
    assert "good leader got TERM\n" in log


def test_patience_is_cut_to_fit_the_shutdown_timeout(run: Callable[..., Box]) -> None:
    config = "shutdown_timeout = 3\n" + family("deaf", "deaf", stopwaitsecs=600)
    box = start(run, config, ("deaf", "leader"))
    assert box.stop() == 0  # and not 137


@pytest.mark.parametrize("signal", ["TERM", "INT", "QUIT"])
def test_each_stop_signal_begins_an_orderly_end(run: Callable[..., Box], signal: str) -> None:
    box = start(run, family("anna"), ("anna", "grandchild"))
    box.kill(signal)
    assert box.wait() == 0
    assert "anna grandchild got TERM\n" in box.logs()
    assert f"SIG{signal} received" in box.logs()


@pytest.mark.parametrize(("second", "code"), [("TERM", 143), ("INT", 130)])
def test_a_second_signal_ends_it_at_once(run: Callable[..., Box], second: str, code: int) -> None:
    config = "shutdown_timeout = 600\n" + family("deaf", "deaf", stopwaitsecs=600)
    box = start(run, config, ("deaf", "leader"))
    box.kill("TERM")
    box.wait_log("deaf leader got TERM")
    # The control socket answers while all of them wait, and starts nothing any more.
    assert box.state("deaf") == "STOPPING"
    refused = box.ctl("start", "deaf", check=False)
    assert refused.code == 1
    assert "shutting down" in refused.output
    box.kill(second)
    assert box.wait() == code


def test_programs_are_stopped_in_the_reverse_order_of_their_start(run: Callable[..., Box]) -> None:
    config = family("first", priority=1) + family("second", priority=2) + family("third", priority=3)
    box = start(run, config, *((name, "leader") for name in ("first", "second", "third")))
    assert box.stop() == 0
    assert re.findall(r"^(\w+) leader got TERM$", box.logs(), re.M) == ["third", "second", "first"]


def test_signals_that_mean_nothing_to_us_end_nothing(run: Callable[..., Box]) -> None:
    box = start(run, family("anna"), ("anna", "grandchild"))
    pid = box.pid("anna")
    for signal in ("USR1", "WINCH", "ALRM", "PIPE", "URG"):
        box.kill(signal)
    box.kill("CONT")
    assert box.pid("anna") == pid
    assert box.alive()
    assert box.stop() == 0


def test_the_control_socket_ends_the_container(run: Callable[..., Box]) -> None:
    box = start(run, family("anna"), ("anna", "grandchild"))
    box.ctl("shutdown")
    assert box.wait() == 0
    assert "anna grandchild got TERM\n" in box.logs()


@pytest.mark.parametrize("kind", ["group", "session"])
@pytest.mark.parametrize("mode", ["file", "command"])
def test_what_forks_faster_than_it_is_counted_ends_in_time(
    run: Callable[..., Box], mode: str, kind: str
) -> None:
    """Chains of forks that ignore TERM; the limits hold for the container whatever becomes of them."""
    chain = f"python3 -I -S /programs/chain.py {kind} 60 3"
    limits = {"nano_cpus": 500_000_000, "pids_limit": 60}
    files = programs("chain.py")
    if mode == "file":
        box = run(
            config=f"[supervice]\n[program:a]\ncommand = sh -c '{chain} & sleep 1000'\nstopwaitsecs = 1\n",
            files=files,
            **limits,
        )
    else:
        box = run(["-c", "none", "--", "sh", "-c", f"{chain} & sleep 1000"], files=files, **limits)
    box.wait_log("up\nup\nup\n")
    assert box.stop(40) == (0 if mode == "file" else 143)
