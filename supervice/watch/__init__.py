"""Watching files: what has changed since a program started, and what is done about it.

Loaded only where a `watch` stands. `scanner` looks at files, all else is pure.
"""
