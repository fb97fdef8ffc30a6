"""Runs many processes: the set of them, the order of start and stop, reload, restart, probes, the end."""
