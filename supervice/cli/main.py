"""The command `supervice`: from arguments to an exit code."""

from __future__ import annotations

import os
import sys

from supervice import __version__
from supervice.cli.args import UsageError, parse, seconds, usage
from supervice.lean.builtin import signal
from supervice.lean.enumeration import use_light
from supervice.pid1.own_process import open_standard_streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.cli.args import Arguments
    from supervice.core import Supervisor

USAGE = 2


def main() -> None:
    """The console script. Never returns."""
    # Until there are handlers: as PID 1 a signal without one is lost, otherwise it would end us half started.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        code = run(sys.argv[1:])
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # started with them closed
                stream.flush()
    except BrokenPipeError:
        code = 1
    # All is closed and written. Taking the interpreter apart would add 3 to 5 ms to a container's stop.
    os._exit(code)


def run(argv: list[str]) -> int:
    """The exit code of `supervice ARGV`."""
    open_standard_streams()
    try:
        args = parse(argv, os.environ)
        if args.get("help"):
            print(usage())
            return 0
        if args.get("version"):
            print(f"supervice {__version__}")
            return 0
        if args.command[:1] == ["check"] and not args.literal:
            from supervice.cli.check import check

            return check(args.command[1:], find_configuration(args))
        return _run(args)
    except UsageError as error:
        return _refuse(f"{error}; see supervice --help")


def _run(args: Arguments) -> int:
    path = find_configuration(args)
    if path is None and not args.command:
        return _refuse("there is no configuration; name one with -c FILE (see supervice --help)")
    if path is None:
        return _single(args)
    use_light()
    from supervice.config import ConfigValidationError
    from supervice.core import Supervisor

    supervisor = Supervisor(daemon=True)
    try:
        _override(supervisor, args)
        supervisor.load_config(path)
        if args.command:
            if not supervisor.processes:  # an image's empty default configuration is none
                return _single(args)
            supervisor.set_command(args.command)
    except ConfigValidationError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return USAGE
    except OSError as error:
        return _refuse(f"{path}: {error.strerror}")
    except ValueError as error:
        return _refuse(str(error))
    return _serve(supervisor)


def find_configuration(args: Arguments) -> str | None:
    """What -c or the environment says, else the first that exists of the known places."""
    named = args.get("configuration")
    if named is not None:
        return None if named == "none" else named
    from supervice.control.address import CONFIG_PATHS

    return next((path for path in CONFIG_PATHS if os.path.isfile(path)), None)


def _serve(supervisor: Supervisor) -> int:
    """Runs the configuration to its end."""
    from supervice.core import CannotSwitch, PidfileInUse, SocketInUse
    from supervice.lean.loop import Loop

    try:
        Loop().run_until_complete(supervisor.run())
    except (SocketInUse, PidfileInUse, CannotSwitch) as error:
        return _refuse(f"{getattr(error, 'strerror', None) or error}; nothing was started")
    return supervisor.exit_code


def _single(args: Arguments) -> int:
    """Single-command mode."""
    from supervice.cli.single_options import single_options
    from supervice.lean.loop import Loop
    from supervice.pid1.single_command import SingleCommand

    return SingleCommand(Loop(), args.command, single_options(args)).run()


def _override(supervisor: Supervisor, args: Arguments) -> None:
    from supervice import logger

    for option, setting in (("logfile", "logfile"), ("loglevel", "loglevel"), ("socket", "socket_path")):
        if args.get(option) is not None:
            supervisor.overrides[setting] = args.values[option]
    if args.get("loglevel") is not None:
        logger.level_number(args.values["loglevel"])
    timeout = seconds(args, "shutdown-timeout")
    if timeout is not None:
        supervisor.overrides["shutdown_timeout"] = timeout


def _refuse(message: str) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"supervice: {message}\n")
    return USAGE
