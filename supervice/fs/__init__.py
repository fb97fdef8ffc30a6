"""Handles files as safely as if a program's own user did: opens, makes, renames, removes (docs/adr/0019)."""
