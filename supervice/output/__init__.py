"""The output of programs: pipes, whole lines, rotating files, our own stdout, the last lines.

Other packages use `router`. This package knows nothing of processes, states or configuration files.
"""
