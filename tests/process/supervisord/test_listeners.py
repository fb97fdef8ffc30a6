"""Event listeners of stock supervisord files, with real listeners: good ones, slow ones and broken ones."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon, alive
from tests.process.harness.listeners import LISTENER, names, payloads, told, wait_for

Make = Callable[..., Daemon]


def rewrite(one: Daemon, text: str) -> None:
    one.config.write_text(f"[supervisord]\n{text}")


def listener(file: Path, events: str, how: str = "ok", *more: str, name: str = "l") -> str:
    options = "".join(f"{line}\n" for line in more)
    return (
        f"[eventlistener:{name}]\ncommand={sys.executable} {LISTENER} {file} {how}\nevents={events}\n"
        f"startsecs=0\n{options}"
    )


def pipes(one: Daemon) -> int:
    """How many pipes the daemon has open once it rests: the same number in two looks."""

    def look() -> int:
        count = 0
        for fd in Path(f"/proc/{one.pid}/fd").iterdir():
            try:
                count += os.readlink(fd).startswith("pipe:")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    seen = [look()]

    def rests() -> bool:
        seen.append(look())
        return seen[-1] == seen[-2]

    eventually(rests, interval=0.1)
    return seen[-1]


def test_a_listener_hears_of_states_in_supervisords_words(stock: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    one = stock(
        listener(file, "PROCESS_STATE", "ok", "buffer_size=100")
        + "[program:a]\ncommand=sleep 1000\nstartsecs=0\n"
        + "[program:bad]\ncommand=/no/such/thing\nstartretries=1\n"
        + "[program:many]\ncommand=sleep 1000\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)d\nstartsecs=0\n"
        + "[group:g]\nprograms=many\n",
    )
    pid = one.wait_state("a", "RUNNING")["pid"]
    wait_for(file, "PROCESS_STATE_FATAL")
    one.ask("stop", "a")
    wait_for(file, "PROCESS_STATE_STOPPED")
    found = [(header["eventname"], payload) for header, payload in told(file)]
    of_a = [(event, payload) for event, payload in found if "processname:a " in payload]
    assert of_a == [
        ("PROCESS_STATE_STARTING", "processname:a groupname:a from_state:STOPPED tries:0"),
        ("PROCESS_STATE_RUNNING", f"processname:a groupname:a from_state:STARTING pid:{pid}"),
        ("PROCESS_STATE_STOPPING", f"processname:a groupname:a from_state:RUNNING pid:{pid}"),
        ("PROCESS_STATE_STOPPED", f"processname:a groupname:a from_state:STOPPING pid:{pid}"),
    ]
    of_bad = [(event, payload) for event, payload in found if "processname:bad " in payload]
    assert of_bad == [
        ("PROCESS_STATE_STARTING", "processname:bad groupname:bad from_state:STOPPED tries:0"),
        ("PROCESS_STATE_BACKOFF", "processname:bad groupname:bad from_state:STARTING tries:1"),
        ("PROCESS_STATE_STARTING", "processname:bad groupname:bad from_state:BACKOFF tries:1"),
        ("PROCESS_STATE_BACKOFF", "processname:bad groupname:bad from_state:STARTING tries:2"),
        ("PROCESS_STATE_FATAL", "processname:bad groupname:bad from_state:BACKOFF"),
    ]
    assert ("PROCESS_STATE_STARTING", "processname:many_1 groupname:g from_state:STOPPED tries:0") in found
    serials = [int(header["serial"]) for header, _ in told(file)]
    assert serials == list(range(len(serials)))
    assert one.row("l")["state"] == "RUNNING"
    assert "READY" not in one.text()  # the protocol is nothing for people


def test_an_exit_says_whether_it_was_expected(stock: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    one = stock(
        listener(file, "PROCESS_STATE_EXITED")
        + "[program:a]\ncommand=sh -c 'echo $$; exit 0'\nstartsecs=0\n"
        + "[program:b]\ncommand=sh -c 'exit 4'\nstartsecs=0\nautorestart=false\n",
    )
    wait_for(file, "PROCESS_STATE_EXITED", 2)
    a, b = sorted(payloads(file, "PROCESS_STATE_EXITED"))
    pid = next(line for line in one.text().splitlines() if line.isdigit())
    assert a == f"processname:a groupname:a from_state:RUNNING expected:1 pid:{pid}"
    assert b.startswith("processname:b groupname:b from_state:RUNNING expected:0 pid:")


def test_the_last_thing_a_listener_hears_is_that_all_is_being_stopped(stock: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    one = stock(
        listener(file, "SUPERVISOR_STATE_CHANGE,PROCESS_STATE_STOPPED,PROCESS_GROUP")
        + "[program:a]\ncommand=sleep 1000\nstartsecs=0\n",
    )
    one.wait_state("a", "RUNNING")
    wait_for(file, "SUPERVISOR_STATE_CHANGE_RUNNING")
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert names(file) == [
        "PROCESS_GROUP_ADDED",
        "PROCESS_GROUP_ADDED",
        "SUPERVISOR_STATE_CHANGE_RUNNING",
        "SUPERVISOR_STATE_CHANGE_STOPPING",
        "PROCESS_STATE_STOPPED",
    ]
    assert payloads(file, "PROCESS_GROUP_ADDED") == ["groupname:l\\n", "groupname:a\\n"]


def test_ticks_are_multiples_of_their_seconds(stock: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    began = time.time()
    stock(listener(file, "TICK_5"))
    when = int(wait_for(file, "TICK_5")[0].removeprefix("when:"))
    assert when % 5 == 0
    assert began - 5 < when <= time.time()


@pytest.mark.parametrize("by", ["kill -15 $PPID", "kill -QUIT $PPID"])
def test_a_listener_that_ends_us_on_fatal_makes_us_fail(stock: Make, tmp_path: Path, by: str) -> None:
    """The listener that half of all images with supervisord have."""
    script = tmp_path / "stop-supervisor.sh"
    script.write_text(f"#!/bin/sh\nprintf 'READY\\n'\nwhile read line; do\n{by}\ndone\n")
    script.chmod(0o755)
    one = stock(
        f"[eventlistener:killer]\ncommand={script}\nevents=PROCESS_STATE_FATAL\n"
        "[program:web]\ncommand=sh -c 'exit 3'\nstartretries=1\n"
        "[program:other]\ncommand=sleep 1000\n",
        wait=False,
    )
    assert one.wait() == 3
    assert "web is FATAL" in one.text()


def test_a_refused_event_comes_again(stock: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    one = stock(listener(file, "SUPERVISOR_STATE_CHANGE_RUNNING", "fail 3"))
    wait_for(file, "SUPERVISOR_STATE_CHANGE_RUNNING", 4)
    assert len({header["serial"] for header, _ in told(file)}) == 1
    assert one.text().count("rejected event 0 (SUPERVISOR_STATE_CHANGE_RUNNING)") == 3


def test_r4_each_answer_of_one_with_a_result_handler_counts_as_accepted(stock: Make, tmp_path: Path) -> None:
    """What it answers is meant for a function of its own (supervisor-stdout, superlance's like)."""
    file = tmp_path / "events"
    handler = "result_handler=supervisor_stdout:event_handler"
    one = stock(
        listener(file, "PROCESS_STATE_RUNNING", "fail 1000", handler)
        + "[program:a]\ncommand=sleep 1000\nstartsecs=0\n[program:b]\ncommand=sleep 1000\nstartsecs=0\n"
    )
    eventually(lambda: len(told(file)) >= 3)
    assert len({header["serial"] for header, _ in told(file)}) == len(told(file))
    assert "rejected event" not in one.text()


def test_the_event_of_one_that_dies_over_it_comes_again(stock: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    one = stock(listener(file, "SUPERVISOR_STATE_CHANGE_RUNNING", "die", "autorestart=true"))
    wait_for(file, "SUPERVISOR_STATE_CHANGE_RUNNING", 2)
    assert len({header["serial"] for header, _ in told(file)}) == 1
    one.wait_text("l: ended without an answer to event 0")


def test_one_that_never_answers_does_not_hold_up_the_others(stock: Make, tmp_path: Path) -> None:
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    one = stock(
        listener(slow, "PROCESS_STATE", "silent", name="slow")
        + listener(quick, "PROCESS_STATE_STOPPED", "ok", "buffer_size=100", name="quick")
        + "[program:a]\ncommand=sleep 1000\nstartsecs=0\n",
    )
    one.wait_state("a", "RUNNING")
    for _ in range(12):
        one.ask("restart", "a")
    one.ask("stop", "a")
    wait_for(quick, "PROCESS_STATE_STOPPED", 13)  # a restart is a stop and a start there
    eventually(lambda: told(slow))
    assert len(told(slow)) == 1
    one.wait_text("slow: the event buffer is full (buffer_size = 10)")
    assert one.text().count("the event buffer is full") == 1  # said once
    one.signal(signal.SIGTERM)
    assert one.wait() == 0  # it is busy, and stopped all the same


@pytest.mark.parametrize("how", ["twice", "garbage 10000000", "garbage 6"])
def test_who_breaks_the_protocol_gets_no_more_events(stock: Make, tmp_path: Path, how: str) -> None:
    file = tmp_path / "events"
    one = stock(
        listener(file, "PROCESS_STATE", how, "autorestart=false")
        + "[program:a]\ncommand=sleep 1000\nstartsecs=0\n",
    )
    one.wait_text("l: broke the event listener protocol and gets no events until it is restarted")
    before = told(file)
    assert len(before) == (how == "twice")
    one.ask("restart", "a")
    assert one.row("l")["state"] == "RUNNING"
    assert told(file) == before
    if how == "twice":  # a new run is believed again, and what it had not processed is there
        one.ask("restart", "l")
        eventually(lambda: len(told(file)) > 1)


def test_one_that_does_not_read_stops_no_program(stock: Make, tmp_path: Path) -> None:
    """200 KB are more than a pipe holds: the rest waits in memory, not we."""
    file = tmp_path / "events"
    talk = tmp_path / "talk"
    talk.write_text(
        f"#!{sys.executable}\nimport time\nfor n in range(9): print('x' * 200000, flush=True)\ntime.sleep(1000)\n"
    )
    talk.chmod(0o755)
    one = stock(
        listener(file, "PROCESS_LOG", "deaf")
        + f"[program:talk]\ncommand={talk}\nstdout_events_enabled=true\nstartsecs=0\nautostart=false\n",
    )
    one.wait_state("l", "RUNNING")
    assert one.ask("start", "talk")["status"] == "ok"
    # a line longer than 64 KiB may have one of the daemon's own in it
    eventually(lambda: one.out.read_text().count("x") >= 9 * 200000)
    began = time.monotonic()
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert time.monotonic() - began < 9, "the ten seconds of a patience"


def test_one_that_closed_its_input_is_passed_over(stock: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    restarting = "[program:again]\ncommand=sleep 0.1\nstartsecs=0\n"  # something happens all the time
    one = stock(listener(file, "PROCESS_STATE", "closed") + restarting)
    one.wait_text("l: it has closed its standard input and gets no events any more")
    assert one.row("l")["state"] == "RUNNING"


def test_five_processes_share_the_events(stock: Make, tmp_path: Path) -> None:
    base = tmp_path / "events"
    loud = tmp_path / "loud"
    loud.write_text(
        f"#!{sys.executable}\nimport time\nfor n in range(200):\n    print(n, flush=True)\n    time.sleep(0.001)\n"
    )
    loud.chmod(0o755)
    one = stock(
        listener(
            Path(f"{base}%(process_num)d"),
            "PROCESS_LOG_STDOUT",
            "slow 20",
            "numprocs=5",
            "process_name=l%(process_num)d",
            "buffer_size=1000",
        )
        + f"[program:loud]\ncommand={loud}\nstdout_events_enabled=true\nstartsecs=0\nautorestart=false\n"
        "autostart=false\n",
    )
    files = [Path(f"{base}{number}") for number in range(5)]
    one.wait_state("l:l4", "RUNNING")
    one.ask("start", "loud")

    def lines() -> list[str]:
        events = sorted((int(h["poolserial"]), payload) for file in files for h, payload in told(file))
        return "".join(payload.split("\\n", 1)[1] for _, payload in events).replace("\\n", " ").split()

    eventually(lambda: lines() == [str(n) for n in range(200)])
    assert sum(bool(told(file)) for file in files) > 1
    serials = sorted(int(header["poolserial"]) for file in files for header, _ in told(file))
    assert serials == list(range(len(serials)))


def test_a_thousand_events_a_second(stock: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    script = tmp_path / "many"
    script.write_text(
        f"#!{sys.executable}\nimport sys, time\nsys.stdin = open('/dev/null')\n"
        "for n in range(2000):\n"
        "    print(f'<!--XSUPERVISOR:BEGIN-->{n}<!--XSUPERVISOR:END-->', end='', flush=True)\n"
        "    time.sleep(0.0005)\n"
    )
    script.chmod(0o755)
    one = stock(
        listener(file, "PROCESS_COMMUNICATION", "ok", "buffer_size=5000")
        + f"[program:many]\ncommand={script}\nstdout_capture_maxbytes=1KB\nstartsecs=0\nautorestart=false\n"
        "autostart=false\n",
    )
    one.wait_state("l", "RUNNING")
    one.ask("start", "many")
    found = wait_for(file, "PROCESS_COMMUNICATION_STDOUT", 2000, 30)
    assert [payload.split("\\n")[1] for payload in found] == [str(n) for n in range(2000)]
    assert "XSUPERVISOR" not in one.text()


def test_output_is_told_and_logged_as_it_is(stock: Make, tmp_path: Path) -> None:
    file = tmp_path / "events"
    one = stock(
        "[supervisord]\nstrip_ansi=true\nidentifier=box\n"
        + listener(file, "PROCESS_LOG", "ok", "stdout_logfile=" + str(tmp_path / "said"))
        + "[program:a]\ncommand=sh -c 'sleep 0.1; printf \"\\033[31mred\\033[0m\\n\"; echo no >&2'\nstartsecs=0\n"
        "stdout_events_enabled=true\nautorestart=false\n",
    )
    (found,) = wait_for(file, "PROCESS_LOG_STDOUT")
    pid = found.split("pid:")[1].split()[0]
    assert found == f"processname:a groupname:a pid:{pid} channel:stdout\\nred\\n"
    assert "red\n" in one.text()
    assert "\033" not in one.text()
    assert told(file)[0][0]["server"] == "box"
    # with a log file of its own the protocol is written down
    eventually(lambda: (tmp_path / "said").read_text().startswith("READY\nRESULT 2\nOK"))


def test_s4_what_is_logged_nowhere_is_told_all_the_same(stock: Make, tmp_path: Path) -> None:
    """`stdout_logfile=NONE` keeps neither events nor messages away (S4), and an unfinished line makes one too."""
    file = tmp_path / "events"
    one = stock(
        listener(file, "PROCESS_LOG,PROCESS_COMMUNICATION")
        + "[program:a]\ncommand=sh -c 'printf \"Password: \"; echo no >&2; sleep 1000'\nstartsecs=0\n"
        "stdout_logfile=NONE\nstdout_events_enabled=true\nstderr_logfile=NONE\nstderr_events_enabled=true\n"
        "[program:b]\ncommand=sh -c 'printf \"<!--XSUPERVISOR:BEGIN-->message<!--XSUPERVISOR:END-->\"; sleep 1000'\n"
        "startsecs=0\nstdout_logfile=NONE\nstdout_capture_maxbytes=1MB\n",
    )
    (said,) = wait_for(file, "PROCESS_LOG_STDOUT")
    assert said.split("\\n", 1)[1] == "Password: "
    (said,) = wait_for(file, "PROCESS_LOG_STDERR")
    assert said.split("\\n", 1)[1] == "no\\n"
    (said,) = wait_for(file, "PROCESS_COMMUNICATION_STDOUT")
    assert said.split("\\n", 1)[1] == "message"
    assert "Password" not in one.text()
    assert one.ask("logs", "a")["logs"] == []


def test_s4_without_events_nothing_is_read_of_what_goes_nowhere(stock: Make) -> None:
    one = stock(
        "[supervisord]\nstrip_ansi=true\n[program:a]\ncommand=sleep 1000\nstartsecs=0\n"
        "stdout_logfile=NONE\nstderr_logfile=NONE\n"
    )
    pid = one.wait_state("a", "RUNNING")["pid"]
    assert [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (1, 2)] == ["/dev/null", "/dev/null"]


def test_a_reload_adds_changes_and_removes_listeners(stock: Make, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    program = "[program:a]\ncommand=sleep 1000\nstartsecs=0\n"
    one = stock(program)
    pid = one.wait_state("a", "RUNNING")["pid"]
    rewrite(one, program + listener(first, "PROCESS_STATE_STOPPED,PROCESS_GROUP"))
    assert one.ask("reload")["added"] == ["l"]
    one.wait_state("l", "RUNNING")
    assert one.row("a")["pid"] == pid
    rewrite(one, program + listener(second, "PROCESS_STATE_STOPPED,PROCESS_GROUP,TICK_60"))
    assert one.ask("reload")["changed"] == ["l"]
    one.wait_state("l", "RUNNING")
    rewrite(one, listener(second, "PROCESS_STATE_STOPPED,PROCESS_GROUP,TICK_60"))
    assert one.ask("reload")["removed"] == ["a"]
    wait_for(second, "PROCESS_GROUP_REMOVED")
    assert payloads(second, "PROCESS_GROUP_REMOVED") == ["groupname:a\\n"]
    assert any("processname:a " in payload for payload in payloads(second, "PROCESS_STATE_STOPPED"))
    listening = one.row("l")["pid"]
    rewrite(one, program)
    assert one.ask("reload")["removed"] == ["l"]
    assert not alive(listening)
    one.wait_state("a", "RUNNING")
    before = pipes(one)
    rewrite(one, program + listener(first, "TICK_60"))
    one.ask("reload")
    one.wait_state("l", "RUNNING")
    rewrite(one, program)
    one.ask("reload")
    assert pipes(one) == before  # nothing is left open


def test_restarts_leave_no_descriptors(stock: Make, tmp_path: Path) -> None:
    one = stock(listener(tmp_path / "events", "TICK_60"))
    one.wait_state("l", "RUNNING")
    before = pipes(one)
    for _ in range(10):
        one.ask("restart", "l")
    one.wait_state("l", "RUNNING")
    assert pipes(one) == before


def test_no_listener_inherits_the_pipe_of_another(stock: Make, tmp_path: Path) -> None:
    one = stock(listener(tmp_path / "a", "TICK_60", name="a") + listener(tmp_path / "b", "TICK_60", name="b"))
    for name in ("a", "b"):
        one.wait_state(name, "RUNNING")
    folders = [f"/proc/{row['pid']}/fd" for row in one.status().values()]
    eventually(lambda: [set(os.listdir(folder)) for folder in folders] == [{"0", "1", "2"}] * 2)
