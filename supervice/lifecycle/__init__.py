"""The law of a process, as values: no I/O, no clock, no loop. See `transition`."""
