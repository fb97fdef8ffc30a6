"""When a program with a `schedule` runs: expressions, time zones, and the decision about each due time.

Loaded only where a schedule stands. Pure, except `zones`, which reads time zone files.
"""
