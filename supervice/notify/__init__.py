"""The notification protocol of sd_notify(3): a server for programs, and a client of our own manager."""
