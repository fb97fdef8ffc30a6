"""How long an end may take, in seconds: the one home of the times that no option sets.

A program has its own (`stopwaitsecs`, or a ladder of signals), and each ladder ends in SIGKILL.
"""

# What programs leave behind, from SIGTERM to SIGKILL.
LEFTOVERS = 5.0
# After SIGKILL the kernel ends a process within microseconds, unless that is in uninterruptible sleep. So long
# a killed child is waited for: when there is time, and while the container ends.
KILLED = 5.0
KILLED_AT_SHUTDOWN = 1.0
# The same for what programs leave behind.
KILLED_LEFTOVERS = 2.0
