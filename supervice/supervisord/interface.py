"""What compatibility with supervisord needs of the daemon, as a Protocol. For type checkers only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from supervice.config import Loaded
    from supervice.supervision import interface
    from supervice.supervisord.extensions import Extensions

    class Daemon(interface.Daemon, Protocol):
        """The supervisor, also with what only supervisord's clients ask for."""

        @property
        def extensions(self) -> Extensions | None:
            """None as long as no program needs them."""
            ...

        def read(self) -> Loaded:
            """Returns the configuration as it reads now. OSError or ValueError when it cannot be used."""
            ...
