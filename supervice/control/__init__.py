"""The control socket: frames, access, its server; and the client's side of it."""
