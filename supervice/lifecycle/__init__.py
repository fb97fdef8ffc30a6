"""Pure decisions about processes: no I/O, no clock, no loop. `transition` is the state machine."""
