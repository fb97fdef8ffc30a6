"""The daemon's own log for `maintail`: its file, or its last lines from memory without a file."""

from __future__ import annotations

from supervice import logger
from supervice.output.ring import Ring, Subscription
from supervice.output.targets import own_descriptor
from supervice.supervisord.rpc import logs
from supervice.supervisord.rpc.codec import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import EventLoop
    from supervice.supervisord.interface import Daemon

KEPT = 16384  # bytes


class DaemonLog:
    """Keeps lines from the moment it is made until `close`."""

    def __init__(self, daemon: Daemon, loop: EventLoop) -> None:
        self._daemon = daemon
        self._loop = loop
        self._ring = Ring(KEPT)
        self._followers: list[Subscription] = []
        logger.copy_to(self._line)

    def _line(self, line: bytes) -> None:
        self._ring.append(0, b"", memoryview(line))
        for follower in tuple(self._followers):
            follower.offer(0, line, 0)

    def text(self) -> logs.Text:
        path = self._file()
        text = logs.file_text(path) if path else None
        if text is not None:
            return text
        begin, data = self._ring.kept("stdout")
        return logs.Text(begin, begin + len(data), lambda offset, length: data[offset - begin :][:length])

    def _file(self) -> str:
        path = self._daemon.config.logfile
        return "" if own_descriptor(path) is not None or path.startswith("/dev/") else path

    def clear(self) -> None:
        self._ring = Ring(KEPT)
        path = self._file()
        if path:
            try:
                self._daemon.live.empty_log(path)
            except OSError:
                raise Fault("FAILED") from None

    def follow(self, send: Callable[[bytes], bool], done: Callable[[], None]) -> Callable[[], object]:
        """Follows the log, like `logs.follow`."""
        text = self.text()
        send(text.part(text.end - logs.FOLLOW_BEGINS, logs.FOLLOW_BEGINS))
        return logs.following(self._subscribe, "stdout", send, done)

    def _subscribe(self, callback: Callable[[], object]) -> Subscription:
        return Subscription(self._loop, callback, KEPT, self._followers)

    def close(self) -> None:
        logger.copy_to(None)
