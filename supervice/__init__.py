"""supervice: the PID 1 for containers that need more than one process."""

from supervice.version import __version__

__all__ = ["__version__"]
