"""Ways to ask a program whether it is healthy or ready, one module each. Decides nothing."""
