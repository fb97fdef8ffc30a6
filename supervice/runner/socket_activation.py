"""Passes listening sockets to a program, as sd_listen_fds(3) expects them. Loaded with the first of them."""

from __future__ import annotations

from supervice.lean.dataclasses import replace
from supervice.pid1.spawn import Order, SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from supervice.models import ListenConfig, ProgramConfig
    from supervice.runner.obstacle import Question

    class Sockets(Protocol):
        """Listening sockets that we keep open: `open` for each start returns our descriptors. OSError."""

        def open(self, config: ProgramConfig) -> list[int]: ...
        def lost(self, config: ProgramConfig) -> list[str]: ...
        def question(self, config: ProgramConfig) -> Question | None: ...


FIRST_FD = 3


def with_sockets(order: Order, listen: ListenConfig, sockets: Sockets | None, config: ProgramConfig) -> Order:
    """Returns the order with the sockets. SpawnError when one cannot be had."""
    if sockets is None:
        raise SpawnError("listen needs a supervisor that keeps its sockets open", permanent=True)
    try:
        fds = sockets.open(config)
    except OSError as error:
        raise SpawnError(error.strerror or str(error)) from None
    return replace(
        order,
        stdin=fds[0] if listen.stdin else order.stdin,
        env={
            **order.env,
            "LISTEN_FDS": str(len(fds)),
            "LISTEN_FDNAMES": ":".join(name for name, _ in listen.sockets),
        },
        pid_variable="LISTEN_PID",
        extra_fds=(*((fd, FIRST_FD + number) for number, fd in enumerate(fds)), *order.extra_fds),
    )
