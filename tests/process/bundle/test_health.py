"""`supervicectl health` of the bundle, answered in C, says what the one in Python says: word for word, with the same exit code.

The limit on memory is what tells who answered: there is too little for an interpreter.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from supervice.control.protocol import encode
from tests.paths import ROOT
from tests.process.harness.bundle import bundle_folder
from tests.process.harness.daemon import Daemon
from tests.process.harness.fake_daemon import FakeDaemon

pytestmark = pytest.mark.timeout(1600)

TOO_LITTLE = 10 << 20  # bytes of address space: the program alone has 8 MiB


CLEAN = {key: value for key, value in os.environ.items() if not key.startswith("SUPERVICE")}


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def supervicectl() -> Path:
    return bundle_folder() / "bin" / "supervicectl"


@pytest.fixture
def public(supervicectl: Path) -> Iterator[Path]:
    """A folder that every user can get at, with the program in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(supervicectl, folder)
        yield folder


def _starve() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (TOO_LITTLE, TOO_LITTLE))


def ask(command: list[str], starved: bool = False, **options: Any) -> Answer:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=_starve if starved else None,
        **options,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def both(supervicectl: Path, *arguments: str, starved: bool = True, **options: Any) -> Answer:
    """The answer that both give, of which the bundle's comes without Python when that is `starved`."""
    options["env"] = {**CLEAN, **options.get("env", {})}
    python = ask_python(*arguments, **options)
    own = ask([str(supervicectl), *arguments], starved=starved, **options)
    assert own == python
    return own


def ask_python(*arguments: str, user: int = -1, **options: Any) -> Answer:
    """The answer of the same sources on the Python that runs the tests."""
    # Another user may not be able to read the modules.
    code = f"import os, supervice.cli.replies as r, supervice.cli.ctl as c; os.setresuid(*[{user}] * 3); c.main()"
    options["env"] = {**options.get("env", CLEAN), "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
    return ask([sys.executable, "-c", code, *arguments], **options)


def test_too_little_memory_keeps_python_out(supervicectl: Path) -> None:
    """Or the tests below would prove nothing."""
    assert ask([str(supervicectl), "version"], starved=True).code not in (0, 4)


def test_a_daemon_is_asked(supervicectl: Path, daemon: Callable[..., Daemon]) -> None:
    one = daemon(
        "[program:web]\ncommand = sleep 100\nstartsecs = 0\n"
        "[program:late]\ncommand = sleep 100\nautostart = false\n"
    )
    one.wait_state("web", "RUNNING")
    said = both(supervicectl, "-s", str(one.socket), "health")
    assert said.code == 0
    assert said.out.startswith("healthy\nNAME  STATE")
    for kind in ("--live", "--ready"):
        said = both(supervicectl, f"--socket={one.socket}", "--timeout", "5", "health", kind)
        assert said.out.startswith(f"{kind[2:]}\n")


@pytest.mark.parametrize(
    ("environment", "files"),
    [
        ({}, {}),
        ({"XDG_RUNTIME_DIR": "/nowhere"}, {}),
        ({"XDG_RUNTIME_DIR": "relative"}, {}),
        ({"SUPERVICE_SOCKET": "/nowhere/told.sock"}, {}),
        ({"SUPERVICE_SOCKET": "none"}, {}),
        ({}, {"supervice.conf": "[supervice]\nsocket = /nowhere/a.sock ; comment\n"}),
        ({}, {"supervisord.conf": "[supervice]\nsocket:/nowhere/b.sock\t# comment\n[program:x]\nsocket=/no/c\n"}),
        ({}, {"supervice.conf": "[ supervice ]\n socket = /indented\nsocket = none\n"}),
        ({}, {"supervice.conf": "[supervice]\nsocket_mode = 0700\nsocket=/nowhere/d.sock\nsocket = /nowhere/e.sock\n"}),
        ({"SUPERVICE_CONFIG": "other.conf"}, {"other.conf": "[supervice]\nsocket = /nowhere/f.sock\n"}),
        ({"SUPERVICE_CONFIG": "none"}, {"supervice.conf": "[supervice]\nsocket = /nowhere/g.sock\n"}),
        ({"SUPERVICE_CONFIG": "missing.conf"}, {}),
    ],
)  # fmt: skip
def test_the_same_places_are_looked_at(
    supervicectl: Path, tmp_path: Path, environment: dict[str, str], files: dict[str, str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    said = both(supervicectl, "health", env=environment, cwd=tmp_path)
    assert said.code == 4, said


@pytest.mark.parametrize(
    "line",
    [
        "socket = %(here)s/a.sock",
        "socket = relative.sock",
        "socket = /nowhere/../b.sock",
        "socket = /nowhere/\N{LATIN SMALL LETTER E WITH ACUTE}.sock",
        "socket = /nowhere/%(ENV_HOME)s.sock",
        "[include]\nfiles = more.inc",
    ],
)
def test_what_needs_more_than_a_glance_is_left_to_python(
    supervicectl: Path, tmp_path: Path, line: str
) -> None:
    (tmp_path / "supervice.conf").write_text(f"[supervice]\n{line}\n")
    (tmp_path / "more.inc").write_text("[supervice]\nsocket = /nowhere/included.sock\n")
    python = ask_python("health", cwd=tmp_path)
    own = ask([str(supervicectl), "health"], cwd=tmp_path, env=CLEAN)
    assert own == python
    assert own.code == 4


ROW = {"name": "web", "state": "RUNNING", "healthy": True, "ready": None, "message": ""}


@pytest.mark.parametrize(
    "reply",
    [
        {"status": "ok", "healthy": True, "processes": []},
        {"status": "ok", "healthy": False, "message": "not live: a is \x1b UNHEALTHY: Größe", "processes": [ROW]},
        {"status": "ok", "healthy": True, "processes": [ROW]},
        {"processes": [ROW], "healthy": True, "status": "ok", "extra": [{"a": [1, -2.5e3, None, {}]}, []]},
        {"status": "ok", "healthy": None, "processes": [{**ROW, "name": "a-long-name", "healthy": None}, ROW]},
        {"status": "ok", "healthy": False, "processes": [
            {**ROW, "ready": True},
            {**ROW, "name": "db", "ready": False, "message": "waits for\tcache\n"},
            {**ROW, "name": "queue", "healthy": False, "message": 'said "no" \\ \x1b[31m\x7f /'},
            {**ROW, "name": "both", "healthy": False, "ready": False, "message": None},
        ]},
        {"status": "ok", "healthy": False, "processes": [{**ROW, "message": "Größe → 日本語 한국어 €"}, {**ROW, "name": "ü"}]},
        {"status": "error", "code": "FORBIDDEN", "message": "uid 5 may not\nask"},
    ],
)  # fmt: skip
def test_a_reply_is_shown_in_the_same_words(
    supervicectl: Path, tmp_path: Path, reply: dict[str, Any]
) -> None:
    with FakeDaemon(tmp_path / "s.sock", encode(reply)) as fake:
        said = both(supervicectl, "-s", str(fake.path), "health")
    assert said.code == (0 if reply.get("healthy") is True else 1)


@pytest.mark.parametrize(
    "reply",
    [
        {
            "status": "ok",
            "healthy": False,
            "processes": [{**ROW, "message": "\u202e turned round \U000e0001"}],
        },
        {"status": "ok", "healthy": True, "processes": [{**ROW, "name": 5}, "no row"]},
        {"status": "error", "code": "FAILED"},
        {"healthy": True},
    ],
)
def test_what_is_not_ordinary_is_left_to_python(
    supervicectl: Path, tmp_path: Path, reply: dict[str, Any]
) -> None:
    with FakeDaemon(tmp_path / "s.sock", encode(reply)) as fake:
        command = ["-s", str(fake.path), "health"]
        assert ask([str(supervicectl), *command], env=CLEAN) == ask_python(*command)


@pytest.mark.parametrize("frame", [b"", b"\0\0", b"\0\0\0\x0a{"])
def test_a_daemon_that_hangs_up(supervicectl: Path, tmp_path: Path, frame: bytes) -> None:
    with FakeDaemon(tmp_path / "s.sock", frame) as fake:
        said = both(supervicectl, "-s", str(fake.path), "health")
    assert said.code == 4
    assert "hung up" in said.err


def test_a_daemon_that_does_not_answer(supervicectl: Path, tmp_path: Path) -> None:
    with FakeDaemon(tmp_path / "s.sock", None) as fake:
        said = both(supervicectl, "-s", str(fake.path), "--timeout", "1", "health")
    assert said == (4, "", "supervicectl: the daemon did not answer within 1 s\n")


def test_a_socket_without_a_listener(supervicectl: Path, tmp_path: Path) -> None:
    FakeDaemon(tmp_path / "s.sock", None).close()
    assert both(supervicectl, "-s", str(tmp_path / "s.sock"), "health").code == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be another user")
def test_a_daemon_of_a_stranger_is_refused(public: Path) -> None:
    """One that runs as neither root nor us; it gets no question."""
    with FakeDaemon(public / "s.sock", encode({"status": "ok", "healthy": True}), uid=12345) as fake:
        fake.path.chmod(0o777)
        said = both(public / "supervicectl", "-s", str(fake.path), "health", user=54321, starved=False)
        assert fake.asked == 0
    assert said.code == 4
    assert "uid 12345" in said.err


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be another user")
def test_a_socket_without_permission(public: Path) -> None:
    with FakeDaemon(public / "s.sock", encode({"status": "ok"})) as fake:
        fake.path.chmod(0o700)
        said = both(public / "supervicectl", "-s", str(fake.path), "health", user=54321, starved=False)
    assert said.code == 4
    assert "permission denied" in said.err


@pytest.mark.parametrize(
    "arguments", [["health", "web"], ["health", "--json"], ["status"], ["health", "--what"], []]
)
def test_everything_else_is_pythons(supervicectl: Path, tmp_path: Path, arguments: list[str]) -> None:
    reply = {"status": "ok", "healthy": True, "processes": []}
    with FakeDaemon(tmp_path / "s.sock", encode(reply)) as fake:
        command = ["-s", str(fake.path), *arguments]
        assert ask([str(supervicectl), *command], env=CLEAN) == ask_python(*command)


def test_it_costs_less_than_3_ms(supervicectl: Path, tmp_path: Path) -> None:
    """The least of many: what other work on the machine adds is not ours."""
    least = 1e9
    with FakeDaemon(
        tmp_path / "s.sock", encode({"status": "ok", "healthy": True, "processes": [ROW] * 20})
    ) as fake:
        null = os.open(os.devnull, os.O_WRONLY)
        for _ in range(20):
            pid = os.posix_spawn(supervicectl, [str(supervicectl), "-s", str(fake.path), "health"], os.environ,
                                 file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])  # fmt: skip
            _, status, usage = os.wait4(pid, 0)
            assert status == 0
            least = min(least, usage.ru_utime + usage.ru_stime)
        os.close(null)
    assert least < 0.003
