"""The faults of the review that a stranger's paths were behind, each as it was seen."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supervice.net.unix_listener import Listener
from tests.eventually import eventually
from tests.process.hostile_paths.stage import OTHER, SECRET, STRANGER, Stage, held, seen

WRITER = (
    "sh -c 'while :; do if [ -e {root}/go ]; then rm {root}/go; seq 100000 {last}; touch {root}/went; fi; "
    "sleep 0.05; done'"
)


def writer(stage: Stage, log: Path, last: int = 110000, **options: object) -> str:
    """A program that writes 7 bytes a number once `write` asks for it."""
    settings = {
        "startsecs": 0,
        "stopsignal": "KILL",
        "stdout_logfile": log,
        "stdout_logfile_maxbytes": "16KB",
    }
    settings |= {"stdout_logfile_backups": 3, **options}
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    return f"[program:app]\ncommand = {WRITER.format(root=stage.root, last=last)}\n{lines}"


def write(stage: Stage) -> None:
    (stage.root / "went").unlink(missing_ok=True)
    (stage.root / "go").touch()
    eventually((stage.root / "went").exists, 15, message=stage.text)
    stage.ask("status")


def running(stage: Stage, name: str = "app") -> dict[str, Any]:
    return eventually(
        lambda: next(row for row in [stage.answers()[name]] if row["state"] == "RUNNING"),
        15,
        message=stage.text,
    )


# -- A1 --------------------------------------------------------------------------------------------------


def test_a1_compression_never_copies_a_mode_of_the_stranger(stage: Stage) -> None:
    """A backup with set-id bits became a file of root's with the same bits, open to be overwritten."""
    planted = stage.sub / "a.log.2"
    planted.write_bytes(os.urandom(70000))
    stage.give(planted).chmod(0o6777)
    before = seen(planted)
    stage.start(f"[supervice]\n{writer(stage, stage.sub / 'a.log', stdout_logfile_compress='true')}")
    running(stage)
    for _ in range(3):
        write(stage)
    eventually(lambda: any(p.suffix == ".gz" for p in stage.sub.iterdir()), message="something is compressed")
    assert stage.stop() == 0
    assert seen(planted) == before
    for path in stage.sub.iterdir():
        if path != planted:
            status = path.lstat()
            assert status.st_uid == 0
            assert stat.S_IMODE(status.st_mode) == 0o640, (path, oct(status.st_mode))
    assert f"{planted}: " in stage.text
    assert "left alone" in stage.text


def test_a1_a_hard_link_is_not_compressed(stage: Stage) -> None:
    """What only root may read would have come out readable beside it, and then have lost its name."""
    (stage.sub / "a.log.1").hardlink_to(stage.victim)
    before = seen(stage.private)
    stage.start(f"[supervice]\n{writer(stage, stage.sub / 'a.log', stdout_logfile_compress='true')}")
    running(stage)
    write(stage)
    eventually(lambda: any(p.suffix == ".gz" for p in stage.sub.iterdir()), message="something is compressed")
    assert stage.stop() == 0
    assert seen(stage.private) == before
    assert os.lstat(stage.sub / "a.log.1").st_ino == stage.victim.stat().st_ino


# -- A2, A3 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("switch", [False, True], ids=["stays root", "switches user"])
def test_a2_the_pid_file_follows_no_link(stage: Stage, switch: bool) -> None:
    """The file behind the link was emptied, and given to the user that the daemon switched to."""
    (stage.sub / "s.pid").symlink_to(stage.victim)
    stage.give(stage.sub / "s.pid")
    before = seen(stage.private)
    user = "user = 12345\n" if switch else ""
    stage.start(f"[supervice]\npidfile = {stage.sub}/s.pid\n{user}[program:a]\ncommand = sleep 1000\n")
    stage.said("without a pid file")
    stage.stop()  # as uid 12345 it may be unable to read this Python, and end with 2 by itself
    assert seen(stage.private) == before
    assert (stage.sub / "s.pid").is_symlink()
    assert f"{stage.sub}/s.pid: is a symbolic link of uid 12345" in stage.text


def test_a2_only_our_own_pid_file_is_removed(stage: Stage) -> None:
    stage.start(f"[supervice]\npidfile = {stage.sub}/s.pid\n[program:a]\ncommand = sleep 1000\n")
    eventually((stage.sub / "s.pid").exists)
    stage.answers()
    (stage.sub / "s.pid").rename(stage.sub / "moved")
    (stage.sub / "s.pid").write_text("1\n")
    assert stage.stop() == 0
    assert (stage.sub / "s.pid").read_text() == "1\n"


@pytest.mark.parametrize("kind", ["fifo", "held fifo", "locked file", "locked by a reader"])
def test_a3_a_pid_file_that_a_stranger_holds_does_not_keep_us_from_starting(stage: Stage, kind: str) -> None:
    """A FIFO under a lock made the daemon wait for ever, a locked file ended it with 2."""
    path = stage.sub / "s.pid"
    if "fifo" in kind:
        os.mkfifo(path, 0o666)
        stage.give(path)
    else:
        path.write_text("1\n")  # left by a killed daemon of root's: every user may read it, and lock it
        if kind == "locked file":
            stage.give(path)
    if kind == "locked by a reader":

        def lock() -> int:
            fd = os.open(path, os.O_RDONLY)
            fcntl.flock(fd, fcntl.LOCK_EX)
            return fd

        stage.helper(lock)
    elif kind != "fifo":
        stage.helper(lambda: held(path))
    stage.start(f"[supervice]\npidfile = {path}\n[program:a]\ncommand = sleep 1000\n")
    stage.answers()
    assert "running without a pid file" in stage.text
    assert stage.stop() == 0


@pytest.mark.parametrize("kind", ["fifo", "held fifo"])
def test_a3_a_termination_log_that_is_a_fifo_does_not_hold_up_the_end(stage: Stage, kind: str) -> None:
    path = stage.sub / "term"
    os.mkfifo(path, 0o666)
    stage.give(path)
    if kind == "held fifo":
        stage.helper(lambda: held(path))
    stage.start(f"[supervice]\ntermination_log = {path}\n[program:a]\ncommand = sleep 1000\n")
    stage.answers()
    assert stage.stop() == 0
    assert f"no termination message: {path}: is a FIFO of uid 12345" in stage.text


# -- A8, A9 ----------------------------------------------------------------------------------------------


def test_a8_a_directory_swapped_for_a_link_is_not_rotated_into(stage: Stage) -> None:
    for name in ("app.sh", "app.sh.1"):
        (stage.private / name).write_text("root's own\n")
    stage.start(f"[supervice]\n{writer(stage, stage.sub / 'app.sh')}")
    running(stage)
    before = seen(stage.private)
    stage.sub.rename(stage.data / "sub2")
    stage.sub.symlink_to(stage.private)
    stage.give(stage.sub)
    write(stage)
    stage.said("cannot be rotated")
    assert seen(stage.private) == before
    assert "its part sub is" not in stage.text
    assert f"{stage.sub} is a symbolic link of uid 12345" in stage.text
    assert stage.stop() == 0
    assert (stage.data / "sub2" / "app.sh").read_text().endswith("110000\n"), "nothing is lost"


def test_a8_a_link_that_was_planted_is_not_followed_by_the_next_daemon(stage: Stage) -> None:
    (stage.sub / "app.log").symlink_to(stage.victim)
    stage.give(stage.sub / "app.log")
    stage.start(f"[supervice]\n{writer(stage, stage.sub / 'app.log', startretries=-1)}")
    row = eventually(lambda: next(r for r in [stage.answers()["app"]] if r["state"] == "BACKOFF"), 15)
    assert "symbolic link of uid 12345" in row["reason"]
    assert stage.stop() == 0
    assert stage.victim.read_text() == SECRET


def test_a8_links_of_roots_are_followed(stage: Stage) -> None:
    """As images have them: the log on a volume, or on the container's stdout."""
    (stage.root / "logs").symlink_to(stage.sub)
    (stage.sub / "out.log").symlink_to("/dev/stdout")
    stage.start(
        f"[supervice]\n{writer(stage, stage.root / 'logs' / 'app.log')}"
        f"[program:b]\ncommand = sh -c 'echo to our stdout; exec sleep 1000'\nstdout_logfile = {stage.sub}/out.log\n"
    )
    running(stage)
    stage.said("to our stdout")
    write(stage)
    assert (stage.sub / "app.log.1").exists()
    assert stage.stop() == 0


@pytest.mark.parametrize("with_what", ["symlink", "another socket", "hard link"])
def test_a9_the_socket_is_given_away_by_its_descriptor(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, with_what: str
) -> None:
    """The stranger swaps the socket for something else just before its owner is changed."""
    path = stage.sub / "s.sock"
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(stage.private / "other"))
    other.listen()
    real_chown, real_umask = os.chown, os.umask
    victim = stage.victim if with_what != "another socket" else stage.private / "other"

    def swap() -> None:
        if path.is_socket() and not path.with_name("moved").exists():
            path.rename(path.with_name("moved"))
            path.symlink_to(victim) if with_what == "symlink" else path.hardlink_to(victim)

    def chown(*args: Any, **more: Any) -> None:
        swap()
        real_chown(*args, **more)

    def umask(mask: int) -> int:
        swap()  # between bind, which is called under a umask, and whatever comes next
        return real_umask(mask)

    before = seen(stage.private)
    monkeypatch.setattr(os, "chown", chown)
    monkeypatch.setattr(os, "umask", umask)
    lines: list[str] = []
    listener: Listener | None = None
    try:
        listener = Listener(str(path), 0o660, STRANGER, lines.append, uid=STRANGER)
    except OSError as error:
        lines.append(str(error))
    monkeypatch.undo()
    assert path.with_name("moved").exists(), "the swap has come"
    assert seen(stage.private) == before
    assert lines
    if listener is not None:
        listener.close()
    other.close()
    assert os.path.lexists(path), "it is the stranger's, and stays"


def test_a9_the_owner_is_changed_where_nothing_interferes(stage: Stage) -> None:
    """In a directory of the stranger's, and in one of root's."""
    for directory in (stage.sub, stage.private):
        listener = Listener(str(directory / "s.sock"), 0o660, 4242, uid=STRANGER)
        status = (directory / "s.sock").lstat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (STRANGER, 4242, 0o660)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(directory / "s.sock"))
        listener.close()
        assert not (directory / "s.sock").exists()


# -- B1, B2, B3 ------------------------------------------------------------------------------------------


def lock_directory(path: Path) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


@pytest.mark.parametrize("explicit", [False, True])
def test_b1_a_lock_on_the_directory_takes_no_control_socket_away(stage: Stage, explicit: bool) -> None:
    for directory in (stage.tmp, stage.root / "run", stage.root / "shm", stage.sub):
        stage.helper(partial(lock_directory, directory))
    option = f"socket = {stage.sub}/s.sock\n" if explicit else ""
    stage.start(f"[supervice]\n{option}[program:a]\ncommand = sleep 1000\n")
    stage.answers()
    path = stage.sub / "s.sock" if explicit else stage.tmp / "supervice.sock"
    assert path.is_socket()
    assert stage.stop() == 0
    assert not path.exists()


def in_the_way(stage: Stage, path: Path, kind: str) -> None:
    if kind == "file":
        path.write_text("mine\n")
    elif kind == "fifo":
        os.mkfifo(path, 0o666)
    elif kind == "link":
        path.symlink_to(stage.private / "s.sock")
    elif kind == "directory":
        path.mkdir()
    else:

        def listen() -> socket.socket:
            sock = socket.socket(socket.AF_UNIX)
            sock.bind(str(path))
            path.chmod(0o777)
            sock.listen(0)
            if kind == "full listener":
                clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
                for client in clients:
                    client.setblocking(False)
                    client.connect_ex(str(path))
                kept.extend(clients)
            return sock

        kept: list[socket.socket] = []
        stage.helper(listen)
    stage.give(path)


KINDS = ("file", "fifo", "link", "directory", "listener", "full listener")


@pytest.mark.parametrize("kind", KINDS)
def test_b2_what_a_stranger_leaves_at_a_default_place_is_passed_over(stage: Stage, kind: str) -> None:
    path = stage.tmp / "supervice.sock"
    in_the_way(stage, path, kind)
    before = seen(path)
    stage.start("[supervice]\n[program:a]\ncommand = sh -c 'echo at $SUPERVICE_SOCKET; exec sleep 1000'\n")
    stage.said("at /run/supervice.sock")
    assert "/tmp/supervice.sock: " in stage.text
    assert stage.stop() == 0
    assert seen(path) == before


@pytest.mark.parametrize("kind", KINDS)
def test_b2_what_a_stranger_leaves_at_our_own_place_does_not_keep_us_from_starting(
    stage: Stage, kind: str
) -> None:
    path = stage.sub / "s.sock"
    in_the_way(stage, path, kind)
    before = seen(path)
    stage.start(f"[supervice]\nsocket = {path}\n[program:a]\ncommand = sleep 1000\n")
    stage.said("a: running")
    assert f"{path}: " in stage.text
    eventually(lambda: (stage.tmp / "supervice.sock").is_socket(), message=stage.text)
    assert stage.stop() == 0
    assert seen(path) == before


def test_b2_where_every_plain_name_is_held_one_with_the_mark_is_taken(stage: Stage) -> None:
    places = [stage.tmp, stage.root / "run", stage.root / "shm"]
    for directory in places:
        in_the_way(stage, directory / "supervice.sock", "file")
    stage.start("[supervice]\n[program:a]\ncommand = sleep 1000\n")
    stage.said("a: running")
    (marked,) = stage.tmp.glob("supervice-*.sock")
    assert marked.is_socket()
    assert stage.stop() == 0


def test_b2_a_mistake_of_roots_is_still_refused(stage: Stage) -> None:
    path = stage.private / "s.sock"
    path.write_text("precious")
    stage.start(f"[supervice]\nsocket = {path}\n[program:a]\ncommand = sleep 1000\n")
    assert stage.daemon is not None
    assert stage.daemon.wait(15) == 2
    assert path.read_text() == "precious"


def test_b3_the_client_does_not_wait_at_a_strangers_full_queue(stage: Stage) -> None:
    """It waited 10 s before it looked at who listens."""
    in_the_way(stage, stage.tmp / "supervice.sock", "full listener")
    stage.start("[supervice]\n[program:a]\ncommand = sleep 1000\n")
    eventually(lambda: (stage.root / "run" / "supervice.sock").is_socket(), message=stage.text)
    begin = time.monotonic()
    code = "import sys; from supervice.cli.ctl import main; sys.exit(main())"
    found = stage.run(sys.executable, "-c", code, "status")
    assert found.returncode == 0, found
    assert "\na " in found.stdout
    assert time.monotonic() - begin < 8
    assert stage.stop() == 0


# -- B5 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["secrets = S={path}", "env_file = {path}"])
@pytest.mark.parametrize("kind", ["link", "hard link", "parent"])
def test_b5_a_secret_is_opened_with_the_rights_of_the_program(stage: Stage, option: str, kind: str) -> None:
    stage.victim.write_text("S=what only root may read\n")
    path = stage.sub / "secret"
    if kind == "link":
        path.symlink_to(stage.victim)
        stage.give(path)
    elif kind == "hard link":
        path.hardlink_to(stage.victim)
    else:
        (stage.private / "secret").write_text("S=what only root may read\n")
        stage.sub.rmdir()
        stage.sub.symlink_to(stage.private)
        stage.give(stage.sub)
    stage.start(
        "[supervice]\n[program:app]\ncommand = sh -c 'env; exec sleep 1000'\nuser = 12345\nstartretries = -1\n"
        f"{option.format(path=path)}\n"
    )
    row = eventually(lambda: next(r for r in [stage.answers()["app"]] if r["state"] == "BACKOFF"), 15)
    assert stage.stop() == 0
    assert "what only root" not in stage.text
    assert str(path) in row["reason"]


def test_b5_a_secret_of_the_programs_own_is_read(stage: Stage) -> None:
    """Also through a link of its own to a file that it may read; root's own are read as before."""
    (stage.sub / "real").write_text("own secret\n")
    stage.give(stage.sub / "real").chmod(0o600)
    (stage.sub / "secret").symlink_to("real")
    stage.give(stage.sub / "secret")
    stage.start(
        "[supervice]\n[program:app]\ncommand = sh -c 'echo $S$T; exec sleep 1000'\nuser = 12345\n"
        f"secrets = S={stage.sub}/secret, T={stage.victim}\n"
    )
    stage.said(f"own secret{SECRET}")
    running(stage)
    pid = stage.answers()["app"]["pid"]
    assert (Path("/proc") / str(pid)).stat().st_uid == STRANGER
    assert stage.daemon is not None
    status = (Path("/proc") / str(stage.daemon.pid) / "status").read_text()
    assert "\nUid:\t0\t0\t0\t0\n" in status
    mine = next(line for line in Path("/proc/self/status").read_text().splitlines() if "Groups" in line)
    assert f"\n{mine}\n" in status
    assert os.stat(f"/proc/{stage.daemon.pid}/fd").st_uid == 0
    assert stage.stop() == 0


# -- K10 -------------------------------------------------------------------------------------------------


def test_k10_what_a_killed_run_left_goes_at_the_next_start(stage: Stage) -> None:
    text = (
        "[supervice]\n[program:a]\ncommand = sh -c 'echo at $NOTIFY_SOCKET; exec sleep 1000'\nready = notify\n"
        f"{writer(stage, stage.sub / 'a.log', stdout_logfile_compress='true')}"
    )
    (stage.root / "run" / "supervice-0123456789ab").mkdir()  # not ours: nothing in it tells so
    stage.give(stage.root / "run" / "supervice-0123456789ab")
    for _ in range(3):
        seen_before = stage.text.count("at /run/supervice-") if stage.daemon else 0
        stage.start(text)
        stage.said_more("at /run/supervice-", seen_before)
        (stage.sub / "a.log.gz.tmp").write_bytes(b"half of it")
        stage.kill()
    stage.start(text)
    running(stage)
    eventually(lambda: not (stage.sub / "a.log.gz.tmp").exists())
    left = [p for p in (stage.root / "run").iterdir() if p.name.startswith("supervice-")]
    assert len(left) == 2, left
    assert stage.stop() == 0
    names = [p.name for p in (stage.root / "run").iterdir() if p.name.startswith("supervice-")]
    assert names == ["supervice-0123456789ab"]


# -- included files --------------------------------------------------------------------------------------


def test_an_included_file_of_a_foreign_owner_is_a_warning(stage: Stage) -> None:
    part = stage.root / "part.conf"
    part.write_text("[program:b]\ncommand = sleep 1000\n")
    stage.give(part, OTHER)
    stage.start(f"[supervice]\n[include]\nfiles = {part}\n[program:a]\ncommand = sleep 1000\n")
    assert set(stage.answers()) == {"a", "b"}
    assert "belongs to uid 54321" in stage.text
    assert stage.stop() == 0


def test_an_included_file_behind_a_foreign_link_is_not_read(stage: Stage) -> None:
    part = stage.sub / "part.conf"
    part.symlink_to(stage.victim)
    stage.give(part)
    stage.start(f"[supervice]\n[include]\nfiles = {part}\n[program:a]\ncommand = sleep 1000\n")
    assert stage.daemon is not None
    assert stage.daemon.wait(15) == 2
    assert f"{part} cannot be read: is a symbolic link of uid 12345" in stage.text
    assert "what only" not in stage.text
