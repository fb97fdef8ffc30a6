"""The output of a second run of a process, beside the present one: the same sinks, last lines and followers.

Loaded with the first restart of a program with `overlap`. It has the methods of `ProgramOutput` that a run
needs; each puts the pipes of its run in the place of the present ones for as long as the call takes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.models import ProgramConfig
    from supervice.output.process_output import ProgramOutput
    from supervice.output.pump import Pump


class OutputBeside:
    __slots__ = ("_pumps", "_whole")

    def __init__(self, whole: ProgramOutput) -> None:
        self._whole = whole
        self._pumps: tuple[Pump | None, Pump | None] = (None, None)

    def exchange(self) -> None:
        """Puts our pipes in the place of those of the present run, or back."""
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
        """The present run has done so."""

    def close(self) -> None:
        """The output goes on."""
