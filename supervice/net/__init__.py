"""Sockets for any server: listening, accepting, buffered reading and writing, peer credentials."""
