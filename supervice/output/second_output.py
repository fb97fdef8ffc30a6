"""The output of a second run of a process beside the present one: same sinks, last lines and followers.

Loaded with the first restart of a program with `overlap`. It has the methods of `ProgramOutput` that a run
needs; each swaps in the pipes of its run for the duration of the call.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.models import ProgramConfig
    from supervice.output.process_output import ProgramOutput
    from supervice.output.pump import Pump


class SecondOutput:
    __slots__ = ("_pumps", "_whole")

    def __init__(self, whole: ProgramOutput) -> None:
        self._whole = whole
        self._pumps: tuple[Pump | None, Pump | None] = (None, None)

    def exchange(self) -> None:
        """Swaps our pipes with those of the present run."""
        self._pumps = self._whole.exchange(self._pumps)

    def prepare(self) -> tuple[int, int]:
        self.exchange()
        try:
            return self._whole.prepare()
        finally:
            self.exchange()

    def started(self, pid: int) -> None:
        self.exchange()
        try:
            self._whole.started(pid)
        finally:
            self.exchange()

    def abandon(self) -> None:
        self.exchange()
        try:
            self._whole.abandon()
        finally:
            self.exchange()

    def exited(self) -> None:
        self.exchange()
        try:
            self._whole.exited()
        finally:
            self.exchange()

    @property
    def spy(self) -> Callable[[int, bytes], object] | None:
        return self._whole.spy

    @spy.setter
    def spy(self, spy: Callable[[int, bytes], object] | None) -> None:
        self._whole.spy = spy

    def end(self, size: int) -> bytes:
        return self._whole.end(size)

    def reconfigure(self, config: ProgramConfig) -> None:
        """Does nothing: the present run applies the settings."""

    def close(self) -> None:
        """Does nothing: the output goes on with the present run."""
