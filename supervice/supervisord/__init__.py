"""Compatibility with supervisord beyond its configuration files. Imported on demand."""
