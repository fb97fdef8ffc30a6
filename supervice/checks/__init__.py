"""How a program is asked whether it is well or ready, one module a way to ask. Decides nothing."""
