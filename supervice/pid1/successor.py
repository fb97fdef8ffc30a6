"""Tells whether a process may continue the run of the leader that names it; loaded with the first MAINPID=.

Any number can be named, so that of another program's process too, or of one of root's. The leader's own
processes may be: those of its session, its descendants, and those of its user, which it may signal anyhow.
"""

from __future__ import annotations

from supervice.pid1.leftovers import read_stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.pid1.leftovers import Stat

# The most ancestors that are looked at.
DEEPEST = 32


def successor(pid: int, leader: int, session: int) -> Stat | None:
    """Returns the process if it may continue the run of the leader, else None; `session` is the run's."""
    stat = read_stat(pid) if pid not in (leader, 0) else None
    if stat is None:
        return None
    its_own = stat.session == session or _descends(stat, leader)
    return stat if its_own or _user(pid) == _user(leader) is not None else None


def _descends(stat: Stat | None, leader: int) -> bool:
    for _ in range(DEEPEST):
        if stat is None or stat.ppid in (0, 1):
            break
        if stat.ppid == leader:
            return True
        stat = read_stat(stat.ppid)
    return False


def _user(pid: int) -> bytes | None:
    """Returns the real uid of a process; None when it has gone."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            return next((line.split()[1] for line in status if line.startswith(b"Uid:")), None)
    except OSError:
        return None
