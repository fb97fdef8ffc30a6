"""Runs one process: the driver that acts on the state machine's decisions, and its helpers."""
