"""The notification protocol of sd_notify(3): a server for programs, a client towards our own manager."""
