"""What can be asked of a running supervisor, and what it answers; knows nothing of sockets."""
