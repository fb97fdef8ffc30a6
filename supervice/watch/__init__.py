"""Watches files: finds what has changed since a program started, and decides what to do about it.

Loaded only where a `watch` is set. `scanner` looks at files, everything else is pure.
"""
