"""The control socket: its frames, who may do what, its server, and the client."""
