"""What `supervicectl --help` prints on 80 columns and more; `make docs` writes it."""

from __future__ import annotations

PAGE = """\
Usage: supervicectl [OPTIONS] [COMMAND] [ARGS]...

  Controls the supervice that runs in this container.

  NAME is a process, GROUP:* all of a group, all everything. Without a verb, on
  a terminal, it reads verbs. Exit codes: 0 done, 1 failed or not healthy, 2
  usage, 3 a listed process is not running, 4 no daemon.

Options:
  --version                 Show the version and exit.
  -s, --socket PATH         Path of the control socket (default: found
                            automatically).
  --timeout S               Give up after S seconds (default: as long as it may
                            take; 10 for what is only asked).  [x>=0]
  -o, --output [wide|json]  wide: tables that are not cut to the terminal; json:
                            one line (default: tables that fit).
  --json                    One line of JSON, as -o json.
  -h, --help                Show this message and exit.

Commands:
  attach      Types to a program with stdin = pipe, and shows its output.
  boot        Shows when each process was started, and what it waited for.
  completion  Prints what makes a shell complete verbs, options and names.
  config      Shows what the daemon runs now, with the origin of each value.
  env         Shows the environment of a program, with its env files and...
  events      Shows what happened.
  exec        Runs a command with everything that a program has.
  graph       Shows which program needs which, and which waits for another.
  health      Checks health; exit code 0 if healthy, 1 if not.
  help        Shows what a verb does and takes, or all verbs.
  logs        Shows the last output of processes, in the order of time.
  pid         Shows the pid of a process, or of the daemon.
  reload      Reads the configuration again; what did not change keeps...
  reopen      Opens the log files again (after an external rotation).
  restart     Restarts processes.
  rotate      Rotates the log files of processes, or all of them and the...
  schedule    Shows what runs at which times, and the next five of each.
  shell       Reads verbs line by line; also what supervicectl alone opens...
  shutdown    Stops everything; the container ends.
  signal      Sends a signal to processes.
  start       Starts processes and waits until they have settled.
  startgroup  Starts the processes of a group.
  status      Shows the processes and how they are.
  stop        Stops processes and waits until they have ended.
  stopgroup   Stops the processes of a group.
  top         Shows the processes and what they use, refreshed; h shows the...
  version     Shows the version of the daemon.
  wait        Waits until processes are in a state; without a daemon, for...
  why         Shows what a process is, what happens next, why, and its last...
"""
