"""What compatibility with supervisord needs of the daemon, as a Protocol. For type checkers only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from supervice.supervision import interface
    from supervice.supervisord.extensions import Extensions

    class Live(interface.Live, Protocol):
        @property
        def extensions(self) -> Extensions | None:
            """What supervisord's dialect adds to programs; None as long as no program needs it."""
            ...

    class Daemon(interface.Daemon, Protocol):
        """The supervisor, also with what only supervisord's clients ask for."""

        @property
        def live(self) -> Live: ...
