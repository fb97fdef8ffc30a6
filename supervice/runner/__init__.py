"""One process being run: the driver that acts on what the state machine decides, and its helpers."""
