"""How the world talks to the daemon: the control socket and what belongs to it."""
