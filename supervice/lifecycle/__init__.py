"""Pure decisions about processes, as values: no I/O, no clock, no loop. `transition` is the state machine."""
