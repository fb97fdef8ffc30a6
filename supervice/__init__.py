"""supervice: the PID 1 for containers that need more than one process."""

__version__ = "0.1.0"

__all__ = ["__version__"]
