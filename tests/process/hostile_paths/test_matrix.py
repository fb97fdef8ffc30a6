"""Every path that root opens, by what a stranger may have put there, by the moment at which it is opened.

For all paths of one case at once: the daemon starts, goes on, answers and ends with 0, and neither what is
root's alone nor what the stranger made is read, written, changed, moved or removed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.hostile_paths.stage import OTHER, SECRET, STRANGER, Stage, held, seen

Plant = Callable[[Stage, Path], None]


def symlink(stage: Stage, path: Path) -> None:
    path.symlink_to(stage.victim)
    stage.give(path)


def hard_link(stage: Stage, path: Path) -> None:
    path.hardlink_to(stage.victim)  # as where fs.protected_hardlinks is 0


def fifo(stage: Stage, path: Path) -> None:
    os.mkfifo(path, 0o666)
    stage.give(path)


def held_fifo(stage: Stage, path: Path) -> None:
    fifo(stage, path)
    stage.helper(lambda: held(path))


def directory(stage: Stage, path: Path) -> None:
    path.mkdir()
    stage.give(path)


def set_id(stage: Stage, path: Path) -> None:
    path.write_text("X=stranger\n")
    stage.give(path)
    path.chmod(0o6777)


def foreign(stage: Stage, path: Path) -> None:
    path.write_text("X=stranger\n")
    path.chmod(0o666)
    stage.give(path, OTHER)


KINDS: tuple[Plant, ...] = (symlink, hard_link, fifo, held_fifo, directory, set_id, foreign)

OURS = """
[supervice]
logfile = {sub}/daemon.log
log_maxbytes = 16KB
log_backups = 2
log_compress = true
pidfile = {sub}/s.pid
socket = {sub}/s.sock
http = unix:{sub}/http.sock
termination_log = {sub}/term
[program:app]
command = sh -c 'while :; do if [ -e {root}/go ]; then rm {root}/go; seq 100000 110000; touch {root}/went; fi; sleep 0.05; done'
startsecs = 0
startretries = -1
backoff_max = 1
stopsignal = KILL
stdout_logfile = {sub}/app.log
stdout_logfile_maxbytes = 16KB
stdout_logfile_backups = 2
stdout_logfile_compress = true
[program:quiet]
command = sh -c 'while :; do if [ -e {root}/go2 ]; then rm {root}/go2; seq 100000 110000; touch {root}/went2; fi; sleep 0.05; done'
startsecs = 0
stopsignal = KILL
stdout_logfile = {sub}/quiet.log
stdout_logfile_maxbytes = 16KB
stdout_logfile_backups = 2
stdout_logfile_compress = true
[program:secret]
command = sh -c 'echo "X=$X S=$S"; exec sleep 1000'
startsecs = 0
startretries = -1
user = 12345
env_file = {sub}/env
secrets = S={sub}/secret
[program:healthy]
command = sleep 1000
startsecs = 0
"""
# What a case puts something at. `quiet.log` itself is left alone: its backups have their turn in a rotation.
NAMES = (
    *("daemon.log", "daemon.log.1", "daemon.log.gz.tmp", "s.pid", "s.sock", "http.sock", "term"),
    *("app.log", "app.log.1", "quiet.log.1", "quiet.log.1.gz", "quiet.log.2", "quiet.log.gz.tmp"),
    *("env", "secret"),
)

STOCK = """
[supervisord]
nodaemon = true
logfile = {sub}/daemon.log
pidfile = {sub}/s.pid
[unix_http_server]
file = {sub}/rpc.sock
chown = 12345
[fcgi-program:pool]
command = sleep 1000
socket = unix://{sub}/pool.sock
user = 12345
startsecs = 0
startretries = 1000
[program:healthy]
command = sleep 1000
startsecs = 0
"""
STOCK_NAMES = ("daemon.log", "s.pid", "rpc.sock", "pool.sock")


def plant(stage: Stage, kind: Plant, names: tuple[str, ...]) -> dict[str, tuple[object, ...]]:
    """Puts it in the place of each file; what was there is moved away. Returns what may not change."""
    before = {}
    for name in names:
        path = stage.sub / name
        if os.path.lexists(path):
            path.rename(path.with_name(f"moved-{name}"))
        kind(stage, path)
        before.update(seen(path))
    before.update(seen(stage.private))
    return before


def swap_directory(stage: Stage) -> dict[str, tuple[object, ...]]:
    """The directory of all paths becomes a link to one of root's, in which their names are taken."""
    for name in NAMES + STOCK_NAMES:
        path = stage.private / name
        if not path.exists():
            path.write_text("X=root\n")
    stage.sub.rename(stage.data / "moved")
    stage.sub.symlink_to(stage.private)
    stage.give(stage.sub)
    return seen(stage.private)


def unchanged(stage: Stage, before: dict[str, tuple[object, ...]]) -> None:
    after = {}
    for name in before:
        if os.path.lexists(name):
            after[name] = next(iter(seen(Path(name)).values()))
    assert after == before, stage.text
    assert set(seen(stage.private)) == {n for n in before if n.startswith(str(stage.private))}, stage.text
    assert SECRET.strip() not in stage.text
    for path in stage.sub.iterdir() if not stage.sub.is_symlink() else ():
        if path.is_file() and str(path) not in before:
            assert SECRET.strip() not in path.read_text(errors="replace"), path


def up(stage: Stage) -> None:
    """The program that needs no path runs, and the daemon can be asked."""
    eventually(lambda: stage.ask("status"), 20, message=f"the daemon answers: {stage.text}")
    eventually(
        lambda: all(stage.answers()[name]["state"] == "RUNNING" for name in ("healthy",)),
        15,
        message=stage.text,
    )


def rotate(stage: Stage) -> None:
    """Has both programs write more than all of their files hold; it is over when that is read."""
    for number in ("", "2"):
        if stage.answers()["app" if not number else "quiet"]["state"] != "RUNNING":
            continue
        (stage.root / f"go{number}").touch()
        eventually((stage.root / f"went{number}").exists, 15, message=stage.text)
    stage.ask("status")


MOMENTS = ("start", "reopen", "rotation", "end")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("kind", [*KINDS, None], ids=lambda kind: kind.__name__ if kind else "parent_symlink")
def test_our_dialect(stage: Stage, kind: Plant | None, moment: str) -> None:
    def strike() -> dict[str, tuple[object, ...]]:
        return swap_directory(stage) if kind is None else plant(stage, kind, NAMES)

    text = OURS.format(sub=stage.sub, root=stage.root)
    if moment == "start":
        before = strike()
        stage.start(text)
        up(stage)
    else:
        for name in ("env", "secret"):
            (stage.sub / name).write_text("X=ours\n")
            stage.give(stage.sub / name)
        stage.start(text)
        up(stage)
        before = strike()
    assert stage.daemon is not None
    if moment == "reopen":
        stage.daemon.send_signal(signal.SIGUSR2)
        stage.daemon.send_signal(signal.SIGHUP)
        eventually(lambda: stage.ask("status"), 15, message=stage.text)
    if moment in ("start", "rotation"):
        rotate(stage)
    assert stage.stop() == 0, stage.text
    unchanged(stage, before)


@pytest.mark.parametrize("moment", ["start", "end"])
@pytest.mark.parametrize("kind", [*KINDS, None], ids=lambda kind: kind.__name__ if kind else "parent_symlink")
def test_a_stock_file(stage: Stage, kind: Plant | None, moment: str) -> None:
    def strike() -> dict[str, tuple[object, ...]]:
        return swap_directory(stage) if kind is None else plant(stage, kind, STOCK_NAMES)

    if moment == "start":
        before = strike()
    stage.start(STOCK.format(sub=stage.sub))
    up(stage)
    if moment == "end":
        before = strike()
    assert stage.stop() == 0, stage.text
    unchanged(stage, before)


def test_without_a_stranger_all_paths_are_used(stage: Stage) -> None:
    """What the other tests show would be worth nothing if the daemon used none of them."""
    for name in ("env", "secret"):
        (stage.sub / name).write_text("X=ours\n")
        stage.give(stage.sub / name, STRANGER)
    stage.start(OURS.format(sub=stage.sub, root=stage.root))
    up(stage)
    eventually(lambda: "X=ours S=X=ours" in stage.text, message=stage.text)
    rotate(stage)
    eventually(lambda: (stage.sub / "app.log.2.gz").exists(), message="compressed")
    assert {"s.pid", "s.sock", "http.sock", "daemon.log", "app.log", "quiet.log"} <= {
        path.name for path in stage.sub.iterdir()
    }
    assert (stage.sub / "s.pid").read_text() == f"{stage.daemon.pid if stage.daemon else 0}\n"
    assert stage.stop() == 0
    left = {path.name for path in stage.sub.iterdir()}
    assert "term" in left
    assert not left & {"s.pid", "s.sock", "http.sock", "app.log.gz.tmp"}
