"""The questions and orders that a running supervisor answers. Knows nothing of sockets."""
