"""Watches files for programs: looks at them, feeds `watch.decide`, and does what that decides.

One timer for all of them. A program that an operator has stopped is not watched; one that is FATAL is.
`[supervice] watch_config` is a watch without a program. Made for the first watch.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.lean.loop import running_loop
from supervice.lifecycle.states import RESTING, STARTING, STOPPED
from supervice.models import program_of
from supervice.supervision.table import Observer
from supervice.supervision.watch_actions import WatchActions
from supervice.watch import states as w
from supervice.watch.decide import decide, wake
from supervice.watch.mounts import mounted_alone
from supervice.watch.patterns import Pattern, ignoring
from supervice.watch.scanner import Scanner, TooMany, own_mount_points

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from supervice.lean.loop import Cancellable, EventLoop
    from supervice.lifecycle.states import Announce
    from supervice.models import ProgramConfig, WatchConfig
    from supervice.process import Process
    from supervice.supervision.interface import Daemon
    from supervice.supervision.table import ProcessTable

ENV_FILES = "@env"
# The name of the watch on the daemon's own configuration.
OWN = "supervice"
# The most names in one line.
_MOST_NAMES = 5


class Entry:
    """The watch of one program, or of the daemon itself (without `members`)."""

    __slots__ = ("config", "due", "members", "name", "paths", "rules", "scanner", "settling", "state")

    def __init__(self, name: str, config: WatchConfig, paths: tuple[str, ...], logs: Iterable[str]) -> None:
        self.name = name
        self.config = config
        self.paths = paths
        self.members: list[Process] = []
        self.rules = w.Rules(config.interval, config.delay, config.check is not None, config.action)
        self.scanner = Scanner([Pattern(path) for path in paths], ignoring(config.ignore, logs))
        self.state = w.State(held=True)
        self.due: float | None = None  # on the loop's clock
        self.settling = False  # the first look has not read everything yet


class Watches(Observer):
    """The watches of one supervisor, from `begin` to `close`."""

    def __init__(
        self,
        loop: EventLoop,
        table: ProcessTable,
        actions: WatchActions,
        own_files: Callable[[], tuple[str, ...]],
        own_log: Callable[[], str],
    ) -> None:
        """`own_files`: the daemon's configuration, if that is watched; `own_log`: its log file."""
        self._loop = loop
        self._table = table
        self._actions = actions
        self._own_files = own_files
        self._own_log = own_log
        self._entries: dict[object, Entry] = {}
        self._of: dict[str, list[Entry]] = {}  # by the name of a process
        self._timer: Cancellable | None = None
        self._timer_at = 0.0
        self._closed = False
        table.observe(self)

    def begin(self) -> None:
        """Sets up all watches, before the first program starts."""
        self.rebuild()

    def close(self) -> None:
        self._closed = True
        self._table.unobserve(self)
        self._actions.close()
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- what is watched ---------------------------------------------------------------------------------

    def rebuild(self) -> None:
        if self._closed:
            return
        logs = self._log_files()
        before, self._entries, self._of = self._entries, {}, {}
        for process in self._table.processes.values():
            config = self._table.configured(process.config.name)
            if config.watch is not None:
                self._join(process, config, config.watch, before, logs)
        files = self._own_files()
        if files:
            self._own(files, before, logs)
        for key, entry in self._entries.items():
            if before.get(key) is not entry:
                self._begin(entry)
            elif (
                not entry.state.held and entry.state.phase != w.ACTING
            ):  # not by the reload that it has begun
                self._feed(entry, w.Resumed(self._loop.time()))
        self._rearm()

    def _log_files(self) -> tuple[str, ...]:
        """Returns our own log files, by their real names and by those in the configuration."""
        found = {self._own_log()}
        for process in self._table.processes.values():
            found.update((process.config.stdout_logfile or "", process.config.stderr_logfile or ""))
        files = [path for path in found if path.startswith("/") and not path.startswith(("/dev/", "/proc/"))]
        return tuple(sorted({*files, *map(os.path.realpath, files)}))

    def _join(
        self,
        process: Process,
        config: ProgramConfig,
        watch: WatchConfig,
        before: dict[object, Entry],
        logs: tuple[str, ...],
    ) -> None:
        """Adds a process to the watch that it shares with others of its program."""
        paths = _paths(config, watch)
        key = (program_of(config), watch, paths, logs)
        entry = self._entries.get(key)
        if entry is None:
            entry = before.get(key) or Entry(program_of(config), watch, paths, logs)
            entry.members = []
            self._entries[key] = entry
        entry.members.append(process)
        self._of.setdefault(process.config.name, []).append(entry)

    def _own(self, files: tuple[str, ...], before: dict[object, Entry], logs: tuple[str, ...]) -> None:
        from supervice.models import WatchConfig

        key = (None, files, logs)
        self._entries[key] = before.get(key) or Entry(OWN, WatchConfig(files, "reload"), files, logs)

    def _begin(self, entry: Entry) -> None:
        """Notes the contents for running programs; for the others that is done when they start."""
        _say_mounts(entry)
        if not entry.members or any(process.state != STOPPED for process in entry.members):
            self._feed(entry, w.Resumed(self._loop.time()))
            self._note_contents(entry)

    # -- what the table tells ----------------------------------------------------------------------------

    def changed(self, process: Process, change: Announce | None) -> None:
        if change is None or self._closed:
            return
        for entry in self._of.get(process.config.name, ()):
            if change.to_state == STARTING:
                self._starting(entry, process)
            elif change.to_state == STOPPED and all(one.state == STOPPED for one in entry.members):
                self._feed(entry, w.Held(self._loop.time()))
        self._rearm()

    def _starting(self, entry: Entry, process: Process) -> None:
        """Notes the contents that the program, which is not spawned yet, will read."""
        others = [one for one in entry.members if one is not process]
        if entry.state.held:
            self._feed(entry, w.Resumed(self._loop.time()))
        if all(one.state in RESTING for one in others):
            self._note_contents(entry)

    def wanted(self, names: Iterable[str], wanted: bool) -> None:
        if wanted and not self._closed:
            for entry in {id(entry): entry for name in names for entry in self._of.get(name, ())}.values():
                if not entry.state.held:
                    self._feed(entry, w.Resumed(self._loop.time()))
            self._rearm()

    def shutting_down(self, reason: str) -> None:
        self._closed = True
        self._actions.close()
        self._cancel()

    # -- looking -----------------------------------------------------------------------------------------

    def _note_contents(self, entry: Entry) -> None:
        if entry.state.phase == w.ACTING:
            return
        look = self._look_at(entry)
        if look is not None:
            entry.settling = look.unread
            self._feed(entry, w.Started(self._loop.time()))

    def _look(self, entry: Entry) -> None:
        look = self._look_at(entry)
        if look is None:
            return
        now = self._loop.time()
        if entry.settling:
            entry.settling = look.unread
            self._feed(entry, w.Started(now))
        else:
            changes = look.changes
            self._feed(entry, w.Looked(now, changes.changed, changes.moved or look.unread))
        if look.unread and entry.due is not None:
            entry.due = now

    def _look_at(self, entry: Entry) -> Any:
        try:
            look = entry.scanner.look()
        except TooMany as error:
            logger.error(f"{entry.name}: watch: {error}: nothing is watched; write a narrower glob")
            entry.state, entry.due = w.State(held=True), None
            return None
        for text in look.unreadable[:_MOST_NAMES]:
            logger.warning(f"{entry.name}: watch: {text}; its size and time are watched")
        changes = look.changes
        if changes.gone and not entry.settling:
            logger.info(
                f"{entry.name}: watch: {_names(changes.gone)} missing; nothing happens until the return"
            )
        if changes.back:
            same = not set(changes.back) & set(changes.changed)
            logger.info(f"{entry.name}: watch: {_names(changes.back)} back{', unchanged' if same else ''}")
        return look

    def _rearm(self) -> None:
        soonest = min((e.due for e in self._entries.values() if e.due is not None), default=None)
        if soonest is None or self._closed:
            self._cancel()
        elif self._timer is None or self._timer_at != soonest:
            self._cancel()
            self._timer_at = soonest
            self._timer = self._loop.call_later(max(0.0, soonest - self._loop.time()), self._elapsed)

    def _elapsed(self) -> None:
        """Looks at one program's files; another that is due waits for the next turn of the loop."""
        self._timer = None
        now = self._loop.time()
        due = [entry for entry in self._entries.values() if entry.due is not None and entry.due <= now]
        if due:
            entry = min(due, key=lambda one: one.due or 0.0)
            entry.due = None
            try:
                self._look(entry)
            finally:
                self._rearm()  # for the other programs too, whatever becomes of this look
        else:
            self._rearm()

    # -- what is decided, and done -----------------------------------------------------------------------

    def _feed(self, entry: Entry, event: w.Event) -> None:
        entry.state, effects = decide(entry.state, event, entry.rules)
        seconds = wake(entry.state, entry.rules)
        entry.due = None if seconds is None else entry.state.at + seconds
        for effect in effects:
            if isinstance(effect, w.Accept):
                entry.scanner.contents.accept()
            elif isinstance(effect, w.Log):
                logger.log(effect.level, f"{entry.name}: {effect.text}")
            elif isinstance(effect, w.Check):
                self._actions.check(entry.members, entry.config, lambda event: self._answer(entry, event))
            else:
                logger.info(f"{entry.name}: watch: {effect.reason}: {entry.config.action}")
                self._actions.act(
                    entry.name, entry.members, entry.config, lambda event: self._answer(entry, event)
                )

    def _answer(self, entry: Entry, event: w.Event) -> None:
        if not self._closed and any(one is entry for one in self._entries.values()):
            self._feed(entry, event)
            self._rearm()


def watches_of(daemon: Daemon, files: Callable[[], tuple[str, ...]]) -> Watches:
    """Returns the watches of a supervisor; `files` are those of its configuration."""
    loop = running_loop()
    actions = WatchActions(loop, daemon.table, daemon.startup, daemon.reload)

    def own_files() -> tuple[str, ...]:
        return files() if daemon.config.watch_config else ()

    return Watches(loop, daemon.table, actions, own_files, lambda: daemon.config.logfile)


def _paths(config: ProgramConfig, watch: WatchConfig) -> tuple[str, ...]:
    """Returns the paths, with the files of the environment in place of `@env`."""
    own = (*config.env_file, *config.secrets.values())
    return tuple(dict.fromkeys(path for one in watch.paths for path in (own if one == ENV_FILES else (one,))))


def _say_mounts(entry: Entry) -> None:
    points = own_mount_points()
    files = [path for path in entry.paths if not os.path.isdir(path)]
    for path in mounted_alone(files, points):
        logger.warning(
            f"{entry.name}: watch: {path} is mounted alone: its replacement outside is not seen here; "
            "mount its directory"
        )


def _names(paths: tuple[str, ...]) -> str:
    more = len(paths) - _MOST_NAMES
    shown = ", ".join(paths[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"{shown} {'is' if len(paths) == 1 else 'are'}"
