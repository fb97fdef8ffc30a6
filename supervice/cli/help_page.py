"""What `supervicectl --help` prints on 80 columns and more; `make docs` writes it."""

from __future__ import annotations

PAGE = """\
Usage: supervicectl [OPTIONS] [COMMAND] [ARGS]...

  Operates the supervice that runs in this container.

  NAME is a process, GROUP:* is every process of a group, all is every process.
  Without a verb, on a terminal, it opens a shell for verbs. Exit codes: 0 done,
  1 failed or not healthy, 2 usage, 3 a listed process is not running, 4 no
  daemon.

Options:
  --version                 Show the version and exit.
  -s, --socket PATH         Path of the control socket (default: found
                            automatically).
  --timeout S               Give up after S seconds (default: 10 for queries, 60
                            for wait, no limit for actions).  [x>=0]
  -o, --output [wide|json]  wide: tables wider than the terminal; json: one line
                            (default: tables that fit).
  --json                    The same as -o json.
  -h, --help                Show this message and exit.

Commands:
  attach      Types to a program with stdin = pipe, and shows its output.
  boot        Shows when each process started, and what it waited for.
  completion  Prints a script that completes verbs, options and names.
  config      Shows the settings in effect, with the origin of each value.
  env         Shows the environment variables of a program.
  events      Shows the last events: changes of state, reloads, exits.
  exec        Runs a command with the settings of a program.
  graph       Shows which program depends on which, and which waits.
  health      Checks health; the exit code is 0 if healthy, 1 if not.
  help        Shows the help page of a verb, or the list of verbs.
  logs        Shows the last output of processes, oldest line first.
  pid         Shows the pid of a process, or of the daemon.
  reload      Reads the configuration again; unchanged programs go on.
  reopen      Opens the log files again (after an external rotation).
  restart     Restarts processes.
  rotate      Rotates log files now: of NAME, or all and the daemon's own.
  schedule    Shows the schedules, and the next five times of each.
  shell       Opens a shell for verbs, as supervicectl without a verb does.
  shutdown    Stops everything and ends the container.
  signal      Sends a signal to processes.
  start       Starts processes and waits until each is up or has failed.
  startgroup  Starts the processes of a group.
  status      Shows the state of each process.
  stop        Stops processes and waits until they have ended.
  stopgroup   Stops the processes of a group.
  top         Shows CPU and memory of processes; h lists the keys, q quits.
  version     Shows the version of the daemon.
  wait        Waits for processes to reach a state, and first for the daemon.
  why         Explains the state of a process, and shows its last exits.
"""
