"""The one place where the version stands; imports nothing, so that `--version` costs nothing."""

__version__ = "0.1.0"
