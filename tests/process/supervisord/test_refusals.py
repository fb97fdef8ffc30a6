"""What the protocol of supervisorctl refuses, and the order of its rows, beside the real supervisord."""

from __future__ import annotations

from pathlib import Path
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from tests.process.harness.supervisorctl import HEAD, SUPERVICE, SUPERVISORD, Stock

DAEMONS = (("ours", SUPERVICE), ("theirs", SUPERVISORD))
PROGRAMS = """\
[program:up]
command=sleep 1000
redirect_stderr=true
startsecs=0
[program:quiet]
command=sleep 1000
stdout_logfile=NONE
stderr_logfile=NONE
startsecs=0
[program:nowhere]
command=/nowhere/at/all
autostart=false
[program:text]
command={dir}/text
autostart=false
[program:many]
command=sleep 1000
process_name=m%(process_num)d
numprocs=11
startsecs=0
[program:short]
command=sh -c 'exit 3'
autostart=false
autorestart=false
startretries=0
[group:g]
programs=up,quiet
"""
QUESTIONS: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("startProcess", ("nowhere",)),
    ("startProcess", ("text",)),
    ("startProcess", ("short",)),
    ("startProcess", ("g:up",)),
    ("startProcess", ("g:none",)),
    ("startProcessGroup", ("none",)),
    ("stopProcess", ("short",)),
    ("stopProcess", ("none:*",)),
    ("signalProcess", ("g:up", "NOPE")),
    ("signalProcess", ("short", "USR1")),
    ("signalProcess", ("g:*", "CONT")),
    ("signalProcessGroup", ("g", "CONT")),
    ("signalProcessGroup", ("none", "CONT")),
    ("signalAllProcesses", ("CONT",)),
    ("signalProcess", ("many:*", "CONT")),
    ("readProcessStderrLog", ("g:up", 0, 0)),
    ("readProcessStdoutLog", ("g:quiet", 0, 0)),
    ("readProcessStdoutLog", ("g:none", 0, 0)),
    ("tailProcessStderrLog", ("g:up", 0, 10)),
    ("tailProcessStdoutLog", ("g:quiet", 0, 10)),
    ("clearProcessLogs", ("g:none",)),
    ("clearProcessLogs", ("g:up",)),
    ("getProcessInfo", ("none",)),
    ("addProcessGroup", ("none",)),
    ("removeProcessGroup", ("none",)),
    ("stopProcessGroup", ("g",)),
)


def test_what_is_refused_is_refused_as_by_supervisord(tmp_path: Path) -> None:
    """Each question stands beside both answers, so that a difference says where it is."""
    ours, theirs = (asked(tmp_path / name, program) for name, program in DAEMONS)
    assert ours == theirs


def asked(folder: Path, program: list[str]) -> list[object]:
    one = Stock(folder, PROGRAMS, program, HEAD)
    try:
        one.wait()
        (folder / "text").write_text("no program")
        transport = SupervisorTransport(None, None, f"unix://{one.socket}")
        with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return [[name, words, answer(proxy, name, words)] for name, words in QUESTIONS]
    finally:
        one.stop()


def answer(proxy: ServerProxy, name: str, words: tuple[object, ...]) -> object:
    try:
        said: object = getattr(proxy.supervisor, name)(*words)
        if isinstance(said, list) and name.startswith("stop"):  # in the order in which they ended
            said.sort(key=lambda row: row["name"])
        return said
    except Fault as fault:
        return fault.faultCode, fault.faultString.partition(":")[0]  # the words behind it are our own
