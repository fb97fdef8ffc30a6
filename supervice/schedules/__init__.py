"""Decides when a program with a `schedule` runs: expressions, time zones, and each time that comes due.

Loaded only where a schedule is set. Pure, except `zones`, which reads time zone files.
"""
