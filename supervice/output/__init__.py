"""Where the output of programs goes: pipes, whole lines, rotating files, our own stdout, the last lines.

`router` is the door; nothing here knows of processes, states or configuration files.
"""
