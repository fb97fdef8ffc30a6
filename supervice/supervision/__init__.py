"""Many processes: which there are, the order of their start and stop, reload, restart, probes, the end."""
