"""The parts of the standard library that PID 1 can afford (docs/adr/0017)."""
